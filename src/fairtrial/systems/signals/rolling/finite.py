"""The rule for missing values, and the shape of what is rolled over."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from fairtrial.systems.signals.record import Floats


def each(kernel: Callable[[Floats], Floats], x: Floats) -> Floats:
    """Apply a kernel along the first axis of x, (n,) or (n, columns), to the finite values; the others become NaN."""
    table = x.reshape(len(x), math.prod(x.shape[1:]))
    found = np.full(table.shape, np.nan)
    for column in range(table.shape[1]):
        at = np.flatnonzero(np.isfinite(table[:, column]))
        found[at, column] = kernel(table[at, column].astype(np.float64))
    return found.reshape(x.shape)


def check(window: int, *, least: int, min_periods: int = 1) -> None:
    """Raise ValueError where a window cannot hold what is asked of it."""
    if window < least:
        raise ValueError(f"a window of {window} values: it needs {least} or more")
    if not 1 <= min_periods <= window:
        raise ValueError(f"min_periods {min_periods} is not within 1 and the window, {window}")
