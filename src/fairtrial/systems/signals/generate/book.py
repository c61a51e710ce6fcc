"""A matching book, compiled: orders in price-time priority; whatever happens in it is said on its tape.

A level is a list of orders in order of arrival. Levels lie in a ring by tick: the book is RING ticks wide at most.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from fairtrial.systems.signals.generate.borrow import borrowed
from fairtrial.systems.signals.record import ADD, CLEAR, MODIFY, Bytes, Floats, Integers

RING = 256
MASK = RING - 1
SLOTS = 8192
"""Orders that can rest at once."""
ROOM = 4 * SLOTS
"""Lines of the tape that are free before each step: more than a step can say."""
FREE, ORDERS, LINES, NOW, STEP, BEST_BID, BEST_ASK = range(7)
"""Places in `Book.state`: free slots, orders so far, lines so far, the time in ns, the step of the script that holds
(-1: none yet), and the best quotes in ticks."""


class Book(NamedTuple):
    """Levels, orders and the tape."""

    first: Integers
    """Slot of the oldest order of a level, by tick modulo RING."""
    last: Integers
    rests: Integers
    """Orders of a level."""
    before: Integers
    """The next older order of the level; of a level's first, anything."""
    after: Integers
    order: Integers
    tick: Integers
    size: Floats
    side: Bytes
    free: Integers
    """The first `state[FREE]` are the slots without an order."""
    state: Integers
    ts_ns: Integers
    """The tape: the columns of `record.Events`, prices in ticks."""
    action: Bytes
    sides: Bytes
    ticks: Integers
    sizes: Floats
    orders: Integers


def empty(lines: int) -> Book:
    """Return a book without orders, and with room for so many lines on its tape."""
    first, last, rests = np.zeros((3, RING), np.int64)
    before, after, order, tick = np.zeros((4, SLOTS), np.int64)
    state = np.zeros(7, np.int64)
    state[FREE], state[STEP] = SLOTS, -1
    room = max(lines, ROOM)
    ts_ns, ticks, orders = np.zeros((3, room), np.int64)
    action, sides = np.zeros((2, room), np.int8)
    side, size, free = np.zeros(SLOTS, np.int8), np.zeros(SLOTS), np.arange(SLOTS)
    return Book(
        first, last, rests, before, after, order, tick, size, side, free, state,
        ts_ns, action, sides, ticks, np.zeros(room), orders,
    )  # fmt: skip


@njit(cache=True, nogil=True, forceinline=True)
def clear(book: Book) -> None:
    """Take every order away."""
    line = book.state[LINES]
    _say(book, CLEAR, 0, 0.0)
    book.sides[line], book.ticks[line], book.orders[line] = 0, 0, 0
    book.rests[:] = 0
    book.free[:] = np.arange(SLOTS)
    book.state[FREE] = SLOTS


@njit(cache=True, nogil=True, forceinline=True)
def add(book: Book, side: int, tick: int, size: float) -> None:
    """Put an order behind those of its level."""
    book.state[FREE] -= 1
    slot = book.free[book.state[FREE]]
    book.state[ORDERS] += 1
    book.order[slot], book.side[slot], book.size[slot] = book.state[ORDERS], side, size
    _attach(book, slot, tick)
    _say(book, ADD, slot, size)


@njit(cache=True, nogil=True, forceinline=True)
def reduce(book: Book, action: int, slot: int, size: float) -> None:
    """CANCEL or FILL `size` of an order; it goes when nothing is left of it."""
    _say(book, action, slot, size)
    book.size[slot] -= size
    if book.size[slot] <= 0:
        _detach(book, slot)
        book.free[book.state[FREE]] = slot
        book.state[FREE] += 1


@njit(cache=True, nogil=True, forceinline=True)
def move(book: Book, slot: int, tick: int) -> None:
    """MODIFY the price of an order: it goes behind those that are there."""
    _detach(book, slot)
    _attach(book, slot, tick)
    _say(book, MODIFY, slot, book.size[slot])


@njit(cache=True, nogil=True, forceinline=True)
def depth(book: Book, tick: int) -> int:
    """Return how many orders rest at a tick."""
    found: int = book.rests[tick & MASK]
    return found


@njit(cache=True, nogil=True, forceinline=True)
def oldest(book: Book, tick: int) -> int:
    """Return the slot of the order that is matched first at a tick, which has one."""
    found: int = book.first[tick & MASK]
    return found


@njit(cache=True, nogil=True, forceinline=True)
def nth(book: Book, tick: int, place: int) -> int:
    """Return the slot of the order that has `place` older ones before it at a tick."""
    slot = book.first[tick & MASK]
    for _ in range(place):
        slot = book.after[slot]
    found: int = slot
    return found


@njit(cache=True, nogil=True, forceinline=True)
def roomy(book: Book) -> bool:
    """Say whether the tape has ROOM free lines."""
    found: bool = len(book.ts_ns) - book.state[LINES] >= ROOM
    return found


def longer(book: Book) -> Book:
    """Return the same book, its tape twice as long."""

    def twice(column: npt.NDArray[Any]) -> Any:
        return np.concatenate((column, np.zeros_like(column)))

    return book._replace(
        ts_ns=twice(book.ts_ns),
        action=twice(book.action),
        sides=twice(book.sides),
        ticks=twice(book.ticks),
        sizes=twice(book.sizes),
        orders=twice(book.orders),
    )


@njit(cache=True, nogil=True, forceinline=True)
def lent(book: Book) -> Book:
    """Return the book for use while the caller's argument is there."""
    return Book(
        borrowed(book.first), borrowed(book.last), borrowed(book.rests), borrowed(book.before), borrowed(book.after),
        borrowed(book.order), borrowed(book.tick), borrowed(book.size), borrowed(book.side), borrowed(book.free),
        borrowed(book.state), borrowed(book.ts_ns), borrowed(book.action), borrowed(book.sides), borrowed(book.ticks),
        borrowed(book.sizes), borrowed(book.orders),
    )  # fmt: skip


@njit(cache=True, nogil=True, forceinline=True)
def _say(book: Book, action: int, slot: int, size: float) -> None:
    line = book.state[LINES]
    book.ts_ns[line], book.action[line], book.sides[line] = book.state[NOW], action, book.side[slot]
    book.ticks[line], book.sizes[line], book.orders[line] = book.tick[slot], size, book.order[slot]
    book.state[LINES] += 1


@njit(cache=True, nogil=True, forceinline=True)
def _attach(book: Book, slot: int, tick: int) -> None:
    level = tick & MASK
    book.tick[slot] = tick
    if book.rests[level] == 0:
        book.first[level] = slot
    else:
        book.after[book.last[level]] = slot
        book.before[slot] = book.last[level]
    book.last[level] = slot
    book.rests[level] += 1


@njit(cache=True, nogil=True, forceinline=True)
def _detach(book: Book, slot: int) -> None:
    level = book.tick[slot] & MASK
    if book.first[level] == slot:
        book.first[level] = book.after[slot]
    else:
        book.after[book.before[slot]] = book.after[slot]
    if book.last[level] == slot:
        book.last[level] = book.before[slot]
    else:
        book.before[book.after[slot]] = book.before[slot]
    book.rests[level] -= 1
