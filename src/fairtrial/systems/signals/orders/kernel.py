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


class Messages(NamedTuple):
    """Messages, ready: orders and prices are numbered, sizes are whole lots (-1: out of range)."""

    ts_ns: Array
    action: Array
    side: Array
    order: Array
    level: Array
    """Rank of its price; -1: out of range."""
    lots: Array
    place: Array
    """(levels,): the cell of a price level."""


class State(NamedTuple):
    """The book at work."""

    level: Array
    """(orders,): where it rests; -1: nowhere."""
    side: Array
    lots: Array
    depth: Array
    """(2, levels): lots at a price."""
    blocks: Array
    """(2, blocks): price levels that are not empty."""
    best: Array
    """(2,): best bid and best ask; -1: none."""
    cells: Array
    """(2, cells): lots in a cell."""
    since: Array
    """Orders added since the last CLEAR, in order."""
    counts: Array
    """(3,): length of `since`, touches so far, and whether a snapshot is going on."""
    odd: Array


class Out(NamedTuple):
    """Touches as they are written."""

    message: Array
    place: Array
    kind: Array
    amount: Array
    bid: Array
    ask: Array


SINCE, WRITTEN, SNAPSHOT = range(3)


@compiled
def run(messages: Messages, state: State, out: Out, stops: Array, first: Array, best: Array) -> None:
    """Replay up to each of `stops` (ascending, (n + 1,)): the messages before the first bin, then bin by bin.

    Writes touches into `out`, where those of each bin start into `first` (n + 1,), and the best bid and ask at each
    bin's end, as ranks, into `best` (n, 2).
    """
    number = 0
    for bound in range(len(stops)):
        while number < stops[bound]:
            _step(number, messages, state, out)
            number += 1
        first[bound] = state.counts[WRITTEN]
        if bound > 0:
            best[bound - 1, BID] = state.best[BID]
            best[bound - 1, ASK] = state.best[ASK]


@compiled
def _step(number: int, messages: Messages, state: State, out: Out) -> None:
    action = messages.action[number]
    if action == CLEAR:
        _clear(number, messages, state, out)
        state.counts[SNAPSHOT] = 1
        return
    if action != ADD or messages.ts_ns[number] != messages.ts_ns[max(number - 1, 0)]:
        state.counts[SNAPSHOT] = 0
    if action == ADD:
        _add(number, messages, state, out)
    elif action == MODIFY:
        _modify(number, messages, state, out)
    else:
        _reduce(number, messages, state, out)


@compiled
def _add(number: int, messages: Messages, state: State, out: Out) -> None:
    order, level, lots = messages.order[number], messages.level[number], messages.lots[number]
    if level < 0 or lots <= 0:
        state.odd[BAD_PRICE if level < 0 else BAD_SIZE] += 1
        return
    if state.level[order] >= 0:
        state.odd[TWICE] += 1
        _take(number, order, state.lots[order], PULLED, messages, state, out)
    _put(number, order, messages.side[number], level, lots, messages, state, out)


@compiled
def _reduce(number: int, messages: Messages, state: State, out: Out) -> None:
    cancel = messages.action[number] == CANCEL
    order, lots = messages.order[number], messages.lots[number]
    if lots <= 0:
        state.odd[BAD_SIZE] += 1
        return
    if state.level[order] < 0:
        state.odd[NO_CANCEL if cancel else NO_FILL] += 1
        return
    if lots > state.lots[order]:
        state.odd[MUCH_CANCEL if cancel else MUCH_FILL] += 1
        lots = state.lots[order]
    _take(number, order, lots, PULLED if cancel else FILLED, messages, state, out)


@compiled
def _modify(number: int, messages: Messages, state: State, out: Out) -> None:
    order, level, lots, side = (
        messages.order[number],
        messages.level[number],
        messages.lots[number],
        messages.side[number],
    )
    if level < 0 or lots < 0:
        state.odd[BAD_PRICE if level < 0 else BAD_SIZE] += 1
        return
    before = state.level[order]
    if before < 0:
        state.odd[NO_MODIFY] += 1
        if lots > 0:
            _put(number, order, side, level, lots, messages, state, out)
        return
    if side != state.side[order]:
        state.odd[TURNED] += 1
    elif messages.place[before] == messages.place[level]:
        _shift(number, order, level, lots, messages, state, out)
        return
    _take(number, order, state.lots[order], PULLED, messages, state, out)
    if lots > 0:
        _put(number, order, side, level, lots, messages, state, out)


@compiled
def _shift(number: int, order: int, level: int, lots: int, messages: Messages, state: State, out: Out) -> None:
    """Change an order within its cell: only the difference is added or pulled."""
    side, change = state.side[order], lots - state.lots[order]
    _level(side, state.level[order], -state.lots[order], state)
    state.level[order], state.lots[order] = (level if lots > 0 else -1), lots
    if lots > 0:
        _level(side, level, lots, state)
    place = messages.place[level]
    state.cells[side, place] += change
    if change != 0:
        _write(number, place, ADDED if change > 0 else PULLED, abs(change), state, out)


@compiled
def _put(number: int, order: int, side: int, level: int, lots: int, messages: Messages, state: State, out: Out) -> None:
    """Add an order that does not rest."""
    state.level[order], state.side[order], state.lots[order] = level, side, lots
    state.since[state.counts[SINCE]] = order
    state.counts[SINCE] += 1
    _level(side, level, lots, state)
    place = messages.place[level]
    state.cells[side, place] += lots
    _write(number, place, ADDED, lots, state, out)


@compiled
def _take(number: int, order: int, lots: int, kind: int, messages: Messages, state: State, out: Out) -> None:
    """Take so much of an order away, at most all of it."""
    side, level = state.side[order], state.level[order]
    state.lots[order] -= lots
    if state.lots[order] == 0:
        state.level[order] = -1
    _level(side, level, -lots, state)
    place = messages.place[level]
    state.cells[side, place] -= lots
    _write(number, place, kind, lots, state, out)


@compiled
def _clear(number: int, messages: Messages, state: State, out: Out) -> None:
    """Empty the book: each cell is touched once, when its last order goes."""
    for index in range(state.counts[SINCE]):
        order = state.since[index]
        level, side = state.level[order], state.side[order]
        if level < 0:
            continue
        state.level[order] = -1
        _level(side, level, -state.lots[order], state)
        place = messages.place[level]
        state.cells[side, place] -= state.lots[order]
        if state.cells[BID, place] == 0 and state.cells[ASK, place] == 0:
            _write(number, place, RESET, 0, state, out)
    state.counts[SINCE] = 0


@compiled
def _write(number: int, place: int, kind: int, amount: int, state: State, out: Out) -> None:
    if state.counts[SNAPSHOT] != 0:
        kind, amount = RESET, 0
    at = state.counts[WRITTEN]
    out.message[at], out.place[at], out.kind[at], out.amount[at] = number, place, kind, amount
    out.bid[at], out.ask[at] = state.cells[BID, place], state.cells[ASK, place]
    state.counts[WRITTEN] = at + 1


@compiled
def _level(side: int, level: int, lots: int, state: State) -> None:
    """Change the depth at a price, and keep the best price."""
    before = state.depth[side, level]
    state.depth[side, level] = before + lots
    best = state.best[side]
    if before == 0 and lots > 0:
        state.blocks[side, level >> BLOCK] += 1
        if best < 0 or (level > best if side == BID else level < best):
            state.best[side] = level
    elif before > 0 and before + lots == 0:
        state.blocks[side, level >> BLOCK] -= 1
        if level == best:
            state.best[side] = _next(state.depth[side], state.blocks[side], level, -1 if side == BID else 1)


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
