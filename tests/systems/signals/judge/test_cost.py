"""What a crossing costs: observed or given, and where the book was not valid."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.signals.judge.cost import crossing_ticks
from fairtrial.systems.signals.words import Costs

NAN = np.nan


def test_observed(market_of):
    """Half the spread of each bin, the last one before where the book was not valid; slippage on top."""
    market = market_of([NAN, 10.0, 10.0, NAN, NAN, 10.5], [9, 1.0, 0.5, 9, 9, 2.0])
    found = crossing_ticks(market, Costs(slippage_ticks=0.25))
    assert np.isnan(found[0])
    assert found[1:] == pytest.approx([1.25, 0.75, 0.75, 0.75, 2.25])


def test_given(market_of):
    """The same number everywhere."""
    market = market_of([NAN, 10.0, 10.5], 1.0)
    assert crossing_ticks(market, Costs(half_spread=0.75, slippage_ticks=0.5)).tolist() == [1.25] * 3
