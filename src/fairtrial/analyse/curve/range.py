"""Operating range: up to which level of a load every service level is kept, shown and not hoped."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fairtrial.analyse.curve.levels import Ladder, ladder
from fairtrial.analyse.data import Data
from fairtrial.analyse.doubts import RETRY, few
from fairtrial.errors import UserError
from fairtrial.model.claim import Clause
from fairtrial.model.curve import Level, RangeFinding
from fairtrial.model.finding import Caution, CautionKind, Needed, Point, Verdict
from fairtrial.model.words import count, level, listed, number, percent
from fairtrial.stats.edge import bound
from fairtrial.stats.power import replicates_for, smallest_effect

SHARE = 0.8
"""Share of the edge that is recommended: what is left carries bursts."""


def operating_range(
    data: Data,
    *,
    factor: str,
    clauses: Sequence[Clause],
    arm: str | None = None,
    alpha: float = 0.05,
) -> RangeFinding:
    """Find the largest level at which every clause is kept, and at every lower one too.

    A clause is kept where the one-sided bound of its metric's mean over replicates (Student's t at 1 - `alpha`) is on
    the good side of the limit. Levels are tried from the lowest up and the first that is not safe ends the range, so
    the chance that any unsafe level is called safe is at most `alpha`, without correction for the number of levels or
    clauses (fixed sequence: Maurer, Hothorn and Lehmacher 1995; all clauses at once: Berger 1982, Technometrics 24). A
    trial without a value makes its level unsafe: what failed did not keep its service level. Means of replicates are
    taken as normal, which a log-normal latency with a spread of 60 % still is near enough to; one that is four times
    as high in one of ten replicates is not: the chance is then 0.3 with three replicates, 0.1 with five. Raises
    UnknownName, and UserError for a factor without order or no clause.
    """
    if not clauses:
        raise UserError("no service level was declared, so there is no operating range", hint="slo: {METRIC: {max: X}}")
    ladders = {name: ladder(data, name, factor, variant=arm) for name in dict.fromkeys(c.metric for c in clauses)}
    tried = [_Tried(clause, ladders[clause.metric], alpha) for clause in clauses]
    levels = _levels(tried)
    return _finding(factor, tried, levels, alpha)


@dataclass(frozen=True, slots=True)
class _Tried:
    clause: Clause
    measured: Ladder
    alpha: float

    @property
    def sign(self) -> float:
        """Return 1 where smaller is better."""
        return 1.0 if self.clause.bound == "max" else -1.0

    def bound(self, place: int, *, good: bool = False) -> float | None:
        """Return the confidence bound on the bad side (or the good one); None below two replicates."""
        return bound(self.measured.points[place].values, self.alpha, upper=(self.sign > 0) is not good)

    def keeps(self, value: float) -> bool:
        return self.sign * value <= self.sign * self.clause.limit

    def kept(self, place: int) -> bool:
        """Say whether the clause is shown to be kept."""
        bound = self.bound(place)
        return bound is not None and self.keeps(bound) and not self.measured.points[place].missing

    def broken(self, place: int) -> bool:
        """Say whether the clause is shown to be broken: even the bound on its good side misses the limit."""
        bound = self.bound(place, good=True)
        return bound is not None and not self.keeps(bound)

    def needed(self, place: int) -> Needed:
        """Return how far inside the limit a mean is shown to be, and the replicates that would show this one to be."""
        point = self.measured.points[place]
        if point.mean is None or not point.sd:
            return Needed(None, 2 if point.n == 1 and not point.missing else None)
        smallest = smallest_effect(point.sd, point.n, alpha=self.alpha, paired=True, sides=1)
        inside = self.sign * (self.clause.limit - point.mean)
        if self.kept(place) or point.missing or inside <= 0:
            return Needed(smallest)
        more = replicates_for(inside, point.sd, alpha=self.alpha, paired=True, sides=1)
        return Needed(smallest, None if more is None else max(more, point.n + 1))

    def excess(self, place: int) -> float:
        """Return by how much of the limit the bound misses it; infinite where there is no bound."""
        bound, point = self.bound(place), self.measured.points[place]
        if bound is None or point.missing:
            return math.inf
        return self.sign * (bound - self.clause.limit) / (abs(self.clause.limit) or 1.0)


def _levels(tried: Sequence[_Tried]) -> tuple[Level, ...]:
    """Judge each level; one that is not safe makes every higher one not safe."""
    listed, safe = [], True
    for place, point in enumerate(tried[0].measured.points):
        failing = sorted((one for one in tried if not one.kept(place)), key=lambda one: -one.excess(place))
        safe = safe and not failing
        points = [one.measured.points[place] for one in tried]
        listed.append(
            Level(
                level=point.level,
                x=point.x,
                safe=safe,
                failing=tuple(str(one.clause) for one in failing),
                n=min(one.n for one in points),
                missing=max(one.missing for one in points),
                bounds={str(one.clause): one.bound(place) for one in tried},
            )
        )
    return tuple(listed)


def _finding(factor: str, tried: Sequence[_Tried], levels: tuple[Level, ...], alpha: float) -> RangeFinding:
    safe = [place for place, level in enumerate(levels) if level.safe]
    edge = levels[safe[-1]].x if safe else None
    unsafe = next((place for place, level in enumerate(levels) if not level.safe), None)
    verdict = _verdict(tried, levels, safe)
    return RangeFinding(
        factor=factor,
        clauses=tuple(str(one.clause) for one in tried),
        levels=levels,
        edge=edge,
        reached=unsafe is not None,
        first_failing="" if unsafe is None else levels[unsafe].failing[0],
        headroom=_headroom(tried, safe[-1]) if safe else {},
        recommended=SHARE * edge if edge is not None else None,
        verdict=verdict,
        answer=_answer(factor, tried, levels, alpha=alpha),
        cautions=tuple(_cautions(tried, levels, safe, unsafe)),
        needed=_needed(tried, len(levels) - 1 if unsafe is None else unsafe) if levels else Needed(None),
    )


def _needed(tried: Sequence[_Tried], place: int) -> Needed:
    """Return what would settle the clause that is nearest to its limit, or farthest beyond it."""
    return max(tried, key=lambda one: one.excess(place)).needed(place)


def _verdict(tried: Sequence[_Tried], levels: Sequence[Level], safe: Sequence[int]) -> Verdict:
    """Supported: there is a safe range. Not supported: even the lowest level is shown to break a clause."""
    if safe:
        return Verdict.SUPPORTED
    broken = bool(levels) and any(one.broken(0) for one in tried)
    return Verdict.NOT_SUPPORTED if broken else Verdict.INCONCLUSIVE


def _headroom(tried: Sequence[_Tried], place: int) -> Mapping[str, float]:
    """Return the share of each limit between it and the bound; a limit of 0 has no share."""
    return {str(one.clause): -one.excess(place) for one in tried if one.clause.limit}


def _cautions(
    tried: Sequence[_Tried], levels: Sequence[Level], safe: Sequence[int], unsafe: int | None
) -> Iterator[Caution]:
    fewest = min((one.n for one in levels), default=0)
    yield from few(fewest, f"A level has only {count(fewest, 'replicate')}: a bound needs two, and is wide with few.")
    lacking = [level(one.level) for one in levels if one.missing]
    if lacking:
        text = f"Trials gave no value at {listed(lacking)}: these levels are not shown to be safe."
        yield Caution(CautionKind.CENSORED, text, RETRY)
    yield from (_degenerate(one, safe) for one in tried if any(_still(one.measured.points[at]) for at in safe))
    if safe and unsafe is None:
        text = f"No level that fails was tested: the edge lies above {level(levels[-1].x)}."
        yield Caution(CautionKind.EDGE, text, "Test higher levels.")


def _still(point: Point) -> bool:
    return point.n > 1 and not point.sd


def _degenerate(tried: _Tried, safe: Sequence[int]) -> Caution:
    levels = [level(tried.measured.points[at].level) for at in safe if _still(tried.measured.points[at])]
    where = f"{tried.clause.metric} is the same in every replicate at {listed(levels)}"
    text = f"{where}: its bound is the value itself and says nothing of rarer events."
    return Caution(CautionKind.DEGENERATE, text, "Measure longer, so that the events that matter can happen.")


def _answer(factor: str, tried: Sequence[_Tried], levels: Sequence[Level], *, alpha: float) -> str:
    safe = [one for one in levels if one.safe]
    unsafe = next((one for one in levels if not one.safe), None)
    every = " and ".join(str(one.clause) for one in tried)
    sure = f"{percent(1 - alpha)} confidence, {count(min((one.n for one in safe or levels), default=0), 'replicate')}"
    if safe and unsafe is None:
        return f"{every} up to {factor} = {level(safe[-1].x)}, the highest level tested: edge not reached ({sure})."
    if unsafe is None:
        return f"Inconclusive: no level of {factor} was measured."
    why = _why(tried, levels, unsafe)
    if safe:
        return f"{every} up to {factor} = {level(safe[-1].x)} ({sure}); at {level(unsafe.x)} {why}."
    if unsafe.n < 2:
        return f"Inconclusive: at {factor} = {level(unsafe.x)} {why}."
    return f"No level of {factor} is shown to keep {every}: at {level(unsafe.x)} {why} ({sure})."


def _why(tried: Sequence[_Tried], levels: Sequence[Level], unsafe: Level) -> str:
    """Say why a level is not safe."""
    first = unsafe.failing[0]
    if unsafe.missing:
        return f"{first} is unknown, since {count(unsafe.missing, 'trial')} gave no value"
    bound = unsafe.bounds[first]
    if bound is None:
        return f"{first} cannot be shown with {count(unsafe.n, 'replicate')}"
    one = next(one for one in tried if str(one.clause) == first)
    how = "is broken" if one.broken(list(levels).index(unsafe)) else "is not shown"
    return f"{first} {how} (bound {number(bound)})"
