"""Markets made ready for trades: where one can be entered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fairtrial.systems.signals.judge.fire import Fired
from fairtrial.systems.signals.judge.honest import ground, rules
from fairtrial.systems.signals.judge.overlap import trade
from fairtrial.systems.signals.record import Market
from fairtrial.systems.signals.words import Costs, Evaluation

NAN = np.nan


@pytest.fixture
def unquoted(market_of):
    """A market that has a mid at all bins but 4, and no quotes before bin 3."""
    made = market_of(np.where(np.arange(60) == 4, NAN, 10.0 + np.arange(60) % 2))
    quotes = {
        name: np.where(np.arange(60) < 3, 0, getattr(made.bins, name))
        for name in ("best_bid_price_int", "best_ask_price_int")
    }
    return Market(made.name, replace(made.bins, **quotes), {}, made.tick_size, made.bin_s)


def test_an_entry_needs_a_mid_and_a_known_cost(unquoted):
    """Before the first quotes nothing says what a trade costs: no trade, not even one that is truncated."""
    evaluation = Evaluation(max_hold_bins=5, costs=Costs(entry_delay_bins=0), overlap="independent")
    made = ground(unquoted, evaluation)
    assert np.flatnonzero(~made.valid).tolist() == [0, 1, 2, 4]
    opened = trade(made, rules(evaluation), Fired(np.arange(10), np.ones(10, np.int8)), reach=60)
    assert opened.entry.tolist() == [3, 5, 6, 7, 8, 9]
    assert np.isfinite(opened.cost_ticks).all()


def test_a_given_cost_needs_no_quotes(unquoted):
    """Half a spread that is a number is known everywhere."""
    made = ground(unquoted, Evaluation(max_hold_bins=5, costs=Costs(half_spread=0.5)))
    assert np.flatnonzero(~made.valid).tolist() == [4]
