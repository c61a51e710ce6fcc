"""The crowd: what it does around the quotes, and how the intent shows."""

from __future__ import annotations

import numpy as np

from fairtrial.systems.signals.generate.flow import flow
from fairtrial.systems.signals.record import ADD, ASK, BID, CANCEL, CLEAR, FILL, MODIFY
from fairtrial.systems.signals.words import Synthetic


def shown(events, known):
    """Return for each message the intent and the distance from the best quote of its side, snapshot left out."""
    seconds = (events.ts_ns - events.ts_ns[0]) / 1e9
    at = np.searchsorted(known.path.at_s, seconds, side="right") - 1
    ticks = events.price // 250_000_000 - events.price[1] // 250_000_000
    best = known.path.quotes[at]
    distance = np.where(events.side == BID, best[:, 0] - ticks, ticks - best[:, 1])
    return known.path.intent[at], distance, seconds > 0


def test_every_kind_of_message_occurs():
    """Adds, pulls, fills and moved orders all have their share; pulls take a part of an order at times."""
    events = flow(Synthetic(bins=2000), np.random.default_rng(0))
    shares = np.bincount(events.action, minlength=5) / len(events)
    assert shares[ADD] > 0.35
    assert shares[CANCEL] > 0.25
    assert shares[FILL] > 0.05
    assert shares[MODIFY] > 0.01
    assert np.sum(events.action == CLEAR) == 1


def test_the_intent_shows_in_the_flow(known):
    """Without an edge too, a bullish intent adds to bids, pulls asks and buys at the market; a bearish one not."""
    market = Synthetic(bins=12_000)
    events = flow(market, np.random.default_rng(1))
    intent, distance, counted = shown(events, known(market, 1))
    near = counted & (distance >= 0) & (distance < 12)
    for action, bullish in ((ADD, BID), (CANCEL, ASK), (FILL, ASK)):
        these = near & (events.action == action)
        sign = np.where(events.side[these] == bullish, 1, -1)
        up, down = sign[intent[these] > 0].mean(), sign[intent[these] < 0].mean()
        assert min(up, -down) > 0.05


def test_waves_go_inwards(known):
    """On the side that a bullish intent adds to, outer levels lead inner ones by some 0.4 s."""
    market = Synthetic(bins=12_000, horizon_s=20.0)
    events = flow(market, np.random.default_rng(2))
    intent, distance, counted = shown(events, known(market, 2))
    adds = counted & (events.action == ADD) & (events.side == BID) & (intent > 0)
    seconds = (events.ts_ns - events.ts_ns[0]) / 1e9
    bins = np.arange(0, 1200.05, 0.1)
    inner = np.histogram(seconds[adds & (distance < 3)], bins)[0]
    outer = np.histogram(seconds[adds & (distance >= 7) & (distance < 12)], bins)[0]
    lead = np.corrcoef(inner[4:], outer[:-4])[0, 1]
    assert lead > np.corrcoef(inner, outer)[0, 1] + 0.1
    assert lead > np.corrcoef(inner[:-4], outer[4:])[0, 1] + 0.05


def test_levels_are_neither_empty_nor_crowded(engine):
    """A level has some six orders, less at times, and never more than thirty."""
    events = flow(Synthetic(bins=1500), np.random.default_rng(0))
    rows = zip(events.action, events.side, events.price, events.size, events.order, strict=True)
    for row in rows:
        engine.take(*(part.item() for part in row))
    counts = [len(queue) for side in (BID, ASK) for queue in engine.sides[side].values()]
    assert max(counts) <= 30
    assert 3 < np.mean(counts) < 10
