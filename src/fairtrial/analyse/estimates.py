"""Estimates of a metric over groups of trials: computed for all at once, written out for those that are shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fairtrial.model.finding import Estimate, Interval
from fairtrial.model.unit import cut, possible
from fairtrial.stats.interval import t_half_width
from fairtrial.stats.summary import Floats, Groups, Integers, Summary

METHOD = "Student's t"


@dataclass(frozen=True, slots=True)
class Estimates:
    """A metric over all groups."""

    metric: str
    size: Integers
    """Trials a group, those without a value included."""
    summary: Summary
    half: Floats
    """Half the width of the interval of the mean."""
    level: float
    quantiles: tuple[float, ...] = ()
    within: tuple[float, float] = (-math.inf, math.inf)
    """What the metric can be at all: intervals end there."""

    def of(self, groups: Sequence[int]) -> list[Estimate]:
        """Write out the estimates of some groups, in their order."""
        summary = self.summary
        numbers = (summary.mean, summary.sd, summary.median, summary.minimum, summary.maximum, self.half)
        columns = (self.size, summary.n, *numbers, *summary.quantiles)
        rows = zip(*(column[groups].tolist() for column in columns), strict=True)
        return [self._estimate(size, n, row) for size, n, *row in rows]

    def _estimate(self, size: int, n: int, row: Sequence[float]) -> Estimate:
        if n == 0:
            return Estimate(self.metric, n=0, missing=size)
        mean, sd, median, minimum, maximum, half, *quantiles = row
        return Estimate(
            self.metric,
            n,
            size - n,
            mean,
            sd if n > 1 else None,
            median,
            minimum,
            maximum,
            interval((mean - half, mean + half), self.level, self.within) if n > 1 else None,
            dict(zip(self.quantiles, quantiles, strict=True)),
        )


def estimates(
    metric: str, values: npt.ArrayLike, groups: Groups, *, level: float, quantiles: Sequence[float] = (), unit: str = ""
) -> Estimates:
    """Summarise a metric over groups; an interval is Student's t, a quantile is a value (`inverted_cdf`).

    Intervals of times, sizes, counts, rates and shares end at what is possible (`possible`).
    """
    summary = groups.summarise(values, quantiles)
    half = t_half_width(summary.sd, summary.n, level)
    return Estimates(metric, groups.size, summary, half, level, tuple(quantiles), bounds(values, unit))


def bounds(values: npt.ArrayLike, unit: str) -> tuple[float, float]:
    """Return what a metric of this unit can be at all, as far as all its values in a run agree with it."""
    column = np.asarray(values, dtype=np.float64)
    known = column[np.isfinite(column)]
    return possible(unit, float(known.min()), float(known.max())) if len(known) else (-math.inf, math.inf)


def interval(ends: tuple[float, float], level: float, within: tuple[float, float]) -> Interval:
    """Make an interval of Student's t, and say in its method where it was cut at what is possible."""
    low, high, where = cut(ends, within)
    return Interval(low, high, level, f"{METHOD}, cut {where}" if where else METHOD)
