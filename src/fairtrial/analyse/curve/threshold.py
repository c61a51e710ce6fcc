"""Threshold: whether a metric steps along an ordered factor, and where, or only drifts, or stays."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from fairtrial.analyse.curve.levels import Ladder, design, doubts, ladder
from fairtrial.analyse.data import Data
from fairtrial.analyse.doubts import reached
from fairtrial.model.curve import Jump, ThresholdFinding
from fairtrial.model.finding import Interval, Needed, Point, Verdict
from fairtrial.model.words import ends, level, number, probability, span
from fairtrial.stats.changepoint import Step, step
from fairtrial.stats.difference import paired
from fairtrial.stats.isotonic import isotonic
from fairtrial.stats.power import replicates_for, smallest_effect
from fairtrial.stats.reach import fewest, shows
from fairtrial.stats.resample import TIE, generator

STEP, TREND, NONE, UNKNOWN = "step", "trend", "none", "unknown"


def threshold(
    data: Data,
    *,
    metric: str,
    factor: str,
    arm: str | None = None,
    change: float = 0.5,
    alpha: float = 0.05,
    completeness: float = 1.0,
    seed: int = 0,
) -> ThresholdFinding:
    """Look for a step of a metric along an ordered factor; the other factors are averaged within replicates.

    Three questions are asked. Does anything change (`p_step`: the best step against no change, levels permuted within
    replicates, over all places)? Is it a step rather than a straight line (at `alpha`, and with less error than a
    parabola)? Is there a monotone trend (`p_trend`: isotonic against flat)? `shape` is a step only when the first two
    say so: then the verdict is supported. Where something changes but a line explains it as well, the shape is unknown
    and the verdict inconclusive; place and height are still given. `jumps` lists adjacent means that differ by
    `change`: descriptive, no test. Raises UnknownName, and UserError for a factor without order.

    Known limits, measured at 8 levels x 5 replicates. A step is told from a line, not from every smooth curve: a
    sigmoid that rises by 4 sd is called a step in 16 % of studies where its middle 80 % take two thirds of the range,
    in 26 % where they take under a half, in 75 % over a fifth; a curve that saturates early, in log-normal noise, in 13
    to 29 %. At the ends there is little to compare with: a step of 1 sd behind the first level or before the last is
    found in 20 to 24 % of studies, one in the middle in two thirds.
    """
    measured = ladder(data, metric, factor, variant=arm, level=1 - alpha)
    enough = measured.replicates >= 2
    best = (
        step(measured.values, measured.x, rng=generator(seed, "threshold", metric, factor), level=1 - alpha)
        if enough
        else None
    )
    judged = _Judged(measured, best, alpha, reached(measured.share, completeness))
    return ThresholdFinding(
        metric=metric,
        factor=factor,
        points=measured.points,
        shape=judged.shape,
        verdict=judged.verdict,
        place=judged.place,
        place_interval=judged.place_interval,
        step=best.effect if best and judged.changes else None,
        step_interval=judged.step_interval,
        p_step=best.p if best else None,
        p_trend=best.p_trend if best else None,
        direction=judged.direction,
        isotonic=_isotonic(measured, rising=best is None or best.rising),
        jumps=tuple(_jumps(measured.points, change)),
        change=change,
        needed=judged.needed,
        answer=_answer(metric, factor, judged),
        cautions=tuple(doubts(measured, completeness)),
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    measured: Ladder
    best: Step | None
    alpha: float
    complete: bool

    @property
    def changes(self) -> bool:
        return self.best is not None and self.best.p <= self.alpha

    @property
    def shape(self) -> str:
        best = self.best
        if best is None:
            return NONE if self._constant else UNKNOWN
        if not self.changes:
            return UNKNOWN if best.p_trend <= self.alpha else NONE
        if best.beats and best.p_line is not None and best.p_line <= self.alpha:
            return STEP
        return TREND if best.p_denied is not None and best.p_denied <= self.alpha else UNKNOWN

    @property
    def _constant(self) -> bool:
        table = self.measured.values
        blocks = table[:, (np.isfinite(table).sum(axis=0) >= 2)]
        return blocks.shape[1] >= 2 and bool((np.nanmax(blocks, axis=0) == np.nanmin(blocks, axis=0)).all())

    @property
    def verdict(self) -> Verdict:
        if not self.complete or self.measured.replicates < 2:
            return Verdict.INCONCLUSIVE
        if self.shape == STEP:
            return Verdict.SUPPORTED
        denied = self.shape == TREND or (self.shape == NONE and self.best is None)
        return Verdict.NOT_SUPPORTED if denied else Verdict.INCONCLUSIVE

    @property
    def place(self) -> tuple[float, float] | None:
        if self.best is None or not self.changes:
            return None
        return float(self.measured.x[self.best.split - 1]), float(self.measured.x[self.best.split])

    @property
    def place_interval(self) -> Interval | None:
        if self.best is None or not self.changes:
            return None
        low, high = self.best.splits
        x = self.measured.x
        return Interval(float(x[low - 1]), float(x[high]), 1 - self.alpha, "bootstrap over replicates")

    @property
    def step_interval(self) -> Interval | None:
        if self.best is None or not self.changes:
            return None
        found = paired(self.best.effects, 1 - self.alpha)
        if found.low is None or found.high is None or not math.isfinite(found.low + found.high):
            return None
        return Interval(found.low, found.high, 1 - self.alpha, "Student's t over replicates, at the place found")

    @property
    def direction(self) -> str:
        if self.best is None or self.best.p_trend > self.alpha:
            return NONE
        return "increasing" if self.best.rising else "decreasing"

    @property
    def able(self) -> bool:
        """Say whether this design could show a step, were there one as high as can be."""
        return shows(len(self.measured.x), self.measured.replicates, self.alpha)

    @property
    def needed(self) -> Needed:
        """Say what a step between halves of the levels needs; the share of alpha for each place is Bonferroni's.

        A design that cannot show any step says with how many replicates it could. No number of replicates tells what
        is missing where trials failed, where there is one level, or where a line explains a step as well.
        """
        best, levels, there = self.best, len(self.measured.x), self.measured.values.shape[1]
        if levels < 2 or (self.shape == NONE and best is None):
            return Needed(None)
        if best is None or not self.able:
            return Needed(None, fewest(levels, self.alpha, beyond=there) if self.complete else None)
        alpha, half = self.alpha / (levels - 1), levels / 2
        side = max(2, int(self.measured.replicates * half))
        known = math.isfinite(best.residual_sd)
        smallest = smallest_effect(best.residual_sd, side, alpha=alpha, paired=False) if known else None
        if self.changes or not self.complete or not known:
            return Needed(smallest)
        wanted = replicates_for(best.effect, best.residual_sd, alpha=alpha, paired=False)
        return Needed(smallest, None if wanted is None else max(there + 1, math.ceil(wanted / half)))


def _isotonic(measured: Ladder, *, rising: bool) -> tuple[float, ...]:
    """Fit the means at the levels that have one; NaN at the others."""
    shown = measured.shown
    if not shown:
        return tuple(math.nan for _ in measured.points)
    sign = 1.0 if rising else -1.0
    means = np.array([point.mean for point in shown], dtype=np.float64)
    fitted = iter((sign * isotonic(sign * means, [point.n for point in shown])).tolist())
    return tuple(next(fitted) if point.n else math.nan for point in measured.points)


def _jumps(listed: tuple[Point, ...], change: float) -> Iterator[Jump]:
    """List adjacent levels whose means differ by the share `change` of the first; from 0 every change is a jump."""
    for before, after in pairwise(listed):
        if before.mean is None or after.mean is None or before.mean == after.mean:
            continue
        size = after.mean - before.mean
        share = size / abs(before.mean) if before.mean else math.copysign(math.inf, size)
        if abs(share) >= change * (1 - TIE):
            yield Jump(before.level, after.level, share)


def _answer(metric: str, factor: str, judged: _Judged) -> str:
    measured, best = judged.measured, judged.best
    seen = design(measured)
    if best is None:
        if judged.shape == NONE:
            return f"No threshold: {metric} does not vary with {factor} within replicates ({seen})."
        return f"Inconclusive: {seen} of {metric} along {factor} cannot show a threshold; two of each are the least."
    text = _shapes(metric, factor, judged, best)
    evidence = f"{probability(best.p)} against no change"
    if best.p_line is not None:
        evidence += f", {probability(best.p_line)} against a straight line"
    late = "" if judged.complete else "; inconclusive, since the declared completeness was not reached"
    return f"{text} ({evidence}; {seen}{late})."


def _shapes(metric: str, factor: str, judged: _Judged, best: Step) -> str:
    needed = judged.needed
    if judged.shape == NONE:
        if not judged.able:
            return f"Inconclusive: so few values show no step of {metric} along {factor}, however high{_enough(needed)}"
        least = "" if needed.smallest_effect is None else f"; one of {number(needed.smallest_effect)} would be seen"
        return f"No threshold: no step of {metric} along {factor} is shown{least}"
    along = {"increasing": "rises", "decreasing": "falls"}.get(judged.direction, "changes")
    if judged.shape == TREND:
        return f"No threshold: {metric} {along} with {factor} without a step"
    if not judged.changes:
        return f"Inconclusive: {metric} {along} with {factor}, and no step is shown"
    where = _where(factor, judged)
    way = "steps up" if best.effect > 0 else "steps down"
    if judged.shape == STEP:
        return f"{metric} {way} {_size(best, judged)}{where}"
    smooth = "a smooth trend explains it as well; more replicates, or levels around it, would tell"
    return f"Inconclusive: {metric} {way} {_size(best, judged)}{where}, but {smooth}"


def _enough(needed: Needed) -> str:
    return "" if needed.replicates is None else f"; {needed.replicates} replicates could show one"


def _size(best: Step, judged: _Judged) -> str:
    size, interval = f"by {number(abs(best.effect))}", judged.step_interval
    if interval is None or interval.low * interval.high <= 0:
        return size
    low, high = sorted((abs(interval.low), abs(interval.high)))
    return f"{size} ({span(replace(interval, low=low, high=high))})"


def _where(factor: str, judged: _Judged) -> str:
    place, within = judged.place, judged.place_interval
    if place is None or within is None:
        return ""
    return f" between {factor} = {level(place[0])} and {level(place[1])} (within {ends(within)})"
