"""iirc: whether the orders near the spot are renewed faster than they vanish, bid against ask, and where that goes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from pydantic import Field, model_validator

from fairtrial.systems.signals.formula.ads import Part, Window
from fairtrial.systems.signals.formula.course import Columns, Course, at_once
from fairtrial.systems.signals.formula.sides import above, below
from fairtrial.systems.signals.record import Floats, Market
from fairtrial.systems.signals.rolling.slope import Slope, slope
from fairtrial.systems.signals.signal import Mode
from fairtrial.systems.signals.words import Words

CELLS = (1, 16)
"""First and last cell of a side."""


class IircParameters(Words):
    """Settings of iirc."""

    slope_windows: tuple[Window, ...] = Field(
        default=(10, 30), min_length=1, description="Windows of the slopes, in bins, ascending."
    )
    blend: tuple[Part, ...] = Field(
        default=(0.6, 0.4), min_length=1, description="Weight of each slope, as many as windows."
    )
    noise_floor: float = Field(
        default=0.1, ge=0, le=100, description="Where the imbalance is smaller than it the value is 0."
    )

    @model_validator(mode="after")
    def _fits(self) -> IircParameters:
        windows, weights = self.slope_windows, self.blend
        if len(windows) != len(weights):
            raise ValueError(f"blend has {len(weights)} weights, slope_windows {len(windows)} windows: give one each")
        if list(windows) != sorted(set(windows)):
            raise ValueError(f"slope_windows {list(windows)} must ascend, each once")
        return self


class Iirc:
    """Slopes of the imbalance ln(1 + bid ratio) - ln(1 + ask ratio), ratio = added / (pulled + filled + 1).

    The masses of a side are summed over its cells k = 1 … 16 before they are divided: bids below the spot, asks above.
    The value is the weighted sum of the least-squares slopes per bin; NaN until the longest one has its window, 0
    where the imbalance of this bin lies within the noise floor.
    """

    name = "iirc"
    help = "Slope of the imbalance in how fast bids and asks are renewed against how fast they vanish."
    mode: Mode = "state"
    Parameters = IircParameters
    columns = ("add_mass", "pull_mass", "fill_mass")

    def batch(self, market: Market, parameters: IircParameters, *, seed: int) -> Floats:
        """Return its value at each bin, (n,)."""
        return at_once(market, self.columns, imbalance, lambda numbers: _roll(numbers[:, 0], parameters))

    def stream(self, parameters: IircParameters, *, tick_size: float, bin_s: float, seed: int) -> Course:
        """Return the same, bin by bin."""
        return Course(imbalance, _Rolling(parameters))

    def thresholds(self, values: Floats) -> tuple[float, ...]:
        """Return five fixed ones: magnitudes, which hold for either sign."""
        return (0.001, 0.005, 0.01, 0.02, 0.05)


def imbalance(columns: Columns) -> Floats:
    """Return ln(1 + bid ratio) - ln(1 + ask ratio) of each bin, (..., 1)."""
    bid, ask = (
        side(columns["add_mass"], *CELLS).sum(axis=-1)
        / ((side(columns["pull_mass"], *CELLS) + side(columns["fill_mass"], *CELLS)).sum(axis=-1) + 1.0)
        for side in (below, above)
    )
    found: Floats = np.log1p(bid) - np.log1p(ask)
    return found[..., np.newaxis]


def _roll(x: Floats, parameters: IircParameters) -> Floats:
    total = np.zeros(len(x))
    for window, weight in zip(parameters.slope_windows, parameters.blend, strict=True):
        total += weight * slope(x, window)
    return np.where((np.abs(x) < parameters.noise_floor) & np.isfinite(total), 0.0, total)


class _Rolling:
    def __init__(self, parameters: IircParameters) -> None:
        self._floor = parameters.noise_floor
        pairs = zip(parameters.slope_windows, parameters.blend, strict=True)
        self._parts = [(weight, Slope(window)) for window, weight in pairs]

    def step(self, numbers: Sequence[float]) -> float:
        total = 0.0
        for weight, slopes in self._parts:
            total += weight * slopes.step(numbers[0])
        return 0.0 if abs(numbers[0]) < self._floor and math.isfinite(total) else total
