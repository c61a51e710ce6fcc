"""What a trade costs: half the spread and slippage at entry and exit, fees once."""

from __future__ import annotations

import numpy as np

from fairtrial.systems.signals.judge.barrier import filled
from fairtrial.systems.signals.record import Floats, Market
from fairtrial.systems.signals.words import Costs


def crossing_ticks(market: Market, costs: Costs) -> Floats:
    """Return what going from the mid to a trade costs at each bin, in ticks, (n,): half a spread and slippage.

    An observed spread that is missing (the book was not valid) is the last one before it.
    """
    if costs.half_spread == "observed":
        return filled(market.half_spread_ticks) + costs.slippage_ticks
    return np.full(len(market), float(costs.half_spread) + costs.slippage_ticks)
