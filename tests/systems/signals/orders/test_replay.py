"""The replay equals the slow book in every bin, and odd messages do what is said, and are counted."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from fairtrial.errors import UserError
from fairtrial.systems.signals.orders.record import ADDED, FILLED, PULLED, RESET
from fairtrial.systems.signals.orders.replay import FARTHEST, MOST_BINS, replay
from fairtrial.systems.signals.record import ADD, ASK, BID, CANCEL, CLEAR, FILL, MODIFY, Events

CENT = 10**7


def stream(rng: np.random.Generator, count: int, *, orders: int, prices: int, clear: float) -> Events:
    """Messages without sense: unknown orders, too much of them, twice the same, out of range, many at one instant."""
    share = np.array([0.5, 0.16, 0.16, 0.18 - clear, clear])
    price = (100 + rng.integers(-prices, prices, count)) * CENT
    price[rng.random(count) < 0.01] = np.iinfo(np.int64).max
    size = rng.integers(-1, 12, count) / 10
    size[rng.random(count) < 0.01] = np.nan
    return Events(
        ts_ns=10**9 + np.cumsum(rng.integers(0, 60, count) * (rng.random(count) < 0.5)).astype(np.int64),
        action=rng.choice(5, count, p=share).astype(np.int8),
        side=rng.integers(0, 2, count).astype(np.int8),
        price=price.astype(np.int64),
        size=size,
        order=rng.integers(-3, orders, count).astype(np.int64),
    )


STREAMS = [
    {"count": 400, "orders": 5, "prices": 3, "clear": 0.02},
    {"count": 800, "orders": 60, "prices": 40, "clear": 0.002},
    {"count": 800, "orders": 400, "prices": 900, "clear": 0.0},
    {"count": 300, "orders": 30, "prices": 120, "clear": 0.12},
]


def compared(found, expected) -> None:
    """Assert that every column of every bin is the same."""
    assert len(found) == len(expected)
    for name in expected[0]:
        column = [None if value != value else value for value in getattr(found, name).tolist()]
        assert column == [row[name] for row in expected], name


@pytest.mark.parametrize("shape", STREAMS)
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("start_ns", [None, 10**9 + 333])
def test_every_bin_equals_the_slow_book(naive, shape, seed, start_ns):
    """Best prices, mid, spot, counts and validity of each bin, and the depth of each cell at its end."""
    events = stream(np.random.default_rng([seed, shape["count"], shape["orders"]]), **shape)
    cell, bin_ns = 3 * CENT, 37
    found = replay(events, cell=cell, bin_ns=bin_ns, start_ns=start_ns)
    depth: dict[int, tuple[float, float]] = {}
    touches, expected, done = found.touches, [], 0
    for number, (row, book) in enumerate(naive.bins(events, cell=cell, bin_ns=bin_ns, start_ns=start_ns)):
        expected.append(row)
        for at in range(done, touches.first[number + 1]):
            depth[int(touches.cell[at])] = (touches.bid[at], touches.ask[at])
        done = touches.first[number + 1]
        there = {place: tuple(map(float, both)) for place, both in book.depth(cell).items()}
        assert {place: both for place, both in depth.items() if both != (0, 0)} == there
    compared(found.bins, expected)
    assert found.odd == dict(book.odd)
    rests = zip(found.book.order, found.book.side, found.book.price, found.book.size, strict=True)
    assert {one: rest for one, *rest in rests} == {
        one: [side, price, float(size)] for one, (side, price, size) in book.orders.items()
    }


@pytest.mark.parametrize("shape", STREAMS)
def test_depth_changes_by_what_is_added_pulled_and_filled(shape):
    """Touch by touch: depth before plus what was added, less what was pulled or filled, is depth after."""
    touches = replay(stream(np.random.default_rng(5), **shape), cell=3 * CENT, bin_ns=37).touches
    depth: dict[int, float] = defaultdict(float)
    for at in range(len(touches)):
        place, amount, kind = int(touches.place[at]), touches.amount[at], touches.kind[at]
        after = touches.bid[at] + touches.ask[at]
        if kind == RESET:
            assert amount == 0
        else:
            assert amount > 0
            assert after - depth[place] == pytest.approx(amount if kind == ADDED else -amount, abs=1e-9)
        depth[place] = after
    assert (np.diff(touches.message) >= 0).all()
    assert set(touches.kind.tolist()) >= {ADDED, PULLED}


def kinds(touches):
    """Return (message, cell, kind, amount, bid, ask) of each touch."""
    names = ("message", "cell", "kind", "amount", "bid", "ask")
    return [tuple(row) for row in zip(*(getattr(touches, name).tolist() for name in names), strict=True)]


def test_an_order_that_moves_is_pulled_and_added(events):
    """A move touches two cells; within a cell only the difference counts; nothing changed is no touch."""
    found = replay(
        events(
            (0, ADD, BID, 10, 5, 1),
            (1, MODIFY, BID, 14, 4, 1),  # to another price of the same cell
            (2, MODIFY, BID, 14, 4, 1),
            (3, MODIFY, BID, 10, 6, 1),
            (4, MODIFY, BID, 22, 3, 1),
            (5, FILL, BID, 0, 1, 1),
            (6, MODIFY, BID, 22, 0, 1),
        ),
        cell=10,
        bin_ns=100,
    )
    assert kinds(found.touches) == [
        (0, 1, ADDED, 5, 5, 0),
        (1, 1, PULLED, 1, 4, 0),
        (3, 1, ADDED, 2, 6, 0),
        (4, 1, PULLED, 6, 0, 0),
        (4, 2, ADDED, 3, 3, 0),
        (5, 2, FILLED, 1, 2, 0),
        (6, 2, PULLED, 2, 0, 0),
    ]
    assert found.odd == {}
    assert len(found.book.order) == 0


def test_a_snapshot_adds_nothing(events):
    """What follows a CLEAR at its very time sets the depth; later orders, and after another message, are added."""
    found = replay(
        events(
            (0, CLEAR, BID, 0, 0, 0),
            (0, ADD, BID, 10, 5, 1),
            (0, ADD, ASK, 30, 2, 2),
            (0, CANCEL, ASK, 0, 1, 2),
            (0, ADD, BID, 10, 1, 3),
            (7, CLEAR, BID, 0, 0, 0),
            (8, ADD, BID, 10, 1, 3),
        ),
        cell=10,
        bin_ns=100,
    )
    assert kinds(found.touches) == [
        (1, 1, RESET, 0, 5, 0),
        (2, 3, RESET, 0, 0, 2),
        (3, 3, PULLED, 1, 0, 1),
        (4, 1, ADDED, 1, 6, 0),
        (5, 3, RESET, 0, 0, 0),
        (5, 1, RESET, 0, 0, 0),
        (6, 1, ADDED, 1, 1, 0),
    ]


def test_bins_lie_at_fixed_times_and_empty_ones_keep_the_book(events):
    """A message at a bin's end belongs to the next; bins without messages carry the book; the start is a whole bin."""
    found = replay(
        events((205, ADD, BID, 10, 1, 1), (299, ADD, ASK, 13, 1, 2), (600, CANCEL, ASK, 0, 1, 2)),
        cell=4,
        bin_ns=100,
    ).bins
    assert found.bin_start_ns.tolist() == [200, 300, 400, 500, 600]
    assert found.bin_event_count.tolist() == [2, 0, 0, 0, 1]
    assert found.event_id.tolist() == [1, 1, 1, 1, 2]
    assert found.book_valid.tolist() == [True] * 4 + [False]
    np.testing.assert_array_equal(found.mid_price, [11.5e-9] * 4 + [np.nan])
    assert found.best_ask_price_int.tolist() == [13] * 4 + [0]
    assert found.spot_ref_price_int.tolist() == [8] * 5


def test_start_and_stop_cut_bins(events):
    """What precedes the start builds the book; what follows the stop is not read; bins go on until the stop."""
    rows = events((5, ADD, BID, 10, 1, 1), (6, ADD, ASK, 14, 1, 2), (900, CLEAR, BID, 0, 0, 0))
    found = replay(rows, cell=4, bin_ns=100, start_ns=100, stop_ns=850)
    assert len(found.bins) == 8
    assert found.bins.book_valid.all()
    assert found.bins.event_id.tolist() == [1] * 8
    assert found.touches.first.tolist() == [2] * 9
    assert len(found.book.order) == 2


@pytest.mark.parametrize(("bid", "ask", "valid"), [(10, 11, True), (10, 10, True), (11, 10, False)])
def test_a_crossed_book_is_not_valid(events, bid, ask, valid):
    """Best bid above best ask: no mid; the best prices are shown as they are."""
    found = replay(events((0, ADD, BID, bid, 1, 1), (0, ADD, ASK, ask, 1, 2)), cell=1, bin_ns=10).bins
    assert found.book_valid.tolist() == [valid]
    assert np.isnan(found.mid_price[0]) != valid
    assert (found.best_bid_price_int[0], found.best_ask_price_int[0]) == (bid, ask)


def test_depth_is_exact_after_many_fractions(events):
    """A tenth added and pulled many times leaves exactly what was there, and an emptied cell exactly 0."""
    rows = [(0, ADD, BID, 10, 0.3, 1)]
    for number in range(2, 400):
        rows += [(number, ADD, BID, 10, 0.1, number), (number, CANCEL, BID, 10, 0.1, number)]
    found = replay(events(*rows, (400, CANCEL, BID, 10, 0.3, 1)), cell=10, bin_ns=1000).touches
    assert set(found.bid[:-1].tolist()) == {0.3, 0.4}
    assert found.bid[-1] == 0


def test_negative_prices_are_prices(events):
    """Spreads and oil may trade below 0; cells round down."""
    found = replay(events((0, ADD, BID, -13, 1, 1), (0, ADD, ASK, -2, 1, 2)), cell=5, bin_ns=10)
    assert found.touches.cell.tolist() == [-3, -1]
    assert found.bins.spot_ref_price_int.tolist() == [-10]


def test_what_cannot_be_replayed_is_refused_in_one_line(events):
    """No messages, time that runs backwards (with the place), unknown actions and sides, absurd spans."""
    good = (0, ADD, BID, 1, 1, 1)
    year = 365 * 86_400 * 10**9
    for rows, said in [
        ([], "no messages"),
        ([(5, *good[1:]), (4, *good[1:])], "message 1: time runs backwards, from 1970-01-01T00:00:00.000000005"),
        ([good, (0, 7, BID, 1, 1, 1)], "message 1: 7 is no action"),
        ([good, (0, ADD, 3, 1, 1, 1)], "message 1: 3 is no side"),
        ([good, (year, *good[1:])], f"at most {MOST_BINS}"),
        ([(0, ADD, BID, 1, 1e11, 1), (0, ADD, BID, 1, 1e-8, 2)], "more than can be counted"),
    ]:
        with pytest.raises(UserError) as caught:
            replay(events(*rows), cell=1, bin_ns=10**8)
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="no bins"):
        replay(events(good), cell=1, bin_ns=10, start_ns=100)
    with pytest.raises(UserError, match="at least 1"):
        replay(events(good), cell=0, bin_ns=10)


def test_prices_out_of_range_are_left_out(events):
    """The largest integer, which feeds write for no price, is no order."""
    found = replay(events((0, ADD, BID, FARTHEST + 1, 1, 1), (0, ADD, ASK, FARTHEST, 1, 2)), cell=10, bin_ns=10)
    assert found.odd == {"price out of range": 1}
    assert found.book.price.tolist() == [FARTHEST]
