"""The slope of a straight line through the last values: least squares, in closed form."""

from __future__ import annotations

import math
from collections import deque

from fairtrial.systems.signals.record import Floats
from fairtrial.systems.signals.rolling.finite import check, each


def slope(x: Floats, window: int) -> Floats:
    """Return the slope per value of the last `window` values, (n,) or (n, columns); NaN before there are as many."""
    from fairtrial.systems.signals.rolling.compiled import slope as kernel

    check(window, least=2)
    return each(lambda values: kernel(values, window), x)


class Slope:
    """The same, one value at a time; work and memory are those of the window."""

    def __init__(self, window: int) -> None:
        check(window, least=2)
        self._last: deque[float] = deque(maxlen=window)
        self._centre = 0.5 * (window - 1)
        self._scale = window * (window * window - 1.0) / 12.0

    def step(self, x: float) -> float:
        """Return the slope with this value as the last one."""
        if not math.isfinite(x):
            return math.nan
        last, centre = self._last, self._centre
        last.append(x)
        if len(last) < (last.maxlen or 0):
            return math.nan
        first, total = last[0], 0.0
        for j, value in enumerate(last):
            total += (j - centre) * (value - first)
        return total / self._scale
