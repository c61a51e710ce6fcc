"""msd: vacuum above the spot against vacuum below it; the price moves to where nothing holds it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np
from pydantic import Field

from fairtrial.systems.signals.formula.adaptive import quantiles
from fairtrial.systems.signals.formula.course import Columns, Course, at_once
from fairtrial.systems.signals.formula.sides import lean
from fairtrial.systems.signals.record import REACH, Floats, Market
from fairtrial.systems.signals.signal import Mode
from fairtrial.systems.signals.words import Words

COLUMN = "vacuum_variant"


class MsdParameters(Words):
    """Settings of msd."""

    variant: Literal["weighted", "plain"] = Field(
        default="weighted", description="weighted: a cell k away counts 1/k; plain: every cell counts 1."
    )


class Msd:
    """The summed vacuum of the 50 cells above the spot less that of the 50 below, each over |k| unless plain.

    The weights 1/|k| are not made to sum to 1. A value is of its bin alone: there is no warm-up.
    """

    name = "msd"
    help = "Vacuum above the spot less vacuum below it, nearer cells counting more."
    mode: Mode = "state"
    Parameters = MsdParameters
    columns = (COLUMN,)

    def batch(self, market: Market, parameters: MsdParameters, *, seed: int) -> Floats:
        """Return its value at each bin, (n,), in the unit of the vacuum."""
        return at_once(market, self.columns, partial(divergence, parameters=parameters), lambda numbers: numbers[:, 0])

    def stream(self, parameters: MsdParameters, *, tick_size: float, bin_s: float, seed: int) -> Course:
        """Return the same, bin by bin."""
        return Course(partial(divergence, parameters=parameters), _Rolling())

    def thresholds(self, values: Floats) -> tuple[float, ...]:
        """Return up to six quantiles of |value|: its scale is that of the market's volumes."""
        return quantiles(values)


def divergence(columns: Columns, parameters: MsdParameters) -> Floats:
    """Return vacuum above less vacuum below of each bin, (..., 1)."""
    away = np.arange(1.0, REACH + 1)
    weights = 1 / away if parameters.variant == "weighted" else np.ones(REACH)
    return -lean(columns[COLUMN], weights)[..., np.newaxis]


class _Rolling:
    def step(self, numbers: Sequence[float]) -> float:
        return numbers[0]
