"""What a trade costs: half the spread and slippage at entry and exit, fees once."""

from __future__ import annotations

import numpy as np

from fairtrial.errors import UserError
from fairtrial.systems.signals.judge.barrier import filled
from fairtrial.systems.signals.record import Floats, Market
from fairtrial.systems.signals.words import Costs


def crossing_ticks(market: Market, costs: Costs) -> Floats:
    """Return what going from the mid to a trade costs at each bin, in ticks, (n,): half a spread and slippage.

    An observed spread that is missing (the book was not valid) is the last one before it. Raises UserError where the
    data have prices and never both quotes: nothing says what a trade costs.
    """
    if costs.half_spread == "observed":
        half = market.half_spread_ticks
        if np.isnan(half).all() and np.isfinite(market.mid_ticks).any():
            raise UserError(
                f"data set {market.name}: no bin has a bid and an ask", hint="give costs.half_spread a number"
            )
        return filled(half) + costs.slippage_ticks
    return np.full(len(market), float(costs.half_spread) + costs.slippage_ticks)
