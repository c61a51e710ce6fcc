"""The matching book by itself: queues, priority, the tape."""

from __future__ import annotations

import numpy as np

from fairtrial.systems.signals.generate import book as books
from fairtrial.systems.signals.generate.book import FREE, LINES, ROOM, SLOTS
from fairtrial.systems.signals.record import ADD, ASK, BID, CANCEL, CLEAR, FILL, MODIFY


def tape(book):
    """What was said, line by line: action, side, tick, size, order."""
    lines = slice(0, int(book.state[LINES]))
    columns = (book.action, book.sides, book.ticks, book.sizes, book.orders)
    return list(zip(*(column[lines].tolist() for column in columns), strict=True))


def test_the_oldest_order_is_first():
    """Orders of a level keep the order of their arrival, whoever leaves."""
    book = books.empty(0)
    for size in (1.0, 2.0, 3.0):
        books.add(book, BID, 300, size)
    books.reduce(book, CANCEL, books.nth(book, 300, 1), 2.0)
    books.add(book, BID, 300, 4.0)
    assert [book.order[books.nth(book, 300, place)] for place in range(books.depth(book, 300))] == [1, 3, 4]
    books.reduce(book, FILL, books.oldest(book, 300), 1.0)
    assert book.order[books.oldest(book, 300)] == 3
    assert tape(book)[-1] == (FILL, BID, 300, 1.0, 1)


def test_a_part_keeps_its_place():
    """An order of which a part goes stays where it was."""
    book = books.empty(0)
    books.add(book, ASK, 7, 5.0)
    books.add(book, ASK, 7, 5.0)
    books.reduce(book, FILL, books.oldest(book, 7), 2.0)
    assert books.depth(book, 7) == 2
    assert book.order[books.oldest(book, 7)] == 1
    assert book.size[books.oldest(book, 7)] == 3.0


def test_who_moves_goes_behind():
    """An order that is moved is the last of its new level, and its old level closes up."""
    book = books.empty(0)
    for tick in (7, 7, 7, 8):
        books.add(book, ASK, tick, 1.0)
    books.move(book, books.nth(book, 7, 1), 8)
    assert [book.order[books.nth(book, 7, place)] for place in range(2)] == [1, 3]
    assert [book.order[books.nth(book, 8, place)] for place in range(2)] == [4, 2]
    assert tape(book)[-1] == (MODIFY, ASK, 8, 1.0, 2)


def test_clear_frees_everything():
    """After a clear no level has orders, and every slot is free."""
    book = books.empty(0)
    for tick in range(50):
        books.add(book, BID, tick, 1.0)
    books.clear(book)
    assert not any(books.depth(book, tick) for tick in range(50))
    assert book.state[FREE] == SLOTS
    assert tape(book)[-1] == (CLEAR, 0, 0, 0.0, 0)
    books.add(book, ASK, 3, 1.0)
    assert tape(book)[-1] == (ADD, ASK, 3, 1.0, 51)


def test_random_orders_against_queues(engine):
    """Thousands of random steps leave the levels that an engine of plain queues has."""
    rng = np.random.default_rng(0)
    book, levels = books.empty(100_000), np.arange(1000, 1010)
    for _ in range(4000):
        tick, kind = int(rng.choice(levels)), rng.random()
        orders = books.depth(book, tick)
        if kind < 0.5 or not orders:
            books.add(book, BID, tick, float(rng.integers(1, 5)))
        elif kind < 0.8:
            slot = books.nth(book, tick, int(rng.integers(orders)))
            books.reduce(book, CANCEL, slot, float(rng.integers(1, book.size[slot] + 1)))
        elif tick != levels[-1]:
            books.move(book, books.nth(book, tick, int(rng.integers(orders))), tick + 1)
    for line in tape(book):
        engine.take(*line)
    for tick in levels.tolist():
        queue = [book.order[books.nth(book, tick, place)] for place in range(books.depth(book, tick))]
        assert queue == list(engine.sides[BID].get(tick, ()))


def test_a_longer_tape_says_the_same():
    """What a tape says stays when it becomes longer, and it has room again."""
    book = books.empty(0)
    assert books.roomy(book)
    books.add(book, BID, 1, 1.0)
    assert not books.roomy(book)
    longer = books.longer(book)
    assert books.roomy(longer)
    assert len(longer.ts_ns) == 2 * ROOM
    assert tape(longer) == tape(book)
