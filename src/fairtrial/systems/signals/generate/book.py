"""A matching book, compiled: orders in price-time priority; whatever happens in it is said on its tape.

A level is a list of orders in order of arrival. Levels lie in a ring by tick: the book is RING ticks wide at most.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from fairtrial.systems.signals.record import ADD, CANCEL, CLEAR, FILL, MODIFY, Bytes, Floats, Integers

RING = 256
SLOTS = 8192
"""Orders that can rest at once."""
ROOM = 4 * SLOTS
"""Lines of the tape that are free before each step: more than a step can say."""
FREE, ORDERS, LINES, NOW, BEST_BID, BEST_ASK = range(6)
"""Places in `Book.state`: free slots, orders so far, lines so far, the time in ns, and the best quotes in ticks."""


class Book(NamedTuple):
    """Levels, orders and the tape."""

    first: Integers
    """Slot of the oldest order of a level, by tick modulo RING."""
    last: Integers
    count: Integers
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
    level, slot, room = np.zeros(RING, np.int64), np.zeros(SLOTS, np.int64), max(lines, ROOM)
    state = np.zeros(6, np.int64)
    state[FREE] = SLOTS
    return Book(
        *(level.copy() for _ in range(3)),
        *(slot.copy() for _ in range(4)),
        np.zeros(SLOTS),
        np.zeros(SLOTS, np.int8),
        np.arange(SLOTS),
        state,
        np.zeros(room, np.int64),
        np.zeros(room, np.int8),
        np.zeros(room, np.int8),
        np.zeros(room, np.int64),
        np.zeros(room),
        np.zeros(room, np.int64),
    )


@njit(cache=True, nogil=True)
def clear(book: Book) -> None:
    """Take every order away."""
    line = book.state[LINES]
    _say(book, CLEAR, 0, 0.0)
    book.sides[line], book.ticks[line], book.orders[line] = 0, 0, 0
    book.count[:] = 0
    book.free[:] = np.arange(SLOTS)
    book.state[FREE] = SLOTS


@njit(cache=True, nogil=True)
def add(book: Book, side: int, tick: int, size: float) -> None:
    """Put an order behind those of its level."""
    book.state[FREE] -= 1
    slot = book.free[book.state[FREE]]
    book.state[ORDERS] += 1
    book.order[slot], book.side[slot], book.size[slot] = book.state[ORDERS], side, size
    _attach(book, slot, tick)
    _say(book, ADD, slot, size)


@njit(cache=True, nogil=True)
def reduce(book: Book, action: int, slot: int, size: float) -> None:
    """CANCEL or FILL `size` of an order; it goes when nothing is left of it."""
    _say(book, action, slot, size)
    book.size[slot] -= size
    if book.size[slot] <= 0:
        _detach(book, slot)
        book.free[book.state[FREE]] = slot
        book.state[FREE] += 1


@njit(cache=True, nogil=True)
def move(book: Book, slot: int, tick: int) -> None:
    """MODIFY the price of an order: it goes behind those that are there."""
    _detach(book, slot)
    _attach(book, slot, tick)
    _say(book, MODIFY, slot, book.size[slot])


@njit(cache=True, nogil=True)
def depth(book: Book, tick: int) -> int:
    """Return how many orders rest at a tick."""
    found: int = book.count[tick % RING]
    return found


@njit(cache=True, nogil=True)
def oldest(book: Book, tick: int) -> int:
    """Return the slot of the order that is matched first at a tick, which has one."""
    found: int = book.first[tick % RING]
    return found


@njit(cache=True, nogil=True)
def nth(book: Book, tick: int, place: int) -> int:
    """Return the slot of the order that has `place` older ones before it at a tick."""
    slot = book.first[tick % RING]
    for _ in range(place):
        slot = book.after[slot]
    found: int = slot
    return found


@njit(cache=True, nogil=True)
def roomy(book: Book) -> Book:
    """Return the book with ROOM free lines on its tape; the old one must not be used any more."""
    if len(book.ts_ns) - book.state[LINES] >= ROOM:
        return book
    return Book(
        book.first, book.last, book.count, book.before, book.after, book.order, book.tick, book.size, book.side,
        book.free, book.state,
        np.concatenate((book.ts_ns, np.empty_like(book.ts_ns))),
        np.concatenate((book.action, np.empty_like(book.action))),
        np.concatenate((book.sides, np.empty_like(book.sides))),
        np.concatenate((book.ticks, np.empty_like(book.ticks))),
        np.concatenate((book.sizes, np.empty_like(book.sizes))),
        np.concatenate((book.orders, np.empty_like(book.orders))),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _say(book: Book, action: int, slot: int, size: float) -> None:
    line = book.state[LINES]
    book.ts_ns[line], book.action[line], book.sides[line] = book.state[NOW], action, book.side[slot]
    book.ticks[line], book.sizes[line], book.orders[line] = book.tick[slot], size, book.order[slot]
    book.state[LINES] += 1


@njit(cache=True, nogil=True)
def _attach(book: Book, slot: int, tick: int) -> None:
    level = tick % RING
    book.tick[slot] = tick
    if book.count[level] == 0:
        book.first[level] = slot
    else:
        book.after[book.last[level]] = slot
        book.before[slot] = book.last[level]
    book.last[level] = slot
    book.count[level] += 1


@njit(cache=True, nogil=True)
def _detach(book: Book, slot: int) -> None:
    level = book.tick[slot] % RING
    if book.first[level] == slot:
        book.first[level] = book.after[slot]
    else:
        book.after[book.before[slot]] = book.after[slot]
    if book.last[level] == slot:
        book.last[level] = book.before[slot]
    else:
        book.before[book.after[slot]] = book.before[slot]
    book.count[level] -= 1
