"""msd: vacuum above the spot against vacuum below it; the price moves to where nothing holds it."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field

from fairtrial.systems.signals.formula.adaptive import quantiles
from fairtrial.systems.signals.record import REACH, Bin, Floats, Market
from fairtrial.systems.signals.signal import Mode
from fairtrial.systems.signals.words import Words

COLUMN = "vacuum_variant"


class MsdParameters(Words):
    """Settings of msd."""

    variant: Literal["weighted", "plain"] = Field(
        default="weighted", description="weighted: a cell k away counts 1/k; plain: every cell counts 1."
    )


class Msd:
    """The sum of the vacuum in the 50 cells above the spot less that in the 50 below; it needs no warm-up."""

    name = "msd"
    help = "Vacuum above the spot less vacuum below it, nearer cells counting more."
    mode: Mode = "state"
    Parameters = MsdParameters
    columns = (COLUMN,)

    def batch(self, market: Market, parameters: MsdParameters, *, seed: int) -> Floats:
        """Return its value at each bin, (n,), in contracts a second, as the vacuum is."""
        found: Floats = _sum(market.columns[COLUMN], weights(parameters.variant))
        return found

    def stream(self, parameters: MsdParameters, *, tick_size: float, bin_s: float, seed: int) -> MsdStream:
        """Return the same, bin by bin."""
        return MsdStream(parameters.variant)

    def thresholds(self, values: Floats) -> tuple[float, ...]:
        """Return quantiles of |value|: its scale is that of the market's volumes."""
        return quantiles(values)


class MsdStream:
    """One bin's value is of that bin alone; nothing is kept."""

    def __init__(self, variant: str = "weighted") -> None:
        self._weights = weights(variant)

    def step(self, now: Bin) -> float:
        """Return the value at this bin."""
        return float(_sum(now.columns[COLUMN], self._weights))


def weights(variant: str) -> Floats:
    """Return what a cell counts, (LEVELS,): positive above the spot, negative below, 0 for the spot's own."""
    cell = np.arange(-REACH, REACH + 1)
    return np.sign(cell) / (np.maximum(np.abs(cell), 1) if variant == "weighted" else 1.0)


def _sum(vacuum: Any, counts: Floats) -> Any:
    """Sum along the cells, the same order of additions for one bin and for many."""
    return (vacuum * counts).sum(axis=-1)
