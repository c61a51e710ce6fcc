"""What one arm is worth in the other: how much of it does the same, and which of the two a budget should buy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fairtrial.analyse.curve.growth import STEPS, Growth, bands
from fairtrial.model.curve import Exchange, Purchase
from fairtrial.stats.crossing import reached
from fairtrial.stats.scaling import Fits
from fairtrial.stats.summary import Floats

Two = tuple[Growth, Growth]
Drawn = tuple[Fits, Fits]
MOST = 16
"""Budgets that are looked at unless they are given."""


def exchange(grown: Two, draws: Drawn, *, falling: bool, level: float) -> tuple[Exchange, ...]:
    """Return, for each size of the first arm, the smallest size of the second that does at least as well.

    Sizes of the second arm are looked at where it was measured: None is none of these. `low` and `high` are a
    percentile interval over the bootstrap draws, None where an end lies outside.
    """
    first, second = grown
    low, high = second.x[0], second.x[-1]
    grid = np.union1d(np.geomspace(low, high, STEPS), [low, high, *first.x])
    grid = grid[(grid >= low) & (grid <= high)]
    sign = -1.0 if falling else 1.0
    best = reached(grid, sign * (second.at(grid)[None, :] - first.at(first.x)[:, None]))
    wanted, offered = draws[0].at(first.x), draws[1].at(grid)
    every = np.stack([reached(grid, sign * (offered - column[:, None])) for column in wanted.T], axis=1)
    rows = np.stack([first.x, best, *bands(every, level)], axis=1).tolist()
    return tuple(Exchange(size, *(end if math.isfinite(end) else None for end in ends)) for size, *ends in rows)


def purchases(
    grown: Two,
    draws: Drawn,
    arms: tuple[str, str],
    prices: tuple[float, float],
    *,
    falling: bool,
    budgets: Sequence[float] | None = None,
) -> tuple[Purchase, ...]:
    """Return the better buy at each budget: all of it is spent on one arm, and on no size that was not measured.

    An arm of which the budget does not buy the smallest size measured is not for sale; more than the largest is not
    bought. `prices` are per unit of the size.
    """
    costs = _budgets(grown, prices) if budgets is None else sorted(budgets)
    sign = -1.0 if falling else 1.0
    return tuple(made for cost in costs if (made := _purchase(grown, draws, arms, (cost, *prices), sign)) is not None)


def _purchase(
    grown: Two, draws: Drawn, arms: tuple[str, str], money: tuple[float, float, float], sign: float
) -> Purchase | None:
    cost, *prices = money
    amounts = [_amount(one, cost, price) for one, price in zip(grown, prices, strict=True)]
    offers = [place for place, amount in enumerate(amounts) if amount is not None]
    if not offers:
        return None
    expected = {place: float(grown[place].at(np.array([amounts[place]]))[0]) for place in offers}
    best = max(offers, key=lambda place: sign * expected[place])
    probability = 1.0
    if len(offers) == 2:
        values = [draws[place].at(np.array([amounts[place]]))[:, 0] for place in offers]
        ahead = sign * (values[best] - values[1 - best])
        probability = float(((ahead > 0) + 0.5 * (ahead == 0)).mean())
    return Purchase(cost, arms[best], float(amounts[best] or 0.0), expected[best], probability)


def _amount(one: Growth, cost: float, price: float) -> float | None:
    """Return how much of an arm the money buys, at most the largest size measured; None below the smallest."""
    least, most = float(one.x[0]), float(one.x[-1])
    amount = math.inf if not price else cost / price
    return None if amount < least * (1 - 1e-9) else min(max(amount, least), most)


def _budgets(grown: Two, prices: tuple[float, float]) -> list[float]:
    """List the costs of the sizes measured, thinned out to MOST."""
    every: Floats = np.unique(np.concatenate([one.x * price for one, price in zip(grown, prices, strict=True)]))
    if len(every) > MOST:
        every = every[np.unique(np.linspace(0, len(every) - 1, MOST).round().astype(np.int64))]
    return [float(cost) for cost in every]
