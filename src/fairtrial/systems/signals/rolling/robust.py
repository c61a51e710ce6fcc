"""The robust z: how far a value lies from the median of the last ones, in median absolute deviations."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque

from fairtrial.systems.signals.record import Floats
from fairtrial.systems.signals.rolling.finite import check, each

LEAST = 1e-12
"""A scale below it is none: the values agree, and z is 0."""
NORMAL = 1.4826
"""Standard deviations of a normal distribution in a median absolute deviation."""


def robust_z(x: Floats, window: int, *, min_periods: int = 30) -> Floats:
    """Return (x - median) / (1.4826 MAD) over the last `window` values, this one included, (n,) or (n, columns).

    It is 0 while the window holds fewer than `min_periods` values, and where its scale is below 1e-12.
    """
    from fairtrial.systems.signals.rolling.compiled import robust_z as kernel

    check(window, least=1, min_periods=min_periods)
    return each(lambda values: kernel(values, window, min_periods), x)


class RobustZ:
    """The same, one value at a time: the window is kept in order, and its deviations are found by halving."""

    def __init__(self, window: int, min_periods: int = 30) -> None:
        check(window, least=1, min_periods=min_periods)
        self._min_periods = min_periods
        self._last: deque[float] = deque(maxlen=window)
        self._ordered: list[float] = []

    def step(self, x: float) -> float:
        """Return the robust z of this value, the last one of its window."""
        if not math.isfinite(x):
            return math.nan
        if len(self._last) == self._last.maxlen:
            del self._ordered[bisect_left(self._ordered, self._last[0])]
        self._last.append(x)
        insort(self._ordered, x)
        if len(self._ordered) < self._min_periods:
            return 0.0
        middle = _median(self._ordered)
        scale = NORMAL * _deviation(self._ordered, middle)
        return (x - middle) / scale if scale >= LEAST else 0.0


def _median(ordered: list[float]) -> float:
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _deviation(ordered: list[float], middle: float) -> float:
    """Return the median of |value - middle|."""
    half = len(ordered) // 2
    upper = _nearest(ordered, middle, half)
    return upper if len(ordered) % 2 else (_nearest(ordered, middle, half - 1) + upper) / 2


def _nearest(ordered: list[float], middle: float, rank: int) -> float:
    """Return how far the value is that has `rank` others nearer to the middle: those nearest lie side by side."""
    starts = len(ordered) - rank
    low, high = 0, starts
    while low < high:
        at = (low + high) // 2
        if middle - ordered[at] <= ordered[at + rank] - middle:
            high = at
        else:
            low = at + 1
    above = ordered[low + rank] - middle if low < starts else math.inf
    below = middle - ordered[low - 1] if low > 0 else math.inf
    return min(above, below)
