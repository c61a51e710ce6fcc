"""Which signals become trades while others are open, compiled: skipped, turning the open one, or all of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from fairtrial.systems.signals.judge.barrier import Passages
from fairtrial.systems.signals.judge.fire import Fired
from fairtrial.systems.signals.record import TRUNCATED, TURNED, Bytes, Floats, Integers, Mask

POLICIES = ("skip", "net", "independent")
SKIP, NET, INDEPENDENT = range(3)


class Ground(NamedTuple):
    """One market, made ready for trades."""

    mid_ticks: Floats
    """The last valid one at each bin."""
    valid: Mask
    """Where a trade can be entered: the mid is known, and what it costs."""
    crossing_ticks: Floats
    """Cost of an entry or an exit at each bin."""
    passages: Passages


class Rules(NamedTuple):
    """How entries follow from signals."""

    delay_bins: int
    hold_bins: int
    policy: int
    """SKIP, NET or INDEPENDENT."""
    fee_ticks: float


class Opened(NamedTuple):
    """Trades of a stretch in order of entry."""

    signal: Integers
    entry: Integers
    exit: Integers
    side: Bytes
    outcome: Bytes
    gross_ticks: Floats
    """Signed change of the mid; NaN of TRUNCATED."""
    cost_ticks: Floats
    """NaN of TRUNCATED."""


def trade(ground: Ground, rules: Rules, fired: Fired, *, reach: int) -> Opened:
    """Trade the signals of a stretch in which every trade ends before bin `reach`.

    A trade is open from its entry until the bin of its exit, at which the next one may be entered. An entry where the
    mid or the cost is not known is not made. A trade whose longest time does not fit before `reach` is TRUNCATED,
    whatever it would have come to; it is open until it touches or the stretch ends. With NET an entry on the other side
    closes the open trade at the mid of its own bin (TURNED, unless it touches there).
    """
    room = book(len(fired.bins))
    count = walk(ground, rules, fired, reach, room)
    gross, cost = worth(ground, rules, room, count)
    times = room.signal[:count], room.entry[:count], room.exit[:count]
    return Opened(*times, room.side[:count], room.outcome[:count], gross, cost)


class Room(NamedTuple):
    """Where trades are written."""

    signal: Integers
    entry: Integers
    exit: Integers
    side: Bytes
    outcome: Bytes


@njit(cache=True, nogil=True, error_model="numpy")
def book(size: int) -> Room:
    """Make room for that many trades."""
    places = np.empty((3, size), np.int64)
    kinds = np.empty((2, size), np.int8)
    return Room(places[0], places[1], places[2], kinds[0], kinds[1])


@njit(cache=True, nogil=True, error_model="numpy")
def walk(ground: Ground, rules: Rules, fired: Fired, reach: int, room: Room) -> int:
    """Write down the trades; return how many."""
    count, opened, until = 0, 0, -1
    for at in range(len(fired.bins)):
        side = fired.sides[at]
        entry = fired.bins[at] + rules.delay_bins
        if entry < reach and not ground.valid[entry]:
            continue
        if entry < until and rules.policy != INDEPENDENT:
            if rules.policy == SKIP or side == opened:
                continue
            _turn(room, count - 1, entry)
        exit_, outcome = _end(ground.passages, rules, entry, side, reach)
        room.signal[count], room.entry[count], room.exit[count] = fired.bins[at], entry, exit_
        room.side[count], room.outcome[count] = side, outcome
        count += 1
        opened, until = side, exit_
    return count


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _turn(room: Room, last: int, entry: int) -> None:
    """Close the open trade at an entry on the other side."""
    room.exit[last] = entry
    if room.outcome[last] != TRUNCATED:
        room.outcome[last] = TURNED


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _end(passages: Passages, rules: Rules, entry: int, side: int, reach: int) -> tuple[Any, int]:
    """Return where a trade ends, and how."""
    if entry >= reach:
        return entry, TRUNCATED
    row = 0 if side > 0 else 1
    until = passages.exits[row, entry]
    if entry + rules.hold_bins >= reach:
        return min(until, reach - 1), TRUNCATED
    return until, passages.outcomes[row, entry]


@njit(cache=True, nogil=True, error_model="numpy")
def worth(ground: Ground, rules: Rules, room: Room, count: int) -> tuple[Floats, Floats]:
    """Return the gross result and the cost of each trade; NaN where it is TRUNCATED."""
    gross, cost = np.full(count, np.nan), np.full(count, np.nan)
    mid, crossing = ground.mid_ticks, ground.crossing_ticks
    for at in range(count):
        entry, exit_ = room.entry[at], room.exit[at]
        if room.outcome[at] != TRUNCATED:
            gross[at] = room.side[at] * (mid[exit_] - mid[entry])
            cost[at] = crossing[entry] + crossing[exit_] + rules.fee_ticks
    return gross, cost
