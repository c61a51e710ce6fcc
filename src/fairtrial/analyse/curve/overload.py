"""Levels beyond what the subject can take: in no fit, and the bracket in which its capacity lies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from fairtrial.analyse.curve.levels import ladder
from fairtrial.analyse.data import Data
from fairtrial.model.curve import SaturationFinding
from fairtrial.model.finding import Caution, CautionKind, Verdict
from fairtrial.model.words import count, level, number, percent

HIGHER = (CautionKind.EDGE, CautionKind.EXTRAPOLATION)
"""Doubts that levels above the highest would settle: where that was over-saturated, levels below it do."""
SEVERAL = 2
"""Replicates of which all must have been left behind for a level to be called beyond the capacity."""


@dataclass(frozen=True, slots=True)
class Overload:
    """Where along a factor the subject was left behind, as a metric of its system says."""

    metric: str
    limit: float
    """The metric's value below which a trial was over-saturated."""
    kept: float | None
    """The highest level below `first` that every replicate kept up with."""
    first: float
    """The lowest level that a replicate did not keep up with."""
    left: tuple[int, int]
    """Replicates at `first` that did not keep up, of how many."""
    beyond: float | None
    """The lowest level from which on none of several replicates kept up with any."""
    share: float
    """Share of the trials that say whether they were."""


def overload(data: Data, limits: Mapping[str, float], factor: str, *, arm: str | None = None) -> Overload | None:
    """Find where trials were over-saturated: where a metric of `limits` lies below its limit; None where none was.

    What says so is the system's own check of one trial, with its own rate of false alarms: that is why a level is
    beyond the capacity only where all of several replicates say so, and all above it. A level at which nobody knows
    (every trial INVALID) is neither.
    """
    seen = [_seen(data, name, limit, factor, arm) for name, limit in limits.items() if name in data.metrics]
    return min((one for one in seen if one is not None), key=lambda one: one.first, default=None)


def _seen(data: Data, metric: str, limit: float, factor: str, arm: str | None) -> Overload | None:
    measured = ladder(data, metric, factor, variant=arm)
    lost = {point.x: [value < limit for value in point.values if value == value] for point in measured.shown}
    first = next((x for x, said in lost.items() if any(said)), None)
    if first is None:
        return None
    beyond = None
    for x, said in reversed(lost.items()):
        if not all(said):
            break
        beyond = x if len(said) >= SEVERAL else beyond
    kept = max((x for x in lost if x < first), default=None)
    return Overload(metric, limit, kept, first, (sum(lost[first]), len(lost[first])), beyond, measured.share)


def bracketed(
    fitted: SaturationFinding, over: Overload, data: Data, *, arm: str | None = None, completeness: float = 1.0
) -> SaturationFinding:
    """Say between which levels the capacity lies; `fitted` saw only the levels below `over.first`.

    A knee among the levels that were kept up with stays the answer, with the bracket behind it. Else the bracket is the
    answer: supported where both of its ends are known and enough trials say whether they were over-saturated.
    """
    points = ladder(data, fitted.metric, fitted.factor, variant=arm).points
    found = replace(fitted, points=points, bracket=(over.kept, over.beyond))
    found = replace(found, cautions=tuple(_cautions(found, over)))
    if fitted.knee is not None:
        place = f"{_place(over, fitted.factor)}: " if fitted.capacity is None else ""
        return replace(found, answer=f"{fitted.answer} {_sentence(place + _evidence(over))}")
    lacks = "" if over.share >= completeness else f", but only {percent(over.share)} of the trials tell"
    said = f"{_place(over, fitted.factor)}: {_evidence(over)}{lacks}"
    if over.kept is None or over.beyond is None or lacks:
        return replace(found, verdict=Verdict.INCONCLUSIVE, answer=f"Inconclusive: {said}.")
    return replace(found, verdict=Verdict.SUPPORTED, answer=_sentence(said))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _place(over: Overload, factor: str) -> str:
    """Say where the capacity lies."""
    if over.beyond is None:
        return f"where the capacity lies along {factor} is open"
    if over.kept is None:
        return f"the capacity lies below {factor} = {level(over.beyond)}"
    return f"the capacity lies between {factor} = {level(over.kept)} and {level(over.beyond)}"


def _evidence(over: Overload) -> str:
    """Say which levels were kept up with, and by which metric: `… (stable below 1)`."""
    kept = "" if over.kept is None else f"every replicate kept up with {level(over.kept)}, "
    lost, of = over.left
    some = f"{lost} of {count(of, 'replicate')} did not keep up with {level(over.first)}"
    none = "" if over.beyond is None else f"{'none' if kept else 'no replicate kept up'} with {level(over.beyond)}"
    said = none if over.first == over.beyond else ", ".join(filter(None, (some, none)))
    return f"{kept}{said} ({over.metric} below {number(over.limit)})"


def _cautions(found: SaturationFinding, over: Overload) -> Iterator[Caution]:
    """Say where to test more; the doubts of a fit that had no level are about nothing."""
    if over.kept is None:
        text = f"Not even the lowest level, {level(over.first)}, was kept up with in every replicate."
        yield Caution(CautionKind.EDGE, text, f"Test levels of {found.factor} below {level(over.first)}.")
        return
    between = f"Test levels of {found.factor} between {level(over.kept)} and {level(over.beyond or over.first)}."
    for doubt in found.cautions:
        yield replace(doubt, advice=between) if doubt.kind in HIGHER else doubt
