"""The summary of a search: how it went, its best, its top, and where the near-best conditions lie."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.analyse.choice.answer import named
from fairtrial.analyse.choice.field import Field, chosen, field
from fairtrial.analyse.choice.judged import Judged, judge
from fairtrial.analyse.choice.optimum import candidates_of, needed_of, verdict_of
from fairtrial.analyse.data import Column, Data
from fairtrial.analyse.doubts import CONFIRM, RETRY
from fairtrial.analyse.effect.importance import importance
from fairtrial.analyse.effect.term import Asked
from fairtrial.model.choice import Again, Candidate, SearchFinding, Span
from fairtrial.model.effect import Importance
from fairtrial.model.finding import Caution, CautionKind, Verdict
from fairtrial.model.identity import canonical_json
from fairtrial.model.outcome import Status
from fairtrial.model.study import Metric
from fairtrial.model.words import count, percent, quantity
from fairtrial.stats.summary import Floats, mean, sd

SHARE = 0.01
"""What counts as near the best where nothing says how noisy a value is: this share of the range of all values."""
TIE = 1e-9
"""Share of the margin by which rounding may miss it."""
UNDEFINED = "undefined"
"""Why a trial that is done has no value."""


def search(
    found: Data,
    metrics: Sequence[Metric],
    *,
    metric: str | None = None,
    top: int = 10,
    margin: float | None = None,
    again: Sequence[Again] = (),
    alpha: float = 0.05,
) -> SearchFinding:
    """Sum up a search. Means and sds are over completed trials alone; pruned and failed ones are counted apart.

    Near the best is what lies within `margin` (in the metric's unit; without it, the sd between replicates of a
    condition, or 1 % of the range where there is one replicate). A condition that lost a trial is neither in the top
    nor near the best. The best of a search was picked by looking: it is supported only where replicates tell it from
    every other condition, and not contradicted by a second measurement (`again`). Raises UserError where the metric
    has no direction.
    """
    seen = field(found, chosen(metrics, metric), alpha=alpha)
    judged = judge(seen, alpha)
    listed = candidates_of(seen, judged, np.zeros(len(seen), dtype=np.bool_), alpha, bound=False)
    whole = [one for one in listed if one.estimate.n and not one.estimate.missing]
    values = found.metric(seen.metric.name)
    values = values[np.isfinite(values)]
    near = _margin(seen, values, margin)
    summed = _Summed(seen, whole, near, top, again)
    verdict, weights = _verdict(seen, judged, again), _importance(found, seen.metric.name, alpha)
    return SearchFinding(
        metric=seen.metric.name,
        direction=str(seen.metric.direction),
        completed=len(values),
        pruned=sum(status == Status.PRUNED.value for status in found.measured.status),
        failed=_failed(found, seen.metric.name),
        best=whole[0] if whole else None,
        top=len(summed.top),
        top_mean=mean(summed.top),
        top_sd=sd(summed.top),
        all_mean=mean(values.tolist()),
        all_sd=sd(values.tolist()),
        peak_gap=summed.top[0] - (mean(summed.top) or 0.0) if whole else None,
        margin=near.size,
        near=summed.near,
        ranges=summed.ranges(found),
        importance={one.factor: one.share for one in weights},
        importance_interval={one.factor: one.interval for one in weights},
        again=tuple(again),
        verdict=verdict,
        needed=needed_of(seen, judged, alpha, margin, settled=verdict is not Verdict.INCONCLUSIVE),
        answer=summed.answer(verdict),
        cautions=tuple(_cautions(seen, judged, verdict, _lost(found, seen.metric.name))),
    )


@dataclass(frozen=True, slots=True)
class _Margin:
    """What counts as near the best, and why."""

    size: float
    why: str


@dataclass(frozen=True, slots=True)
class _Summed:
    """The conditions without a lost trial, best first."""

    seen: Field
    whole: Sequence[Candidate]
    margin: _Margin
    most: int
    again: Sequence[Again]

    @property
    def top(self) -> list[float]:
        """Return the means of the top."""
        return [one.estimate.mean for one in self.whole[: self.most] if one.estimate.mean is not None]

    @property
    def near(self) -> tuple[Candidate, ...]:
        """Return the conditions near the best."""
        if not self.whole:
            return ()
        best = self.whole[0].estimate.mean or 0.0
        reach = self.margin.size * (1 + TIE)
        return tuple(one for one in self.whole if abs((one.estimate.mean or 0.0) - best) <= reach)

    def ranges(self, found: Data) -> Mapping[str, Span]:
        """Return the span of each parameter over the near-best conditions."""
        spans = {}
        for name, column in found.factors.items():
            levels = [one.assignment[name] for one in self.near if name in one.assignment]
            if levels:
                spans[name] = _span(column, levels)
        return spans

    def answer(self, verdict: Verdict) -> str:
        """Say what the search found."""
        name, unit = self.seen.metric.name, self.seen.metric.unit
        if not self.whole:
            return f"No condition of the search has a value of {name} in each of its trials."
        best, near = self.whole[0], len(self.near)
        value = f"{name} {quantity(best.estimate.mean or 0.0, unit)}, n = {best.estimate.n}"
        size = f"within {quantity(self.margin.size, unit)} of it ({self.margin.why})"
        close = f"{near - 1:,} of {len(self.whole) - 1:,} others lie {size}" if near > 1 else f"no other lies {size}"
        told = {
            Verdict.SUPPORTED: "it is told from every other one",
            Verdict.NOT_SUPPORTED: "others are exactly as good",
        }.get(verdict, "it is not shown to be the best")
        among = count(len(self.whole), "condition")
        return f"{named(best)} came out best of {among} ({value}); {close}; {told}{self._second()}."

    def _second(self) -> str:
        """Say what the second measurement made of the first's best."""
        measured = [one for one in self.again if one.again.mean is not None]
        if not measured:
            return ""
        sign, unit = self.seen.sign, self.seen.metric.unit
        ranked = sorted(measured, key=lambda one: -sign * (one.again.mean or 0.0))
        first = measured[0]
        regret = abs((ranked[0].again.mean or 0.0) - (first.again.mean or 0.0))
        place = ranked.index(first) + 1
        return f"; on fresh seeds it is number {place} of {len(measured)}, {quantity(regret, unit)} behind the first"


def _margin(seen: Field, values: Floats, margin: float | None) -> _Margin:
    if margin is not None:
        return _Margin(margin, "the margin asked for")
    n, spread = seen.seen.summary.n, seen.seen.summary.sd
    several = n > 1
    if several.any():
        peak = float(spread[several].max())
        pooled = ((n[several] - 1) * (spread[several] / peak) ** 2).sum() / (n[several] - 1).sum() if peak else 0.0
        return _Margin(peak * math.sqrt(pooled), "one sd between replicates")
    return _Margin(
        SHARE * float(np.ptp(values)) if len(values) else 0.0, f"{percent(SHARE)} of the range of all values"
    )


def _span(column: Column, levels: Sequence[object]) -> Span:
    if column.ordered:
        numbers = [float(level) for level in levels if isinstance(level, int | float)]
        return Span(min(numbers), max(numbers))
    kinds = {canonical_json(level): level for level in levels}
    return Span(None, None, tuple(kinds[text] for text in sorted(kinds)))


def _failed(found: Data, metric: str) -> Mapping[str, int]:
    """Count why trials have no value, pruned ones left out."""
    reasons = Counter(
        failure or status
        for status, failure in zip(found.measured.status, found.measured.failure, strict=True)
        if status not in (Status.DONE.value, Status.PRUNED.value)
    )
    undefined = int((found.done & np.isnan(found.metric(metric))).sum())
    return dict(sorted((reasons + Counter({UNDEFINED: undefined})).items()))


def _lost(found: Data, metric: str) -> int:
    """Count the conditions that lost a trial: one that was pruned was stopped on purpose."""
    pruned = np.fromiter(map(Status.PRUNED.value.__eq__, found.measured.status), dtype=np.bool_, count=len(found))
    return len(np.unique(found.condition[np.isnan(found.metric(metric)) & ~pruned]))


def _importance(found: Data, metric: str, alpha: float) -> Sequence[Importance]:
    values, names = found.metric(metric), tuple(found.factors)
    asked = Asked(alpha=alpha, family=len(names), margin=None, seed=0, metric=metric)
    return importance(found, values, names, asked, crossed=False)


def _verdict(seen: Field, judged: Judged, again: Sequence[Again]) -> Verdict:
    """Say whether the best is the best; a second measurement that puts another first leaves it open."""
    verdict = verdict_of(seen, judged, None, bound=False)
    means = [seen.sign * one.again.mean if one.again.mean is not None else -math.inf for one in again]
    if verdict is Verdict.SUPPORTED and means and means[0] < max(means):
        return Verdict.INCONCLUSIVE
    return verdict


def _cautions(seen: Field, judged: Judged, verdict: Verdict, lost: int) -> Iterator[Caution]:
    if lost:
        text = f"{count(lost, 'condition')} of {len(seen):,} lost trials, and may be better than what is shown."
        yield Caution(CautionKind.CENSORED, text, RETRY)
    if judged.replicates == 1:
        text = "Each condition was measured once, so nothing says how noisy a value is."
        yield Caution(CautionKind.FEW_REPLICATES, text, "Set replicates: 3 or more, or use fairtrial confirm RUN.")
    if verdict is not Verdict.SUPPORTED and len(seen) > 1:
        text = f"The best of {count(len(seen), 'condition')} was picked by looking, so it looks better than it is."
        yield Caution(CautionKind.SELECTION, text, CONFIRM)
