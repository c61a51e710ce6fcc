"""The flow: a market that could be one, whose quotes are the path's, whatever the crowd does."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from fairtrial.errors import UserError
from fairtrial.systems.signals.generate.crowd import REACH_TICKS
from fairtrial.systems.signals.generate.flow import START_NS, flow
from fairtrial.systems.signals.orders.replay import replay
from fairtrial.systems.signals.record import ASK, BID, CLEAR, PRICE, Events
from fairtrial.systems.signals.words import Synthetic

MARKETS = {
    "usual": {"bins": 600},
    "wild": {"bins": 300, "volatility_ticks": 12.0},
    "jumps": {"bins": 3000, "volatility_ticks": 60.0, "events_per_s": 20.0, "edge": 1.0},
    "steep": {"bins": 300, "drift_ticks_per_s": -20.0, "edge": -0.5},
    "slow": {"bins": 2000, "events_per_s": 1.0, "horizon_s": 0.2},
}


def lines(events):
    """The messages, one after the other, prices in ticks of 0.25."""
    ticks = (events.price // 250_000_000).tolist()
    return list(
        zip(
            events.action.tolist(),
            events.side.tolist(),
            ticks,
            events.size.tolist(),
            events.order.tolist(),
            strict=True,
        )
    )


def binned(events, market):
    """The bins of a flow, as a replay makes them."""
    cell, bin_ns = round(market.tick_size / PRICE), round(market.bin_s * 1e9)
    return replay(events, cell=cell, bin_ns=bin_ns, start_ns=START_NS)


@pytest.mark.parametrize("name", MARKETS)
def test_matching_is_right(name, engine):
    """An engine of plain queues accepts every message: never crossed, fills at the best price, oldest order first."""
    events = flow(Synthetic(**MARKETS[name]), np.random.default_rng(3))
    last = len(events) - 1
    for number, line in enumerate(lines(events)):
        engine.take(*line)
        whole = number == last or events.ts_ns[number + 1] > events.ts_ns[number]
        if whole and number % 7 == 0:
            assert engine.best(BID) < engine.best(ASK)


@pytest.mark.parametrize("name", MARKETS)
def test_the_book_is_deep(name, engine):
    """Whenever time passes, there is depth at each of 62 levels of both sides, without a gap."""
    events = flow(Synthetic(**MARKETS[name]), np.random.default_rng(4))
    said = lines(events)
    for number, line in enumerate(said[:20_000]):
        engine.take(*line)
        if number + 1 < len(said) and events.ts_ns[number + 1] > events.ts_ns[number] and number % 50 == 0:
            for side, sign in ((BID, -1), (ASK, 1)):
                wanted = {engine.best(side) + sign * distance for distance in range(REACH_TICKS)}
                assert set(engine.sides[side]) == wanted


@pytest.mark.parametrize("name", MARKETS)
def test_the_quotes_are_the_path(name, known):
    """Best bid and ask of every bin are those of the path, which was drawn before any message: none moves them."""
    market = Synthetic(**MARKETS[name])
    made = binned(flow(market, np.random.default_rng(5)), market)
    assert len(made.bins) == market.bins
    assert made.odd == {}
    assert made.bins.book_valid.all()
    quotes = known(market, 5).quotes
    first = made.bins.best_bid_price_int[0] // 250_000_000 - quotes[0, 0]
    assert np.array_equal(made.bins.best_bid_price_int // 250_000_000 - first, quotes[:, 0])
    assert np.array_equal(made.bins.best_ask_price_int // 250_000_000 - first, quotes[:, 1])


def test_one_seed_one_flow():
    """The same seed gives the same messages; another start only shifts them in time; another seed gives others."""
    market = Synthetic(bins=200, edge=0.4)
    one, same, other = (flow(market, np.random.default_rng(seed)) for seed in (7, 7, 8))
    later = flow(market, np.random.default_rng(7), start_ns=START_NS + 11)
    for name in (field.name for field in fields(Events)):
        assert np.array_equal(getattr(one, name), getattr(same, name))
        assert np.array_equal(getattr(one, name) + (11 if name == "ts_ns" else 0), getattr(later, name))
    assert not np.array_equal(one.price[:2000], other.price[:2000])


@pytest.mark.parametrize("rate", [20.0, 200.0, 2000.0])
def test_the_rate_of_messages(rate):
    """There are about as many messages a second as asked for."""
    market = Synthetic(bins=6000, events_per_s=rate, volatility_ticks=0.5)
    events = flow(market, np.random.default_rng(0))
    assert len(events) / (market.bins * market.bin_s) == pytest.approx(rate, rel=0.15)


def test_the_first_and_last_message():
    """The first message is a snapshot's, at the start; the last lies in the last bin, also where messages are rare."""
    market = Synthetic(bins=500, bin_s=0.02, events_per_s=1.0)
    events = flow(market, np.random.default_rng(0))
    assert (events.action[0], events.ts_ns[0]) == (CLEAR, START_NS)
    assert events.ts_ns[-1] == START_NS + 500 * 20_000_000 - 1
    assert np.all(np.diff(events.ts_ns) >= 0)
    assert np.all(np.diff(np.flatnonzero(events.ts_ns == START_NS)) == 1)


@pytest.mark.parametrize(("tick", "cell"), [(0.25, 250_000_000), (1e-9, 1), (5000.0, 5 * 10**12)])
def test_the_tick_size(tick, cell):
    """Prices are whole ticks, and positive."""
    events = flow(Synthetic(bins=100, tick_size=tick), np.random.default_rng(0))
    priced = events.price[events.action != CLEAR]
    assert np.all(priced % cell == 0)
    assert priced.min() > 0


@pytest.mark.parametrize(("tick", "said"), [(1e-10, "whole multiple"), (1.5e-9, "whole multiple"), (1e6, "do not fit")])
def test_a_tick_size_that_prices_cannot_have(tick, said):
    """One line says what is wrong."""
    with pytest.raises(UserError, match=said):
        flow(Synthetic(bins=100, tick_size=tick), np.random.default_rng(0))
