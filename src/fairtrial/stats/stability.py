"""Did a series stay where it was? A backlog that grows, and two stretches of time whose means differ."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fairtrial.stats.student import quantile
from fairtrial.stats.summary import ROUNDING, Floats

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
    """Compare the means of two stretches of one series, given as means of batches of equal length, at least 4 each.

    Welch's test on what is left of each stretch beside its own straight line, so that a slope within a stretch does not
    count as noise; neighbouring batches resemble each other, so that n of them count as n (1 - r) / (1 + r), r the
    lag-one autocorrelation. Source: Welch (1947), Biometrika 34; Bayley and Hammersley (1946), The effective number of
    independent observations in an autocorrelated time series. Halves of a stationary series, ten batches each, are told
    apart at alpha = 1 % in 0.6 % of the cases where batches are independent, 3 % at r = 0.3, 6 % at r = 0.5.
    """
    parts = [_beside_line(part) for part in (first, second)]
    r = _autocorrelation(parts)
    lost = (1 + r) / (1 - r)
    errors = [float(left @ left) / (len(left) - 2) / len(left) * lost for left in parts]
    error = sum(errors)
    difference, level = float(second.mean() - first.mean()), float(second.mean())
    share = difference / level if level else math.nan
    if error == 0:
        return Shift(share, math.copysign(math.inf, difference) if difference else 0.0, len(first) + len(second) - 4)
    each = zip(errors, parts, strict=True)
    freedom = error**2 / sum(variance**2 / max(len(left) / lost - 2, 1.0) for variance, left in each)
    return Shift(share, difference / math.sqrt(error), max(int(freedom), 1))


def _beside_line(values: Floats) -> Floats:
    """Return the residuals of the straight line through values at equal distances."""
    at = np.arange(len(values)) - (len(values) - 1) / 2
    left: Floats = values - values.mean() - at * float(at @ values / (at @ at))
    left[np.abs(left) < ROUNDING * np.abs(values).max()] = 0.0
    return left


def _autocorrelation(parts: list[Floats]) -> float:
    """Return r in [0, 0.9]: an estimate from n values lies (1 + 4 r) / n too low (Kendall (1954), Biometrika 41)."""
    squares = sum(float(left @ left) for left in parts)
    if squares == 0:
        return 0.0
    found = sum(float(left[1:] @ left[:-1]) for left in parts) / squares
    n = min(len(left) for left in parts)
    return min(max((found + 1 / n) / (1 - 4 / n) if n > 4 else 0.0, 0.0), 0.9)
