"""spg: how pressure and vacuum rise and fall over the cells about the spot; their gradients and a curvature."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from pydantic import Field, model_validator

from fairtrial.systems.signals.formula.course import Columns, Course, at_once
from fairtrial.systems.signals.formula.sides import above, below
from fairtrial.systems.signals.record import REACH, Floats, Market
from fairtrial.systems.signals.rolling.ema import Ema, ema, span
from fairtrial.systems.signals.signal import Mode
from fairtrial.systems.signals.words import Share, Words


class SpgParameters(Words):
    """Settings of spg."""

    band_reach: int = Field(default=16, ge=1, le=REACH - 1, description="Cells of each side that gradients cover.")
    fast_span: int = Field(default=5, ge=1, le=100_000, description="Span of the fast average of gradients, in bins.")
    slow_span: int = Field(default=20, ge=1, le=100_000, description="Span of the slow one, in bins.")
    fast_weight: Share = Field(default=0.6, description="Share of the fast average; the slow one has the rest.")
    curvature_reach: int = Field(default=2, ge=0, le=REACH - 1, description="Cells about the spot: k -2 to 2.")
    curvature_span: int = Field(default=10, ge=1, le=100_000, description="Span of its average, in bins.")
    gradient_weight: Share = Field(default=0.7, description="Share of gradients; the curvature has the rest.")

    @model_validator(mode="after")
    def _read(self) -> SpgParameters:
        if self.fast_weight == 1:
            self._forget(("slow_span",))
        if self.fast_weight == 0:
            self._forget(("fast_span",))
        if self.gradient_weight == 1:
            self._forget(("curvature_reach", "curvature_span"))
        if self.gradient_weight == 0:
            self._forget(("band_reach", "fast_span", "slow_span", "fast_weight"))
        return self


class Spg:
    """Averages of spatial gradients, and of the curvature at the spot.

    Gradients are central differences over k, which rises from bid to ask, averaged over k = -16 .. -1 (below) and
    1 .. 16 (above): net = -(P below - P above) + (V above - V below), P the pressure, V the vacuum. The curvature is
    the mean second difference of P - V over k = -2 .. 2. The value is 0.7 (0.6 EMA5 + 0.4 EMA20)(net)
    + 0.3 EMA10(-curvature), an average of span s having alpha 2 / (s + 1).

    As it is defined, a book and its mirror image have the same value: its sign is that of a shape and leans one way as
    long as the shape lasts, so that what it seems to foretell may be the drift of the day.
    """

    name = "spg"
    help = "Gradients of pressure and vacuum over the cells, and curvature at the spot; equal for a mirrored book."
    mode: Mode = "state"
    Parameters = SpgParameters
    columns = ("pressure_variant", "vacuum_variant")

    def batch(self, market: Market, parameters: SpgParameters, *, seed: int) -> Floats:
        """Return its value at each bin, (n,)."""
        return at_once(
            market, self.columns, partial(shape, parameters=parameters), lambda numbers: _roll(numbers, parameters)
        )

    def stream(self, parameters: SpgParameters, *, tick_size: float, bin_s: float, seed: int) -> Course:
        """Return the same, bin by bin."""
        return Course(partial(shape, parameters=parameters), _Rolling(parameters))

    def thresholds(self, values: Floats) -> tuple[float, ...]:
        """Return half the interquartile range of |value|, the range, quantile 75 %, its middle with 95 %, and 95 %."""
        if not len(values):
            return ()
        low, high, top = np.quantile(np.abs(values), (0.25, 0.75, 0.95))
        found = np.unique(((high - low) / 2, high - low, high, (high + top) / 2, top))
        return tuple(float(level) for level in found if level > 0)


def shape(columns: Columns, parameters: SpgParameters) -> Floats:
    """Return net gradient and curvature of each bin, (..., 2)."""
    pressure, vacuum = columns["pressure_variant"], columns["vacuum_variant"]
    gap = _gradient_gap(pressure, parameters.band_reach) + _gradient_gap(vacuum, parameters.band_reach)
    return np.stack((gap, _curvature(pressure - vacuum, parameters.curvature_reach)), axis=-1)


def _gradient_gap(x: Floats, reach: int) -> Floats:
    """Return the mean gradient above the spot less that below it."""
    gradient = np.zeros(x.shape)
    gradient[..., 1:-1] = (x[..., 2:] - x[..., :-2]) / 2
    found: Floats = above(gradient, 1, reach).mean(axis=-1) - below(gradient, 1, reach).mean(axis=-1)
    return found


def _curvature(x: Floats, reach: int) -> Floats:
    near = x[..., REACH - reach - 1 : REACH + reach + 2]
    found: Floats = (near[..., 2:] - 2 * near[..., 1:-1] + near[..., :-2]).mean(axis=-1)
    return found


def _roll(numbers: Floats, parameters: SpgParameters) -> Floats:
    net, curvature = numbers[:, 0], numbers[:, 1]
    fast, slow = ema(net, span(parameters.fast_span)), ema(net, span(parameters.slow_span))
    gradient = parameters.fast_weight * fast + (1 - parameters.fast_weight) * slow
    bend = ema(-curvature, span(parameters.curvature_span))
    return parameters.gradient_weight * gradient + (1 - parameters.gradient_weight) * bend


class _Rolling:
    def __init__(self, parameters: SpgParameters) -> None:
        self._parameters = parameters
        self._fast = Ema(span(parameters.fast_span))
        self._slow = Ema(span(parameters.slow_span))
        self._bend = Ema(span(parameters.curvature_span))

    def step(self, numbers: Sequence[float]) -> float:
        net, curvature = numbers
        share, fast = self._parameters.gradient_weight, self._parameters.fast_weight
        gradient = fast * self._fast.step(net) + (1 - fast) * self._slow.step(net)
        return share * gradient + (1 - share) * self._bend.step(-curvature)
