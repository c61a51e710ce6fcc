"""Estimates of a metric over groups of trials: computed for all at once, written out for those that are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy.typing as npt

from fairtrial.model.finding import Estimate, Interval
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
            Interval(mean - half, mean + half, self.level, METHOD) if n > 1 else None,
            dict(zip(self.quantiles, quantiles, strict=True)),
        )


def estimates(
    metric: str, values: npt.ArrayLike, groups: Groups, *, level: float, quantiles: Sequence[float] = ()
) -> Estimates:
    """Summarise a metric over groups; an interval is Student's t, a quantile is a value (`inverted_cdf`)."""
    summary = groups.summarise(values, quantiles)
    half = t_half_width(summary.sd, summary.n, level)
    return Estimates(metric, groups.size, summary, half, level, tuple(quantiles))
