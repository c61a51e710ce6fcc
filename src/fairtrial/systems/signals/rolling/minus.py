"""The change since the value before, or since several values before."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from fairtrial.systems.signals.record import Floats
from fairtrial.systems.signals.rolling.finite import check, each


def minus(x: Floats, lag: int = 1) -> Floats:
    """Return x less what it was `lag` values before, (n,) or (n, columns); NaN for the first ones."""
    return x - before(x, lag)


def before(x: Floats, lag: int = 1) -> Floats:
    """Return what x was `lag` finite values before, (n,) or (n, columns); NaN for the first ones."""
    check(lag, least=1)
    return each(lambda values: np.concatenate((np.full(lag, np.nan), values[:-lag]))[: len(values)], x)


class Minus:
    """The change, one value at a time."""

    def __init__(self, lag: int = 1) -> None:
        self._before = Before(lag)

    def step(self, x: float) -> float:
        """Return this value less the one `lag` values before."""
        return x - self._before.step(x)


class Before:
    """What was `lag` values before, one value at a time."""

    def __init__(self, lag: int = 1) -> None:
        check(lag, least=1)
        self._last: deque[float] = deque(maxlen=lag + 1)

    def step(self, x: float) -> float:
        """Return the value that came `lag` values before this one."""
        if not math.isfinite(x):
            return math.nan
        self._last.append(x)
        return self._last[0] if len(self._last) == self._last.maxlen else math.nan
