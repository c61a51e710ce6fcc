"""When a signal fires, and on which side, compiled: by a change of its state, or whenever it is high enough."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from fairtrial.systems.signals.record import Bytes, Floats, Integers
from fairtrial.systems.signals.signal import Mode


class Fired(NamedTuple):
    """Signals in order of time."""

    bins: Integers
    sides: Bytes
    """+1 up, -1 down."""


def fire(values: Floats, threshold: float, *, mode: Mode, cooldown_bins: int) -> Fired:
    """Return when values fire, bins counted from the first; NaN is flat, and so is what was before the first.

    state: a state other than flat (up at value >= threshold, down at value <= -threshold) that differs from the bin
    before; probability: every bin up at value >= threshold, down at value <= 1 - threshold; confidence: every bin of
    |value| >= threshold, on the side of its sign. Where both hold it is up. At least `cooldown_bins` lie between two;
    what falls into that time is lost.
    """
    high, low = threshold, (1 - threshold if mode == "probability" else -threshold)
    if mode == "confidence":  # 0 has no sign
        high, low = max(high, np.nextafter(0.0, 1.0)), min(low, -np.nextafter(0.0, 1.0))
    return Fired(*_fire(np.ascontiguousarray(values, dtype=np.float64), high, low, mode == "state", cooldown_bins))


@njit(cache=True, nogil=True, error_model="numpy")
def _fire(values: Floats, high: float, low: float, changes: bool, cooldown: int) -> tuple[Integers, Bytes]:
    """Fire at values of at least `high` and of at most `low`; with `changes` only where that was not so before."""
    n = len(values)
    bins, sides = np.empty(n, np.int64), np.empty(n, np.int8)
    count, before, last = 0, 0, -cooldown
    for at in range(n):
        value = values[at]
        state = 1 if value >= high else (-1 if value <= low else 0)
        if state != 0 and not (changes and state == before) and at - last >= cooldown:
            bins[count], sides[count] = at, state
            count += 1
            last = at
        before = state
    return bins[:count].copy(), sides[:count].copy()
