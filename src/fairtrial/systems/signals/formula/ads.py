"""ads: how fast adding and pulling of orders turn from the ask to the bid; slopes of their asymmetry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from fairtrial.systems.signals.formula.course import Columns, Course, at_once
from fairtrial.systems.signals.formula.sides import BANDS, lean
from fairtrial.systems.signals.record import Floats, Market
from fairtrial.systems.signals.rolling.robust import RobustZ, robust_z
from fairtrial.systems.signals.rolling.slope import Slope, slope
from fairtrial.systems.signals.signal import Mode
from fairtrial.systems.signals.words import Words

Window = Annotated[int, Field(ge=2, le=100_000)]
Part = Annotated[float, Field(gt=0, le=1e6)]


class AdsParameters(Words):
    """Settings of ads."""

    slope_windows: tuple[Window, ...] = Field(
        default=(10, 25, 50), min_length=1, description="Windows of the slopes, in bins, ascending."
    )
    blend: tuple[Part, ...] = Field(
        default=(0.40, 0.35, 0.25), min_length=1, description="Weight of each slope, as many as windows."
    )
    zscore_window: int = Field(default=200, ge=30, le=100_000, description="Window of the robust z, in bins.")
    blend_scale: float = Field(default=3.0, gt=0, le=1e6, description="Robust z at which tanh bends.")

    @model_validator(mode="after")
    def _fits(self) -> AdsParameters:
        if len(self.blend) != len(self.slope_windows):
            raise ValueError(
                f"blend has {len(self.blend)} weights, slope_windows {len(self.slope_windows)} windows: give one each"
            )
        if list(self.slope_windows) != sorted(set(self.slope_windows)):
            raise ValueError(f"slope_windows {list(self.slope_windows)} must ascend, each once")
        return self


class Ads:
    """Slopes of A = sum over bands of w (add asymmetry + pull asymmetry), standardised and blended.

    A band's add asymmetry is the summed add_mass below the spot less that above it, its pull asymmetry the summed
    pull_mass above less that below; w is 1/sqrt(cells of the band), over inner, mid and outer band summing to 1. The
    value is sum weight x tanh(z / scale), z the robust z (zero before 30 bins) of a least-squares slope of A; NaN until
    the longest slope has its window.
    """

    name = "ads"
    help = "Slopes of the asymmetry of added and pulled orders over three bands, standardised and blended."
    mode: Mode = "state"
    Parameters = AdsParameters
    columns = ("add_mass", "pull_mass")

    def batch(self, market: Market, parameters: AdsParameters, *, seed: int) -> Floats:
        """Return its value at each bin, (n,)."""
        return at_once(market, self.columns, asymmetry, lambda numbers: _roll(numbers[:, 0], parameters))

    def stream(self, parameters: AdsParameters, *, tick_size: float, bin_s: float, seed: int) -> Course:
        """Return the same, bin by bin."""
        return Course(asymmetry, _Rolling(parameters))

    def thresholds(self, values: Floats) -> tuple[float, ...]:
        """Return six fixed ones."""
        return (0.02, 0.05, 0.08, 0.10, 0.15, 0.20)


def asymmetry(columns: Columns) -> Floats:
    """Return A of each bin, (..., 1)."""
    widths = np.array([last - first + 1 for first, last in BANDS])
    shares = (1 / np.sqrt(widths)) / (1 / np.sqrt(widths)).sum()
    return lean(columns["add_mass"] - columns["pull_mass"], np.repeat(shares, widths))[..., np.newaxis]


def _roll(a: Floats, parameters: AdsParameters) -> Floats:
    total = np.zeros(len(a))
    for window, weight in zip(parameters.slope_windows, parameters.blend, strict=True):
        z = robust_z(slope(a, window), parameters.zscore_window)
        total += weight * np.tanh(z / parameters.blend_scale)
    return total


class _Rolling:
    def __init__(self, parameters: AdsParameters) -> None:
        self._scale = parameters.blend_scale
        self._parts = [
            (weight, Slope(window), RobustZ(parameters.zscore_window))
            for window, weight in zip(parameters.slope_windows, parameters.blend, strict=True)
        ]

    def step(self, numbers: Sequence[float]) -> float:
        total = 0.0
        for weight, slopes, z in self._parts:
            total += weight * math.tanh(z.step(slopes.step(numbers[0])) / self._scale)
        return total
