"""iirc: whether the orders near the spot are renewed faster than they vanish, bid against ask, and where that goes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from fairtrial.systems.signals.record import REACH, Bin, Floats, Market
from fairtrial.systems.signals.signal import Mode
from fairtrial.systems.signals.words import Weight, Words

CELLS = 16
"""Cells of a side, k = 1 … 16."""
BELOW, ABOVE = slice(REACH - CELLS, REACH), slice(REACH + 1, REACH + 1 + CELLS)
Window = Annotated[int, Field(ge=2, le=100_000)]


class IircParameters(Words):
    """Settings of iirc."""

    windows: tuple[Window, ...] = Field(
        default=(10, 30), min_length=1, max_length=8, description="Windows of the slopes, in bins."
    )
    weights: tuple[Weight, ...] = Field(
        default=(0.6, 0.4), min_length=1, max_length=8, description="Weight of each window's slope."
    )
    noise_floor: float = Field(
        default=0.1, ge=0, le=100, description="An imbalance smaller than it counts as none: the value is 0."
    )

    @model_validator(mode="after")
    def _pairs(self) -> IircParameters:
        """Check that each window has its weight; a window that weighs nothing is left out."""
        if len(self.windows) != len(self.weights):
            raise ValueError(f"{len(self.windows)} windows and {len(self.weights)} weights: give a weight to each")
        if len(set(self.windows)) < len(self.windows):
            raise ValueError("windows: give each once")
        pairs = [pair for pair in zip(self.windows, self.weights, strict=True) if pair[1]]
        if not pairs:
            raise ValueError("weights: all are 0, and so would be every value")
        object.__setattr__(self, "windows", tuple(window for window, _ in pairs))
        object.__setattr__(self, "weights", tuple(weight for _, weight in pairs))
        return self


class Iirc:
    """Slopes of the imbalance ln(1 + bid ratio) - ln(1 + ask ratio), ratio = added / (pulled + filled + 1).

    The masses of a side are summed over its cells k = 1 … 16 before they are divided. A slope is per bin. There is no
    value before the longest window is full; where the imbalance at this bin is below the noise floor the value is 0.
    """

    name = "iirc"
    help = "Slope of the imbalance in how fast bids and asks are renewed against how fast they vanish."
    mode: Mode = "state"
    Parameters = IircParameters
    columns = ("add_mass", "pull_mass", "fill_mass")

    def batch(self, market: Market, parameters: IircParameters, *, seed: int) -> Floats:
        """Return its value at each bin, (n,)."""
        from fairtrial.systems.signals.rolling.slope import slope

        imbalance = _imbalance(market.columns)
        parts = zip(parameters.windows, parameters.weights, strict=True)
        found = sum((weight * slope(imbalance, window) for window, weight in parts), np.zeros(len(market)))
        return np.where((np.abs(imbalance) < parameters.noise_floor) & np.isfinite(found), 0.0, found)

    def stream(self, parameters: IircParameters, *, tick_size: float, bin_s: float, seed: int) -> IircStream:
        """Return the same, bin by bin."""
        return IircStream(parameters)

    def thresholds(self, values: Floats) -> tuple[float, ...]:
        """Return its thresholds: magnitudes, of either sign."""
        return (0.001, 0.005, 0.01, 0.02, 0.05)


class IircStream:
    """Keeps the last imbalances, one window for each slope."""

    def __init__(self, parameters: IircParameters) -> None:
        from fairtrial.systems.signals.rolling.slope import Slope

        pairs = zip(parameters.windows, parameters.weights, strict=True)
        self._slopes = [(Slope(window), weight) for window, weight in pairs]
        self._floor = parameters.noise_floor

    def step(self, now: Bin) -> float:
        """Return the value at this bin."""
        imbalance = float(_imbalance(now.columns))
        found = 0.0
        for slope, weight in self._slopes:
            found += weight * slope.step(imbalance)
        return 0.0 if abs(imbalance) < self._floor and math.isfinite(found) else found


def _imbalance(columns: Mapping[str, Any]) -> Any:
    """Return ln(1 + bid ratio) - ln(1 + ask ratio), of one bin or of many."""
    return np.log1p(_ratio(columns, BELOW)) - np.log1p(_ratio(columns, ABOVE))


def _ratio(columns: Mapping[str, Any], side: slice) -> Any:
    added, pulled, filled = (columns[name][..., side].sum(axis=-1) for name in ("add_mass", "pull_mass", "fill_mass"))
    return added / (pulled + filled + 1.0)
