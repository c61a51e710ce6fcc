"""What becomes of a trade that is entered at a bin, compiled: first touch of a barrier, on mids in ticks.

`follow` looks at given entries bin by bin until they touch. `passages` is a table for every bin and both sides, for
entries that are many or drawn: where prices lie on a grid, one backward pass keeps for each price the next bin that
reaches it, whatever the distance to the barriers; elsewhere each bin is followed. Both give the same.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from fairtrial.systems.signals.judge.fire import Fired
from fairtrial.systems.signals.record import SL, TIMEOUT, TP, Bytes, Floats, Integers

Shorts = npt.NDArray[np.int32]
SLACK = 1e-6
"""Of a tick: what rounding may take from a touch; prices are never that fine."""
HALF = 0.5
"""Of a tick: where the mids of most books are."""
FINEST = 1e-6
"""Of a tick: prices are taken as multiples of it to find their grid."""
LEVELS, STEPS = 4_000_000, 64
"""Most levels of a grid, and most of them between two bins on average, for which the pass is the shorter way."""


class Barriers(NamedTuple):
    """Where a trade ends, at the latest."""

    tp_ticks: float
    sl_ticks: float
    hold_bins: int
    """Bins after the entry that are looked at."""


class Passages(NamedTuple):
    """First passages: row 0 for long, row 1 for short trades; (2, n) each."""

    exits: Shorts
    """The bin at which the trade ends: that of the touch, else the last that is looked at."""
    outcomes: Bytes
    """TP, SL or TIMEOUT."""


def filled(values: Floats) -> Floats:
    """Return values with the last number before it in the place of each NaN; leading ones stay."""
    last = np.maximum.accumulate(np.where(np.isnan(values), 0, np.arange(len(values))))
    return values[last]


def follow(mid_ticks: Floats, fired: Fired, barriers: Barriers) -> tuple[Integers, Bytes]:
    """Return exit and outcome of entries at the bins and on the sides that are given; mids as for `passages`."""
    tp, sl, hold = barriers
    return _follow(mid_ticks, fired.bins, fired.sides, (tp - SLACK, sl - SLACK), hold)


def passages(mid_ticks: Floats, barriers: Barriers) -> Passages:
    """Return what becomes of an entry at each bin, by the first mid that is `tp` ticks better or `sl` ticks worse.

    A mid that is NaN touches nothing, and nothing is touched from it: give it `filled`, then what is NaN is only before
    the first mid. Bins past the end are not looked at.
    """
    grid = _grid(mid_ticks)
    if grid is None:
        return Passages(*_followed(mid_ticks, *barriers, SLACK))
    levels, unit = grid
    reach = int(levels.max(initial=0)) + 1
    tp, sl = (min(_steps(ticks, unit), reach) for ticks in barriers[:2])
    found = Passages(*_passed(levels, reach, tp, sl, barriers.hold_bins))
    unknown = int(np.isnan(mid_ticks).sum())
    for side in range(2):
        exits = np.minimum(np.arange(unknown) + barriers.hold_bins, len(mid_ticks) - 1)
        found.exits[side, :unknown], found.outcomes[side, :unknown] = exits, TIMEOUT
    return found


def _steps(ticks: float, unit: float) -> int:
    """Return the levels to a barrier, at least one."""
    return max(1, int(np.ceil((ticks - SLACK) / unit)))


def _grid(mid_ticks: Floats) -> tuple[Shorts, float] | None:
    """Return mids as levels from 0 and the ticks of a level; None where there are too many, or a mid amid is NaN."""
    known = mid_ticks[np.isnan(mid_ticks).sum() :]
    if not len(known) or np.isnan(known).any():
        return None
    lowest = float(known.min())
    return _on(mid_ticks, lowest, HALF) or _on(mid_ticks, lowest, _unit(known, lowest))


def _on(mid_ticks: Floats, lowest: float, unit: float) -> tuple[Shorts, float] | None:
    """Return mids as levels of one unit; None where they are not, and where the table would be the longer way."""
    levels, exact, steps = _levels(mid_ticks, lowest, unit)
    few = levels.max() <= LEVELS and steps <= STEPS * len(levels)
    return (levels, unit) if exact and few else None


def _unit(known: Floats, lowest: float) -> float:
    """Return the largest unit that all distances from the lowest are multiples of, in ticks."""
    return float(np.gcd.reduce(np.rint((known - lowest) / FINEST).astype(np.int64))) * FINEST or 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def _levels(mid: Floats, lowest: float, unit: float) -> tuple[Shorts, bool, float]:
    """Count in units from the lowest; say whether that is exact, and how far the levels go in all. NaN is 0."""
    levels, steps, worst = np.zeros(len(mid), np.int32), 0.0, 0.0
    before = 0.0
    for at in range(len(mid)):
        away = 0.0 if np.isnan(mid[at]) else (mid[at] - lowest) / unit
        level = np.rint(away)
        worst = max(worst, abs(away - level))
        steps += abs(level - before)
        before = level
        levels[at] = level if level < 2e9 else 2e9
    return levels, worst * unit < SLACK / 10, steps


@njit(cache=True, nogil=True, error_model="numpy")
def _passed(levels: Shorts, reach: int, tp: int, sl: int, hold: int) -> tuple[Shorts, Bytes]:
    """Make the table in one backward pass; `up[l]` is the next bin at level l or above, seen from below it."""
    n, pad = len(levels), max(tp, sl)
    exits, outcomes = np.empty((2, n), np.int32), np.empty((2, n), np.int8)
    up = np.full(reach + 2 * pad + 1, 2147483647, np.int32)
    down = up.copy()
    for at in range(n - 1, -1, -1):
        here = levels[at] + pad
        last = min(at + hold, n - 1)
        exits[0, at], outcomes[0, at] = _first(up[here + tp], down[here - sl], last)
        exits[1, at], outcomes[1, at] = _first(down[here - tp], up[here + sl], last)
        before = levels[at - 1] + pad if at else here
        for level in range(before + 1, here + 1):
            up[level] = at
        for level in range(here, before):
            down[level] = at
    return exits, outcomes


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _first(gain: int, loss: int, last: int) -> tuple[int, int]:
    """Return which bin comes first, and what it is."""
    first = min(gain, loss)
    if first > last:
        return last, TIMEOUT
    return first, TP if gain < loss else SL


@njit(cache=True, nogil=True, error_model="numpy")
def _follow(mid: Floats, bins: Integers, sides: Bytes, reach: tuple[float, float], hold: int) -> tuple[Integers, Bytes]:
    """Follow entries; `reach` is how far the barriers are, better and worse."""
    exits, outcomes = np.empty(len(bins), np.int64), np.empty(len(bins), np.int8)
    for at in range(len(bins)):
        entry = bins[at]
        up, down = reach if sides[at] > 0 else (reach[1], reach[0])
        exits[at], found = touch(mid, entry, mid[entry] + up, mid[entry] - down, hold)
        outcomes[at] = found if sides[at] > 0 or found == TIMEOUT else (TP if found == SL else SL)
    return exits, outcomes


@njit(cache=True, nogil=True, error_model="numpy")
def _followed(mid: Floats, tp: float, sl: float, hold: int, slack: float) -> tuple[Shorts, Bytes]:
    """Make the table by following each bin to both sides."""
    n = len(mid)
    exits, outcomes = np.empty((2, n), np.int32), np.empty((2, n), np.int8)
    for at in range(n):
        exits[0, at], outcomes[0, at] = touch(mid, at, mid[at] + tp - slack, mid[at] - sl + slack, hold)
        last, found = touch(mid, at, mid[at] + sl - slack, mid[at] - tp + slack, hold)
        exits[1, at] = last
        outcomes[1, at] = TIMEOUT if found == TIMEOUT else (TP if found == SL else SL)
    return exits, outcomes


@njit(cache=True, nogil=True, error_model="numpy")
def touch(mid: Floats, at: int, high: float, low: float, hold: int) -> tuple[int, int]:
    """Follow one entry: return where it ends, and TP (at or above `high`), SL (at or below `low`) or TIMEOUT."""
    last = min(at + hold, len(mid) - 1)
    for later in range(at + 1, last + 1):
        if mid[later] >= high:
            return later, TP
        if mid[later] <= low:
            return later, SL
    return last, TIMEOUT
