"""The chain against a plain Python reference that replays messages itself and moves every cell at every boundary."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import groupby

import numpy as np
import pytest

from fairtrial.systems.signals.grid.chain import SLOTS_OF, chain
from fairtrial.systems.signals.grid.make import make
from fairtrial.systems.signals.orders.replay import replay
from fairtrial.systems.signals.record import ADD, ASK, BID, CANCEL, CLEAR, FILL, LEVELS, MODIFY, REACH, Events
from fairtrial.systems.signals.words import Grid

TICK = 250_000_000
NAMES = (*SLOTS_OF, "last_event_id")
FAST = Grid(tau_mass_s=3, tau_velocity_s=0.2, tau_acceleration_s=0.5, tau_jerk_s=1)
"""Small constants, so that cells idle for many of them."""
KINDS = ("add", "pull", "fill", "bid_depth", "ask_depth")


class Cell:
    """One cell, moved on as the formulas say."""

    def __init__(self, at):
        self.at, self.last = at, -1
        self.mass, self.depth = defaultdict(float), defaultdict(float)
        self.v, self.a, self.j = defaultdict(float), defaultdict(float), defaultdict(float)

    def move(self, to, delta, grid):
        """Move on to an instant, where `delta` came."""
        dt = (to - self.at) * 1e-9
        self.at = to
        for kind in KINDS:
            came = delta.get(kind, 0.0)
            self.mass[kind] = self.mass[kind] * math.exp(-dt / grid.tau_mass_s) + came
            dv = smoothed(came, self.v[kind], dt, grid.tau_velocity_s)
            da = smoothed(dv, self.a[kind], dt, grid.tau_acceleration_s)
            dj = smoothed(da, self.j[kind], dt, grid.tau_jerk_s)
            self.v[kind] += dv
            self.a[kind] += da
            self.j[kind] += dj

    def show(self):
        found = {f"{kind}_mass": self.mass[kind] for kind in KINDS[:3]}
        found |= {"bid_depth": self.depth[0], "ask_depth": self.depth[1], "rest_depth": self.depth[0] + self.depth[1]}
        for letter, values in (("v", self.v), ("a", self.a), ("j", self.j)):
            found |= {f"{letter}_{kind}": values[kind] for kind in KINDS}
            found[f"{letter}_rest_depth"] = values["bid_depth"] + values["ask_depth"]
        return found | {"last_event_id": self.last}


def smoothed(change, value, dt, tau):
    """Change of an exponential average of change/dt; for dt = 0 the limit."""
    return -math.expm1(-dt / tau) * (change / dt - value) if dt > 0 else change / tau


class Reference:
    """Messages into cells, all of them moved on at every boundary."""

    def __init__(self, grid, start, width):
        self.grid, self.start, self.width, self.bin = grid, start, width, grid.cell_width_ms * 1_000_000
        self.orders, self.cells, self.snapshot = {}, {}, None
        self.rows, self.spot = [], None
        self.boundary = start

    def run(self, events, bins):
        messages = enumerate(zip(*(getattr(events, name).tolist() for name in Events.__slots__), strict=True))
        self.boundary = self.start - max(0, math.ceil((self.start - int(events.ts_ns[0])) / self.bin)) * self.bin
        for now, group in groupby(messages, key=lambda row: row[1][0]):
            self.advance(now)
            self.instant(now, list(group))
        self.advance(self.start + bins * self.bin)
        return {name: np.array([row[name] for row in self.rows]) for name in NAMES}

    def advance(self, now):
        """Cross every boundary up to an instant; a bin ends at each."""
        while self.boundary + self.bin <= now:
            self.boundary += self.bin
            for cell in self.cells.values():
                cell.move(self.boundary, {}, self.grid)
            if self.boundary > self.start:
                self.look()

    def instant(self, now, messages):
        came = defaultdict(lambda: defaultdict(float))
        for number, (_, action, side, price, size, order) in messages:
            if action == CLEAR:
                self.snapshot = now
                for old in list(self.orders):
                    self.set(old, None, number)
                continue
            if action != ADD or self.snapshot != now:
                self.snapshot = None
            self.apply(came, number, action, (side, price, size, order))
        for place, delta in came.items():
            self.cells[place].move(now, delta, self.grid)

    def apply(self, came, number, action, what):
        side, price, size, order = what
        old = self.orders.get(order)
        if action in (CANCEL, FILL):
            left = old[2] - size
            new, parts = ((*old[:2], left) if left else None), [(old[1], "pull" if action == CANCEL else "fill", size)]
        elif action == MODIFY and old[1] // self.width == price // self.width:
            new, change = (side, price, size), size - old[2]
            parts = [(price, "add" if change > 0 else "pull", abs(change))] if change else []
        else:
            new = (side, price, size)
            parts = [(old[1], "pull", old[2])] if old else []
            parts.append((price, "add", size))
        before = {at // self.width: dict(self.at(at // self.width).depth) for at, _, _ in parts}
        self.set(order, new, number if parts else None)
        if self.snapshot is not None:
            return
        for at, kind, amount in parts:
            came[at // self.width][kind] += amount
        for place, was in before.items():
            for of, name in enumerate(KINDS[3:]):
                came[place][name] += self.cells[place].depth[of] - was.get(of, 0.0)

    def set(self, order, new, number):
        for what, sign in ((self.orders.pop(order, None), -1), (new, 1)):
            if what is not None:
                cell = self.at(what[1] // self.width)
                cell.depth[what[0]] += sign * what[2]
                cell.last = cell.last if number is None else number
        if new is not None:
            self.orders[order] = new

    def at(self, place):
        return self.cells.setdefault(place, Cell(self.boundary))

    def look(self):
        bids = [price for side, price, _ in self.orders.values() if side == BID]
        asks = [price for side, price, _ in self.orders.values() if side != BID]
        if bids and asks and max(bids) <= min(asks):
            self.spot = (max(bids) + min(asks)) // (2 * self.width)
        blank = dict.fromkeys(SLOTS_OF, 0.0) | {"last_event_id": -1}
        places = [] if self.spot is None else range(self.spot - REACH, self.spot + REACH + 1)
        cells = [self.cells[place].show() if place in self.cells else blank for place in places] or [blank] * LEVELS
        self.rows.append({name: [cell[name] for cell in cells] for name in NAMES})


def feed(*rows):
    """Messages (ts_ns, action, side, level, size, order)."""
    ts, action, side, level, size, order = (np.array(column) for column in zip(*rows, strict=True))
    return Events(ts, action, side, level * TICK, size.astype(float), order)


def compare(events, grid, start, width=TICK):
    """Check that the columns equal the reference's; return them and the replay."""
    replayed = replay(events, cell=width, bin_ns=grid.cell_width_ms * 1_000_000, start_ns=start)
    found = chain(replayed, grid, NAMES)
    told = Reference(grid, start, width).run(events, len(replayed.bins))
    for name in NAMES:
        assert found[name].shape == (len(replayed.bins), LEVELS)
        np.testing.assert_allclose(found[name], told[name], rtol=1e-9, atol=1e-9, err_msg=name)
    return found, replayed


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("grid", [Grid(), FAST], ids=["slow", "fast"])
def test_equals_the_reference(flow, start, seed, grid):
    """Every column of a random feed, with jumps, shared instants, snapshots, invalid books, equals the reference."""
    _, replayed = compare(flow(seed, 600), grid, start)
    assert not replayed.odd


def test_the_feed_is_hard_enough(flow, start):
    """The random feeds hold what they are meant to test: jumps out of view and back, invalid books, touches at t0."""
    seen = [compare(flow(seed, 600), Grid(), start)[1] for seed in range(4)]
    bins, touches = [one.bins for one in seen], [one.touches for one in seen]
    spots = [b.spot_ref_price_int[b.book_valid] // TICK for b in bins]
    assert sum(int((~b.book_valid).sum()) for b in bins) > 20
    assert max(int(np.abs(np.diff(s)).max()) for s in spots) > 2 * REACH
    assert sum(int((t.ts_ns % 100_000_000 == 0).sum()) for t in touches) > 100
    assert sum(int((t.kind == 3).sum()) for t in touches) > 10


def test_a_cell_that_comes_back(start):
    """A cell that was out of view for 1,500 bins shows what one in view would: the long way round gives the same."""
    away, back = start + 10**9, start + 10**9 + 1500 * 10**8 + 12345
    events = feed(
        (start + 5, ADD, BID, 1000, 3, 1),
        (start + 7, ADD, ASK, 1002, 4, 2),
        (start + 10**8 + 1, ADD, BID, 1000, 2, 3),
        (away, ADD, BID, 1200, 1, 4),
        (away, MODIFY, ASK, 1202, 4, 2),
        (back, CANCEL, BID, 1200, 1, 4),
        (back, MODIFY, ASK, 1002, 4, 2),
        (back + 10**9, CANCEL, BID, 1000, 1, 1),
    )
    grid = Grid(tau_mass_s=300, tau_velocity_s=100, tau_acceleration_s=150, tau_jerk_s=200)
    found, replayed = compare(events, grid, start)
    assert replayed.bins.spot_ref_price_int[[5, 700, -1]].tolist() == [1001 * TICK, 1201 * TICK, 1001 * TICK]
    assert abs(found["j_add"][-1, REACH - 1]) > 1e-9


def test_one_message_by_hand(start):
    """One order, half a bin before its end: mass, v, a and j are as written down by hand."""
    events = feed((start, ADD, BID, 1000, 4, 1), (start + 50_000_000, ADD, ASK, 1001, 2, 2))
    grid = Grid(tau_mass_s=30, tau_velocity_s=2, tau_acceleration_s=5, tau_jerk_s=10)
    made = make(events, tick_size=0.25, grid=grid, columns=NAMES)
    dt, ask, bid = 0.05, REACH + 1, REACH
    e = [1 - math.exp(-dt / tau) for tau in (2, 5, 10)]
    v = e[0] * 2 / dt
    a = e[1] * v / dt
    j = e[2] * a / dt
    assert made.columns["add_mass"][0, ask] == pytest.approx(2 * math.exp(-dt / 30))
    assert made.columns["v_add"][0, ask] == pytest.approx(v * (1 - e[0]))
    a_end = a + e[1] * (-v * e[0] / dt - a)
    assert made.columns["a_ask_depth"][0, ask] == pytest.approx(a_end)
    assert made.columns["j_rest_depth"][0, ask] == pytest.approx(j + e[2] * ((a_end - a) / dt - j))
    whole = 0.1  # of the order that came where the bin began: dt = 0, v = size / tau
    assert made.columns["v_add"][0, bid] == pytest.approx(4 / 2 * math.exp(-whole / 2))
    assert made.columns["last_event_id"][0, [bid, ask]].tolist() == [0, 1]


@pytest.mark.parametrize("width", [TICK, 4 * TICK])
def test_buckets(flow, start, width):
    """A cell may be several ticks wide."""
    compare(flow(11, 500), FAST, start, width)


def test_messages_before_the_first_bin(flow, start):
    """Where bins begin later than messages, the first bin shows what it would show had all been seen."""
    events = flow(12, 600)
    whole, _ = compare(events, FAST, start)
    late, _ = compare(events, FAST, start + 30 * 100_000_000)
    for name in NAMES:
        np.testing.assert_allclose(late[name], whole[name][30:], rtol=1e-9, atol=1e-12, err_msg=name)


def test_rest_is_bid_and_ask(flow):
    """rest_depth and its v, a and j are the sums of bid's and ask's, to the last bit."""
    columns = make(flow(13, 1500), tick_size=0.25, grid=Grid()).columns
    for letter in ("", "v_", "a_", "j_"):
        both = columns[f"{letter}bid_depth"] + columns[f"{letter}ask_depth"]
        np.testing.assert_array_equal(columns[f"{letter}rest_depth"], both)


def test_the_order_within_an_instant_does_not_matter(start):
    """Two messages of one nanosecond at one cell come to the same, whichever comes first."""
    base = [(start, ADD, BID, 1000, 4, 1), (start, ADD, ASK, 1001, 2, 2)]
    pair = [(start + 7_000_000, ADD, BID, 1000, 3, 3), (start + 7_000_000, CANCEL, BID, 1000, 1, 1)]
    ways = (feed(*base, *pair), feed(*base, *pair[::-1]))
    found = [make(events, tick_size=0.25, grid=Grid(), columns=SLOTS_OF).columns for events in ways]
    for name in SLOTS_OF:
        np.testing.assert_allclose(*(columns[name] for columns in found), rtol=1e-12, err_msg=name)
