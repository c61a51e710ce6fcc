"""One metric of one condition, baseline against current: estimates, how much worse, and what may be said of it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from fairtrial.compare.cells import Cell, Half
from fairtrial.compare.gauge import Gauge, Scale
from fairtrial.model.comparison import Change, Status
from fairtrial.model.finding import Estimate, Interval, Needed
from fairtrial.stats.difference import superiority
from fairtrial.stats.gate import Worse, across, interleaved
from fairtrial.stats.interval import t_interval
from fairtrial.stats.power import replicates_for, smallest_effect
from fairtrial.stats.summary import Floats, summarise


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms changes are judged."""

    together: bool
    """The runs were interleaved: rounds are pairs."""
    alpha: float
    """Of this look."""
    family: int = 1
    """Gating tests, for what the least lucky of them needs."""
    completeness: float = 1.0
    runs: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Draft:
    """A change before its family is known."""

    change: Change
    worse: Worse | None = None
    scale: Scale | None = None

    @property
    def p_better(self) -> float | None:
        """Return the one-sided p of: better."""
        return None if self.worse is None else self.worse.p_better

    def settled(self, adjusted: float | None, better: float | None, alpha: float) -> Change:
        """Return the change with its status, by its p adjusted within the family, and that of being better.

        REGRESS and IMPROVED are shown and beyond the margin; OK is shown to be less than the margin worse.
        """
        change = replace(self.change, p_adjusted=adjusted)
        if change.status is Status.INVALID or self.worse is None or self.scale is None:
            return change
        worse, margin = self.worse, self.scale.margin
        if adjusted is not None and adjusted <= alpha and worse.estimate > margin:
            return replace(change, status=Status.REGRESS, needed=Needed(change.needed.smallest_effect))
        if better is not None and better <= alpha and worse.estimate < -margin:
            return replace(change, status=Status.IMPROVED, needed=Needed(change.needed.smallest_effect))
        if worse.high < margin:
            return replace(change, status=Status.OK)
        return replace(change, why=_unclear(worse))


def drafted(cell: Cell, gauge: Gauge, terms: Terms, *, band: float = 0.0) -> Draft | None:
    """Compare a metric of a condition; None where neither run has it there and neither lost it.

    A round counts where both runs have a value. A current trial without a value whose counterpart has one makes the
    change invalid, and so does a run below the declared completeness: what survived would flatter.
    """
    name = gauge.metric.name
    empty = np.full(len(cell.rounds), np.nan)
    before, after = cell.baseline.metrics.get(name, empty), cell.current.metrics.get(name, empty)
    wrong = _wrong(cell, (before, after), terms)
    if wrong == _NOWHERE and not gauge.declared:
        return None
    both = np.isfinite(before) & np.isfinite(after)
    change = _bare(cell, gauge, before, after)
    if wrong:
        return Draft(replace(change, status=Status.INVALID, why=wrong, rounds=int(both.sum())))
    scale = gauge.scale(before[both], after[both])
    if scale is None:
        why = f"values at or below 0 have no share: declare gate: {{{name}: {{worse_by: AMOUNT}}}}"
        return Draft(replace(change, why=why, rounds=int(both.sum())))
    worse = _judged(scale, before[both], after[both], terms=terms, band=band)
    chance = superiority(scale.of(after[both]).tolist(), scale.of(before[both]).tolist())
    return Draft(replace(_measured(change, worse, scale, terms), superiority=chance), worse, scale)


_NOWHERE = "neither run measured it"


def _wrong(cell: Cell, values: tuple[Floats, Floats], terms: Terms) -> str:
    """Say why a metric of a condition cannot be judged; '' where it can."""
    before, after = (np.isfinite(column) for column in values)
    halves = (cell.baseline, cell.current)
    expected = len(cell.rounds)
    if not before.any() and not after.any() and all(half.tried.all() and not any(half.failures) for half in halves):
        return _NOWHERE
    lost = before & ~after & (cell.current.tried > 0)
    if lost.any():
        reasons = _reasons(cell.current, lost)
        one, other = terms.runs
        return f"{int(lost.sum())} of {expected} rounds have no value in run {other} and one in run {one} ({reasons})"
    for run, half, there in zip(terms.runs, halves, (before, after), strict=True):
        if there.sum() < terms.completeness * expected * (1 - 1e-12):
            why = f" (INVALID: {half.invalid})" if half.invalid else ""
            return f"run {run} is incomplete here: {int(there.sum())} of {expected} rounds{why}"
    return "" if (before & after).any() else "the runs have no round in common"


def _reasons(half: Half, lost: np.ndarray) -> str:
    counted = Counter(kind or "undefined" for kind, gone in zip(half.failures, lost, strict=True) if gone)
    said = ", ".join(f"{count} {kind}" for kind, count in sorted(counted.items()))
    return f"{said}: {half.invalid}" if half.invalid else said


def _bare(cell: Cell, gauge: Gauge, before: Floats, after: Floats) -> Change:
    name = gauge.metric.name
    one, other = estimate(name, before), estimate(name, after)
    difference = other.mean - one.mean if one.mean is not None and other.mean is not None else None
    share = difference / one.mean if difference is not None and one.mean is not None and one.mean > 0 else None
    return Change(
        metric=name,
        variant=cell.variant,
        assignment=dict(cell.assignment),
        gating=gauge.gating,
        baseline=one,
        current=other,
        difference=difference,
        change=share,
        worse=None,
        absolute=not gauge.margin.relative,
        margin=gauge.margin.value,
        p=None,
        p_adjusted=None,
        superiority=None,
        rounds=0,
        needed=Needed(None),
        status=Status.UNCLEAR,
        unit=gauge.metric.unit,
    )


def estimate(metric: str, values: Floats, level: float = 0.95) -> Estimate:
    """Summarise a column whose missing values are NaN."""
    found = summarise(values, np.zeros(len(values), dtype=np.int64), 1)
    n = int(found.n[0])
    if not n:
        return Estimate(metric, 0, len(values))
    ends = t_interval(values[np.isfinite(values)].tolist(), level)
    columns = (found.mean, found.sd, found.median, found.minimum, found.maximum)
    mean, sd, median, low, high = (float(column[0]) for column in columns)
    interval = None if ends is None else Interval(*ends, level, "Student's t")
    return Estimate(metric, n, len(values) - n, mean, sd if n > 1 else None, median, low, high, interval)


def _judged(scale: Scale, before: Floats, after: Floats, *, terms: Terms, band: float) -> Worse:
    one, other, noise = scale.of(before), scale.of(after), scale.noise(before, after)
    if terms.together:
        return interleaved((other - one).tolist(), alpha=terms.alpha, scale=noise)
    return across(other.tolist(), one.tolist(), alpha=terms.alpha, scale=noise, band=band)


def _measured(change: Change, worse: Worse, scale: Scale, terms: Terms) -> Change:
    """Add to a change what was measured; its baseline and current values are matched round by round."""
    ends = (worse.low, worse.high)
    known = all(map(math.isfinite, ends))
    low, high = map(scale.back, ends)
    interval = Interval(low, high, 1 - 2 * terms.alpha, worse.method) if known else None
    return replace(
        change,
        worse=interval,
        absolute=not scale.log,
        margin=scale.size,
        p=worse.p,
        rounds=worse.n,
        needed=_needed(change, worse, scale, terms),
    )


def _needed(change: Change, worse: Worse, scale: Scale, terms: Terms) -> Needed:
    """Say what this many rounds detect with power 0.8, and the rounds that would settle what is open."""
    if worse.n < 2 or not worse.sd:
        return Needed(None, _signs(terms.alpha) if worse.n < _signs(terms.alpha) else None)
    family = terms.alpha / max(1, terms.family)
    least = smallest_effect(worse.sd, worse.n, alpha=family, paired=terms.together, sides=1)
    unit = abs(change.baseline.mean or 0.0) if scale.log else 1.0
    if worse.high < scale.margin or not math.isfinite(scale.margin):
        return Needed(scale.back(least) * unit)
    ahead = worse.estimate > scale.margin
    gap = worse.estimate if ahead else scale.margin - max(0.0, worse.estimate)
    alpha = family if ahead else terms.alpha
    rounds = replicates_for(gap, worse.sd, alpha=alpha, paired=terms.together, sides=1)
    return Needed(scale.back(least) * unit, None if rounds is None else max(rounds, worse.n + 1))


def _signs(alpha: float) -> int:
    """Return the rounds below which a sign test says nothing."""
    return math.ceil(-math.log2(alpha) * (1 - 1e-12))


def _unclear(worse: Worse) -> str:
    if worse.n < 2:
        return "one round says nothing about noise"
    if not worse.sd:
        return "nothing varies, and so few rounds cannot show it"
    return "its interval reaches beyond the margin"
