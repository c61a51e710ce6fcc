"""jad: how adding and pulling speed up at the bid against the ask; divergences of acceleration and jerk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
from pydantic import Field

from fairtrial.systems.signals.formula.course import Columns, Course, at_once
from fairtrial.systems.signals.formula.sides import inverse, lean
from fairtrial.systems.signals.record import REACH, Floats, Market
from fairtrial.systems.signals.rolling.robust import RobustZ, robust_z
from fairtrial.systems.signals.signal import Mode
from fairtrial.systems.signals.words import Share, Words


class JadParameters(Words):
    """Settings of jad."""

    reach: int = Field(default=24, ge=1, le=REACH, description="Cells of each side.")
    jerk_weight_agree: Share = Field(
        default=0.4, description="Share of the jerk where both have one sign; the acceleration has the rest."
    )
    jerk_weight_differ: Share = Field(default=0.8, description="Share of the jerk where the signs differ.")
    zscore_window: int = Field(default=300, ge=30, le=100_000, description="Window of the robust z, in bins.")
    tanh_scale: float = Field(default=3.0, gt=0, le=1e6, description="Robust z at which tanh bends.")


class Jad:
    """Divergences of jerk and acceleration between bid and ask, standardised.

    A divergence is sum over k = 1 .. 24 of w (add below - add above + pull above - pull below), w = 1/k, the weights
    summing to 1: J from j_add and j_pull, A from a_add and a_pull. Where both have the same sign (zero is one of its
    own) they count 0.4 J + 0.6 A, else 0.8 J + 0.2 A; the value is tanh(z / 3), z the robust z (zero before 30 bins).
    """

    name = "jad"
    help = "Divergence of jerk and acceleration of adds and pulls between bid and ask, standardised."
    mode: Mode = "state"
    Parameters = JadParameters
    columns = ("a_add", "a_pull", "j_add", "j_pull")

    def batch(self, market: Market, parameters: JadParameters, *, seed: int) -> Floats:
        """Return its value at each bin, (n,)."""
        return at_once(
            market, self.columns, partial(divergence, parameters=parameters), lambda numbers: _roll(numbers, parameters)
        )

    def stream(self, parameters: JadParameters, *, tick_size: float, bin_s: float, seed: int) -> Course:
        """Return the same, bin by bin."""
        return Course(partial(divergence, parameters=parameters), _Rolling(parameters))

    def thresholds(self, values: Floats) -> tuple[float, ...]:
        """Return five fixed ones."""
        return (0.05, 0.1, 0.15, 0.2, 0.3)


def divergence(columns: Columns, parameters: JadParameters) -> Floats:
    """Return what jerk and acceleration come to at each bin, (..., 1)."""
    weights = inverse(parameters.reach)
    jerk = lean(columns["j_add"] - columns["j_pull"], weights)
    acceleration = lean(columns["a_add"] - columns["a_pull"], weights)
    agree = np.sign(jerk) == np.sign(acceleration)
    share = np.where(agree, parameters.jerk_weight_agree, parameters.jerk_weight_differ)
    found: Floats = share * jerk + (1 - share) * acceleration
    return found[..., np.newaxis]


def _roll(numbers: Floats, parameters: JadParameters) -> Floats:
    found: Floats = np.tanh(robust_z(numbers[:, 0], parameters.zscore_window) / parameters.tanh_scale)
    return found


class _Rolling:
    def __init__(self, parameters: JadParameters) -> None:
        self._z = RobustZ(parameters.zscore_window)
        self._scale = parameters.tanh_scale

    def step(self, numbers: Sequence[float]) -> float:
        return math.tanh(self._z.step(numbers[0]) / self._scale)
