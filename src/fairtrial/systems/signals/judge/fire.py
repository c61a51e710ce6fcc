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
    states = np.zeros(n + 1, np.int8)
    _classify(values, high, low, states[1:])
    most = n // max(cooldown, 1) + 1
    bins, sides = np.empty(most, np.int64), np.empty(most, np.int8)
    count, at, always = 0, 0, not changes
    while at < n:
        state = states[at + 1]
        if (state != 0) & (always | (state != states[at])):
            bins[count], sides[count] = at, state
            count += 1
            at += max(cooldown, 1)
        else:
            at += 1
    return bins[:count].copy(), sides[:count].copy()


@njit(cache=True, nogil=True, error_model="numpy")
def _classify(values: Floats, high: float, low: float, states: Bytes) -> None:
    """Write down +1, -1 or 0 for each bin: a loop of its own, without branches, which compiles to vectors."""
    for at in range(len(values)):
        up, down = values[at] >= high, values[at] <= low
        states[at] = np.int8(up) - np.int8(down & ~up)
