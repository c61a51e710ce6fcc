"""The compiled replay: one message after the other into arrays of orders, price levels and cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy.typing as npt
from numba import njit

from fairtrial.systems.signals.orders.record import ADDED, FILLED, PULLED, RESET
from fairtrial.systems.signals.record import ADD, ASK, BID, CANCEL, CLEAR, MODIFY

compiled: Callable[..., Any] = njit(cache=True)
ODD = (
    "cancel of an unknown order",
    "fill of an unknown order",
    "modify of an unknown order",
    "cancel of more than there is",
    "fill of more than there is",
    "order added twice",
    "modify to another side",
    "price out of range",
    "size out of range",
)
"""Kinds of odd messages. What is unknown is left out, but for a modify, which adds the order; what is more than there
is takes what there is; an order that is added twice is the new one; what is out of range is left out."""
NO_CANCEL, NO_FILL, NO_MODIFY, MUCH_CANCEL, MUCH_FILL, TWICE, TURNED, BAD_PRICE, BAD_SIZE = range(len(ODD))
BLOCK = 8
"""A block is 2^8 price levels: the next best price is looked for block by block."""

Array = npt.NDArray[Any]


class Work(NamedTuple):
    """All that a replay reads and writes: few arrays, since compiled code counts references to each that it passes."""

    messages: Array
    """(m, 6): messages, columns TIME .. LOTS; orders and prices are numbered, sizes whole lots (-1: out of range)."""
    place: Array
    """(levels,): the cell of a price level."""
    orders: Array
    """(orders, 3): where each rests (a price level; -1: nowhere), its side, its lots."""
    depth: Array
    """(2, levels): lots at a price."""
    blocks: Array
    """(2, blocks): price levels of a block that are not empty."""
    cells: Array
    """(2, cells): lots in a cell."""
    since: Array
    """(adds,): orders added since the last CLEAR, in order."""
    counts: Array
    """(5,): length of `since`, touches so far, whether a snapshot is going on, best bid and best ask (-1: none)."""
    odd: Array
    """(kinds,): of ODD."""
    out: Array
    """(touches, 6): touches as they are written, columns MESSAGE .. ASK_DEPTH."""


TIME, ACTION, SIDE, ORDER, LEVEL, LOTS = range(6)
AT, ON, LEFT = range(3)
MESSAGE, PLACE, KIND, AMOUNT, BID_DEPTH, ASK_DEPTH = range(6)
SINCE, WRITTEN, SNAPSHOT, BEST = range(4)


@compiled
def run(work: Work, stops: Array, first: Array, best: Array) -> None:
    """Replay up to each of `stops` (ascending, (n + 1,)): the messages before the first bin, then bin by bin.

    Writes touches, where those of each bin start into `first` (n + 1,), and the best bid and ask at each bin's end, as
    ranks, into `best` (n, 2).
    """
    number = 0
    for bound in range(len(stops)):
        while number < stops[bound]:
            _step(number, work)
            number += 1
        first[bound] = work.counts[WRITTEN]
        if bound > 0:
            best[bound - 1, BID] = work.counts[BEST + BID]
            best[bound - 1, ASK] = work.counts[BEST + ASK]


@compiled
def _step(number: int, work: Work) -> None:
    action = work.messages[number, ACTION]
    if action == CLEAR:
        _clear(number, work)
        work.counts[SNAPSHOT] = 1
        return
    if action != ADD or work.messages[number, TIME] != work.messages[max(number - 1, 0), TIME]:
        work.counts[SNAPSHOT] = 0
    if action == ADD:
        _add(number, work)
    elif action == MODIFY:
        _modify(number, work)
    else:
        _reduce(number, work)


@compiled
def _add(number: int, work: Work) -> None:
    order, level = work.messages[number, ORDER], work.messages[number, LEVEL]
    if level < 0 or work.messages[number, LOTS] <= 0:
        work.odd[BAD_PRICE if level < 0 else BAD_SIZE] += 1
        return
    if work.orders[order, AT] >= 0:
        work.odd[TWICE] += 1
        _take(number, work.orders[order, LEFT], PULLED, work)
    _put(number, work)


@compiled
def _reduce(number: int, work: Work) -> None:
    cancel = work.messages[number, ACTION] == CANCEL
    order, lots = work.messages[number, ORDER], work.messages[number, LOTS]
    if lots <= 0:
        work.odd[BAD_SIZE] += 1
        return
    if work.orders[order, AT] < 0:
        work.odd[NO_CANCEL if cancel else NO_FILL] += 1
        return
    if lots > work.orders[order, LEFT]:
        work.odd[MUCH_CANCEL if cancel else MUCH_FILL] += 1
        lots = work.orders[order, LEFT]
    _take(number, lots, PULLED if cancel else FILLED, work)


@compiled
def _modify(number: int, work: Work) -> None:
    order, level, lots = work.messages[number, ORDER], work.messages[number, LEVEL], work.messages[number, LOTS]
    if level < 0 or lots < 0:
        work.odd[BAD_PRICE if level < 0 else BAD_SIZE] += 1
        return
    before = work.orders[order, AT]
    if before < 0:
        work.odd[NO_MODIFY] += 1
    elif work.messages[number, SIDE] != work.orders[order, ON]:
        work.odd[TURNED] += 1
    elif work.place[before] == work.place[level]:
        _shift(number, work)
        return
    if before >= 0:
        _take(number, work.orders[order, LEFT], PULLED, work)
    if lots > 0:
        _put(number, work)


@compiled
def _shift(number: int, work: Work) -> None:
    """Change an order within its cell: only the difference is added or pulled."""
    order, level, lots = work.messages[number, ORDER], work.messages[number, LEVEL], work.messages[number, LOTS]
    side, change = work.orders[order, ON], lots - work.orders[order, LEFT]
    _level(side, work.orders[order, AT], -work.orders[order, LEFT], work)
    work.orders[order, AT], work.orders[order, LEFT] = (level if lots > 0 else -1), lots
    if lots > 0:
        _level(side, level, lots, work)
    place = work.place[level]
    work.cells[side, place] += change
    if change != 0:
        _write(number, place, ADDED if change > 0 else PULLED, abs(change), work)


@compiled
def _put(number: int, work: Work) -> None:
    """Add the order of a message, which does not rest."""
    order, side = work.messages[number, ORDER], work.messages[number, SIDE]
    level, lots = work.messages[number, LEVEL], work.messages[number, LOTS]
    work.orders[order, AT], work.orders[order, ON], work.orders[order, LEFT] = level, side, lots
    work.since[work.counts[SINCE]] = order
    work.counts[SINCE] += 1
    _level(side, level, lots, work)
    place = work.place[level]
    work.cells[side, place] += lots
    _write(number, place, ADDED, lots, work)


@compiled
def _take(number: int, lots: int, kind: int, work: Work) -> None:
    """Take so much of a message's order away, at most all of it."""
    order = work.messages[number, ORDER]
    side, level = work.orders[order, ON], work.orders[order, AT]
    work.orders[order, LEFT] -= lots
    if work.orders[order, LEFT] == 0:
        work.orders[order, AT] = -1
    _level(side, level, -lots, work)
    place = work.place[level]
    work.cells[side, place] -= lots
    _write(number, place, kind, lots, work)


@compiled
def _clear(number: int, work: Work) -> None:
    """Empty the book: each cell is touched once, when its last order goes."""
    for index in range(work.counts[SINCE]):
        order = work.since[index]
        level, side = work.orders[order, AT], work.orders[order, ON]
        if level < 0:
            continue
        work.orders[order, AT] = -1
        _level(side, level, -work.orders[order, LEFT], work)
        place = work.place[level]
        work.cells[side, place] -= work.orders[order, LEFT]
        if work.cells[BID, place] == 0 and work.cells[ASK, place] == 0:
            _write(number, place, RESET, 0, work)
    work.counts[SINCE] = 0


@compiled
def _write(number: int, place: int, kind: int, amount: int, work: Work) -> None:
    if work.counts[SNAPSHOT] != 0:
        kind, amount = RESET, 0
    at = work.counts[WRITTEN]
    work.out[at, MESSAGE], work.out[at, PLACE], work.out[at, KIND], work.out[at, AMOUNT] = number, place, kind, amount
    work.out[at, BID_DEPTH], work.out[at, ASK_DEPTH] = work.cells[BID, place], work.cells[ASK, place]
    work.counts[WRITTEN] = at + 1


@compiled
def _level(side: int, level: int, lots: int, work: Work) -> None:
    """Change the depth at a price, and keep the best price."""
    before = work.depth[side, level]
    work.depth[side, level] = before + lots
    best = work.counts[BEST + side]
    if before == 0 and lots > 0:
        work.blocks[side, level >> BLOCK] += 1
        if best < 0 or (level > best if side == BID else level < best):
            work.counts[BEST + side] = level
    elif before > 0 and before + lots == 0:
        work.blocks[side, level >> BLOCK] -= 1
        if level == best:
            work.counts[BEST + side] = _next(work.depth[side], work.blocks[side], level, -1 if side == BID else 1)


@compiled
def _next(depth: Array, blocks: Array, level: int, way: int) -> int:
    """Return the nearest level with depth, from `level` downwards (way -1) or upwards (1); -1 where there is none."""
    block = level >> BLOCK
    level += way
    while 0 <= level < len(depth) and level >> BLOCK == block:
        if depth[level] > 0:
            return level
        level += way
    block += way
    while 0 <= block < len(blocks) and blocks[block] == 0:
        block += way
    if not 0 <= block < len(blocks):
        return -1
    level = block << BLOCK if way > 0 else min(((block + 1) << BLOCK) - 1, len(depth) - 1)
    while depth[level] == 0:
        level += way
    return level
