"""The mean and the standard deviation of the last values, by merging sets, never by taking values off again.

Time is cut into stretches as long as the window: what it covers is the end of one stretch, summed up when that one was
over, and the beginning of the next. A huge value thus leaves nothing behind, and equal values have no deviation.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from fairtrial.systems.signals.record import Floats
from fairtrial.systems.signals.rolling.finite import check, each


def mean(x: Floats, window: int, *, min_periods: int | None = None) -> Floats:
    """Return the mean of the last `window` values, (n,) or (n, columns); NaN before min_periods (a full window)."""
    return _moments(x, window, min_periods, which=0)


def sd(x: Floats, window: int, *, min_periods: int | None = None) -> Floats:
    """Return their sample standard deviation; NaN before min_periods (a full window), and of a single value."""
    return _moments(x, window, min_periods, which=1)


def _moments(x: Floats, window: int, min_periods: int | None, *, which: int) -> Floats:
    from fairtrial.systems.signals.rolling.compiled import moments as kernel

    least = window if min_periods is None else min_periods
    check(window, least=1, min_periods=least)
    return each(lambda values: np.asarray(kernel(values, window, least)[which]), x)


class Moments:
    """Mean and standard deviation, one value at a time; constant work, but for one value in `window`."""

    def __init__(self, window: int, min_periods: int | None = None) -> None:
        self._window = window
        self._min_periods = window if min_periods is None else min_periods
        check(window, least=1, min_periods=self._min_periods)
        self._older: list[_Set] = []
        self._values: list[float] = []
        self._newer = EMPTY

    def step(self, x: float) -> tuple[float, float]:
        """Return mean and sample standard deviation with this value as the last one."""
        if not math.isfinite(x):
            return math.nan, math.nan
        if len(self._values) == self._window:
            self._turn()
        self._values.append(x)
        self._newer = _merged(self._newer, _Set(1.0, x, 0.0))
        at = len(self._values)
        whole = _merged(self._older[at], self._newer) if at < len(self._older) else self._newer
        if whole.size < self._min_periods:
            return math.nan, math.nan
        return whole.mean, math.sqrt(whole.squares / (whole.size - 1.0)) if whole.size > 1 else math.nan

    def _turn(self) -> None:
        """Begin a stretch: sum up the ends of the one that is over."""
        older = [EMPTY]
        for value in reversed(self._values):
            older.append(_merged(older[-1], _Set(1.0, value, 0.0)))
        self._older = older[:0:-1]
        self._values = []
        self._newer = EMPTY


class Mean:
    """The mean, one value at a time."""

    def __init__(self, window: int, min_periods: int | None = None) -> None:
        self._moments = Moments(window, min_periods)

    def step(self, x: float) -> float:
        """Return the mean with this value as the last one."""
        return self._moments.step(x)[0]


class Sd:
    """The sample standard deviation, one value at a time."""

    def __init__(self, window: int, min_periods: int | None = None) -> None:
        self._moments = Moments(window, min_periods)

    def step(self, x: float) -> float:
        """Return the standard deviation with this value as the last one."""
        return self._moments.step(x)[1]


class _Set(NamedTuple):
    size: float
    mean: float
    squares: float
    """Sum of squared deviations from the mean."""


EMPTY = _Set(0.0, 0.0, 0.0)


def _merged(one: _Set, other: _Set) -> _Set:
    """Return size, mean and sum of squares of both; Chan, Golub and LeVeque (1983), The American Statistician 37."""
    size = one.size + other.size
    gap = other.mean - one.mean
    squares = one.squares + other.squares + gap * gap * (one.size * other.size / size)
    return _Set(size, one.mean + gap * (other.size / size) if one.size else other.mean, squares)
