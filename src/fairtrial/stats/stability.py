"""Did a series stay where it was? A backlog that grows, and two stretches of time whose means differ."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fairtrial.stats.student import quantile
from fairtrial.stats.summary import Floats

LINE = 1.2
"""Variance of the rise of the line fitted to Brownian motion, in variances of the motion's own rise."""


@dataclass(frozen=True, slots=True)
class Growth:
    """How a backlog moved."""

    amount: float
    """Rise of the fitted line over the whole series."""
    chance: float
    """Rise that a queue offered exactly its capacity exceeds with the probability alpha."""

    @property
    def significant(self) -> bool:
        """Say whether the backlog grew by more than chance does."""
        return self.amount > max(self.chance, 0.0)


@dataclass(frozen=True, slots=True)
class Shift:
    """How the mean of a second stretch differs from that of a first."""

    share: float
    """(second - first) / second; NaN where the second is 0."""
    t: float
    """Welch's statistic, its error widened for autocorrelation."""
    freedom: int

    def significant(self, alpha: float) -> bool:
        """Say whether the means differ, two-sided."""
        return abs(self.t) > quantile(self.freedom, 1 - alpha / 2)


def growth(backlog: Floats, *, alpha: float = 0.05) -> Growth:
    """Say by how much a backlog grew, and by how much one does at a load of exactly the capacity.

    `backlog` has shape (n,), n >= 3: requests in the system at equal distances in time. At its capacity a queue is a
    random walk without drift, below it less than that, so that the line fitted to it rises by N(0, 1.2 n s^2), s^2 the
    variance of the steps. Source: Durlauf and Phillips (1988), Trends versus random walks in time series analysis,
    Econometrica 56.
    """
    n = len(backlog) - 1
    steps = np.diff(backlog)
    at = np.arange(n + 1) - n / 2
    amount = float(at @ backlog / (at @ at)) * n
    chance = quantile(n - 1, 1 - alpha) * math.sqrt(LINE * n) * float(steps.std(ddof=1))
    return Growth(amount, chance)


def shift(first: Floats, second: Floats) -> Shift:
    """Compare the means of two stretches of one series, given as means of batches of equal length, at least 3 each.

    Welch's test; neighbouring batches resemble each other, so that n batches count as n (1 - r) / (1 + r), r the
    lag-one autocorrelation within the stretches, cleared of its bias. Source: Welch (1947), Biometrika 34; Bayley and
    Hammersley (1946), The effective number of independent observations in an autocorrelated time series.
    """
    r = _autocorrelation((first, second))
    lost = (1 + r) / (1 - r)
    parts = [(float(part.var(ddof=1)) / len(part) * lost, max(len(part) / lost - 1, 1.0)) for part in (first, second)]
    error = sum(variance for variance, _ in parts)
    difference, level = float(second.mean() - first.mean()), float(second.mean())
    share = difference / level if level else math.nan
    if error == 0:
        return Shift(share, math.copysign(math.inf, difference) if difference else 0.0, len(first) + len(second) - 2)
    freedom = error**2 / sum(variance**2 / df for variance, df in parts)
    return Shift(share, difference / math.sqrt(error), max(int(freedom), 1))


def _autocorrelation(parts: tuple[Floats, Floats]) -> float:
    """Return r in [0, 0.9]: an estimate from n values lies (1 + 4 r) / n too low (Kendall, 1954)."""
    away = [part - part.mean() for part in parts]
    squares = sum(float(part @ part) for part in away)
    if squares == 0:
        return 0.0
    found = sum(float(part[1:] @ part[:-1]) for part in away) / squares
    n = min(len(part) for part in parts)
    return min(max((found + 1 / n) / (1 - 4 / n) if n > 4 else 0.0, 0.0), 0.9)
