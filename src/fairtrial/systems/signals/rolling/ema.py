"""The exponential moving average: y += alpha (x - y), which starts at the first value."""

from __future__ import annotations

import math

from fairtrial.systems.signals.record import Floats
from fairtrial.systems.signals.rolling.finite import each


def ema(x: Floats, alpha: float) -> Floats:
    """Return the average at each value, (n,) or (n, columns); 0 < alpha <= 1."""
    from fairtrial.systems.signals.rolling.compiled import ema as kernel

    _check(alpha)
    return each(lambda values: kernel(values, alpha), x)


class Ema:
    """The same, one value at a time; it keeps one number."""

    def __init__(self, alpha: float) -> None:
        _check(alpha)
        self._alpha = alpha
        self._at = math.nan

    def step(self, x: float) -> float:
        """Return the average with this value as the last one."""
        if not math.isfinite(x):
            return math.nan
        if math.isnan(self._at):
            self._at = x
        self._at += self._alpha * (x - self._at)
        return self._at


def span(count: float) -> float:
    """Return the alpha of an average over about `count` values: 2 / (count + 1), whose mean age is that of a window."""
    return 2.0 / (count + 1.0)


def _check(alpha: float) -> None:
    if not 0 < alpha <= 1:
        raise ValueError(f"alpha {alpha:g} is not within 0 (excluded) and 1")
