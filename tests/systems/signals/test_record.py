"""Records: what a market says of spreads."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.errors import UserError
from fairtrial.systems.signals.judge.cost import crossing_ticks
from fairtrial.systems.signals.record import Bins, Market
from fairtrial.systems.signals.words import Costs


def market(bid, ask, valid) -> Market:
    """A market of these quotes in ticks of 0.25."""
    number = np.arange(len(bid))
    bids, asks = (np.array(side, dtype=np.int64) * 250_000_000 for side in (bid, ask))
    flags = np.array(valid, dtype=bool)
    bins = Bins(number, number, number, number, np.full(len(bid), 25.0), number, number, flags, bids, asks, bids)
    return Market("day", bins, {}, 0.25, 0.1)


def test_a_spread_is_known_where_both_quotes_are():
    """Without a bid, an ask or a valid book there is none, nor where they are crossed: never one of nothing or less."""
    made = market([99, 0, 99, 102, 99], [101, 101, 0, 101, 101], [True, True, True, True, False])
    np.testing.assert_array_equal(made.half_spread_ticks, [1, np.nan, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(crossing_ticks(made, Costs(slippage_ticks=0.5)), [1.5] * 5)


def test_without_quotes_nothing_says_what_a_trade_costs():
    """Prices without quotes: observed costs are refused, a number is taken."""
    made = market([0, 0], [0, 0], [True, True])
    with pytest.raises(UserError, match=r"day: no bin has a bid and an ask .give costs.half_spread a number"):
        crossing_ticks(made, Costs())
    np.testing.assert_array_equal(crossing_ticks(made, Costs(half_spread=2)), [2, 2])
