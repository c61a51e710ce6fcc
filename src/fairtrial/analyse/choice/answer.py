"""What an optimum comes to, in a sentence, and why it may be wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.analyse.choice.field import Field
from fairtrial.analyse.choice.judged import Judged
from fairtrial.analyse.doubts import CONFIRM, RETRY, few
from fairtrial.model.choice import Candidate
from fairtrial.model.finding import Caution, CautionKind, Needed, Verdict
from fairtrial.model.words import condition, count, percent, quantity, span


@dataclass(frozen=True, slots=True)
class Spoken:
    """What was found."""

    seen: Field
    judged: Judged
    needed: Needed
    bound: bool
    """There are service levels."""
    margin: float | None

    def answer(self, candidates: Sequence[Candidate], verdict: Verdict) -> str:
        """Say which condition is the best, or why that is not known."""
        rivals = int(self.seen.eligible.sum())
        if not rivals:
            return self._none()
        place = next(at for at in self.seen.order().tolist() if self.seen.eligible[at])
        first = candidates[self.seen.order().tolist().index(place)]
        words, shown, among = named(first), self._shown(first), count(rivals, "condition")
        if verdict is Verdict.SUPPORTED:
            return f"{words} is the best of {among} ({shown}); every other one is told from it."
        if verdict is Verdict.NOT_SUPPORTED:
            return f"No single condition is the best of {among}: {self._alike()}; {words} is first ({shown})."
        return self._open(words, shown, among)

    def _open(self, words: str, shown: str, among: str) -> str:
        lacking, left = int((~self.seen.complete).sum()), int((self.seen.eligible & ~self.judged.told).sum())
        if lacking:
            rest = f"values are missing in {lacking:,} of {count(len(self.seen), 'condition')}"
            return f"Which condition is the best is open: {rest}; {words} looks best of the others ({shown})."
        if self.seen.eligible.sum() == 1:
            return f"There is nothing to choose from: {words} is the only candidate ({shown})."
        if self.judged.replicates == 1:
            return f"With one replicate no condition is told from the best; {words} looks best of {among} ({shown})."
        if left == 1 and self.bound:
            rest = "but it is not shown to keep the service levels"
            return f"{words} is told from every other one of {among} ({shown}), {rest}."
        return f"{left:,} of {among} cannot be told from the best; {words} looks best ({shown}){self._limit()}."

    def _none(self) -> str:
        broken = (self.seen.complete & (self.seen.feasible < 0)).any()
        why = "keeps the service levels" if broken else "has enough values"
        return f"No condition {why}, so none is the best in {self.seen.metric.name}."

    def _shown(self, first: Candidate) -> str:
        name, unit, estimate = self.seen.metric.name, self.seen.metric.unit, first.estimate
        ends = f", {span(estimate.interval, unit)}" if estimate.interval else ""
        return f"{name} {quantity(estimate.mean or 0.0, unit)}{ends}, n = {estimate.n}"

    def _alike(self) -> str:
        left = self.seen.eligible & ~self.judged.told
        near = 0 if self.judged.gap is None else int((self.judged.gap[left] <= (self.margin or 0.0)).sum())
        if not self.margin:
            return f"{near:,} are exactly equal"
        return f"{near:,} are within {quantity(self.margin, self.seen.metric.unit)} of the best"

    def _limit(self) -> str:
        if not self.needed.smallest_effect:
            return ""
        return f"; a gap of {quantity(self.needed.smallest_effect, self.seen.metric.unit)} would be seen with power 0.8"


def doubts(seen: Field, judged: Judged, verdict: Verdict, completeness: float) -> Iterator[Caution]:
    """List why the choice may be wrong."""
    lacking, tolerated = int((~seen.complete).sum()), int((seen.complete & (seen.lost > 0)).sum())
    if lacking:
        of = f"{lacking:,} of {count(len(seen), 'condition')}"
        text = f"Values are missing in {of}; the study asks for {percent(completeness)} of the trials."
        yield Caution(CautionKind.INCOMPLETE, text, RETRY)
    if tolerated:
        text = f"{count(tolerated, 'candidate')} lost trials; what lost trials neither leads nor is called the best."
        yield Caution(CautionKind.CENSORED, text, "Measure what is missing with fairtrial retry RUN.")
    if judged.leader is not None:
        yield from few(
            judged.replicates, f"The choice rests on {count(judged.replicates, 'replicate')} of each condition."
        )
    yield from _selection(seen, judged, verdict)
    spread = seen.seen.summary.sd[seen.eligible]
    if judged.replicates > 1 and not np.nan_to_num(spread).any():
        text = f"{seen.metric.name} is the same in every replicate of every condition."
        advice = "Check that the system uses its seed; if it has no noise, one replicate is enough."
        yield Caution(CautionKind.DEGENERATE, text, advice)


def _selection(seen: Field, judged: Judged, verdict: Verdict) -> Iterator[Caution]:
    rivals = int(seen.eligible.sum())
    if verdict is not Verdict.SUPPORTED and rivals > 1:
        curse = judged.curse if judged.curse and judged.curse > 0 else None
        amount = f", and is expected to be {quantity(curse, seen.metric.unit)} too good" if curse else ""
        text = f"The best mean of {count(rivals, 'condition')} was picked by looking{amount}."
        yield Caution(CautionKind.SELECTION, text, CONFIRM)


def named(one: Candidate) -> str:
    """Write a candidate's condition."""
    return condition(one.assignment, one.variant) or "The only condition"
