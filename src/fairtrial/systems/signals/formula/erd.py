"""erd: where the states of the cells are unusually mixed, the side that leads; a direction behind a gate of entropy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from fairtrial.systems.signals.formula.course import Columns, Course, at_once
from fairtrial.systems.signals.formula.sides import above, below
from fairtrial.systems.signals.record import REACH, Floats, Market
from fairtrial.systems.signals.rolling.robust import RobustZ, robust_z
from fairtrial.systems.signals.signal import Mode
from fairtrial.systems.signals.words import Words


class ErdParameters(Words):
    """Settings of erd."""

    zscore_window: int = Field(default=100, ge=30, le=100_000, description="Window of the robust z, in bins.")
    spike_floor: float = Field(default=0.5, ge=0, le=1e6, description="Robust z of the entropy that opens the gate.")
    variant: Literal["a", "b"] = Field(default="a", description="Direction by mean scores (a) or by entropies (b).")


class Erd:
    """A direction, times how far the entropy of the cells' states spikes.

    H is the entropy, in nats, of the shares of the states -1, 0 and 1 among all 101 cells; the gate is
    max(0, z - floor), z the robust z of H (zero before 30 bins). The direction is, variant a, the mean spectrum score
    of the 50 cells below the spot less that of the 50 above; variant b, the entropy above less the entropy below.
    """

    name = "erd"
    help = "Mean scores (or entropies) of the two sides, while the entropy of the cells' states spikes."
    mode: Mode = "state"
    Parameters = ErdParameters
    columns = ("spectrum_score", "spectrum_state_code")

    def batch(self, market: Market, parameters: ErdParameters, *, seed: int) -> Floats:
        """Return its value at each bin, (n,)."""
        return at_once(
            market, self.columns, partial(mixture, variant=parameters.variant), lambda read: _roll(read, parameters)
        )

    def stream(self, parameters: ErdParameters, *, tick_size: float, bin_s: float, seed: int) -> Course:
        """Return the same, bin by bin."""
        return Course(partial(mixture, variant=parameters.variant), _Rolling(parameters))

    def thresholds(self, values: Floats) -> tuple[float, ...]:
        """Return eleven fixed ones."""
        return (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0)


def mixture(columns: Columns, variant: str) -> Floats:
    """Return entropy and direction of each bin, (..., 2)."""
    codes, score = columns["spectrum_state_code"], columns["spectrum_score"]
    if variant == "a":
        direction = below(score, 1, REACH).mean(axis=-1) - above(score, 1, REACH).mean(axis=-1)
    else:
        direction = _entropy(above(codes, 1, REACH)) - _entropy(below(codes, 1, REACH))
    return np.stack((_entropy(codes), direction), axis=-1)


def _entropy(codes: npt.NDArray[Any]) -> Floats:
    """Return the entropy of the three states over the last axis; by a table of -p ln p: a count has one value."""
    shares = np.arange(1, codes.shape[-1] + 1) / codes.shape[-1]
    parts = np.concatenate(([0.0], -shares * np.log(shares)))
    counts = [np.count_nonzero(codes == state, axis=-1) for state in (-1, 0, 1)]
    found: Floats = parts[counts[0]] + parts[counts[2]] + parts[counts[1]]
    return found


def _roll(numbers: Floats, parameters: ErdParameters) -> Floats:
    z = robust_z(numbers[:, 0], parameters.zscore_window)
    gate: Floats = np.maximum(0.0, z - parameters.spike_floor)
    return numbers[:, 1] * gate


class _Rolling:
    def __init__(self, parameters: ErdParameters) -> None:
        self._z = RobustZ(parameters.zscore_window)
        self._floor = parameters.spike_floor

    def step(self, numbers: Sequence[float]) -> float:
        entropy, direction = numbers
        return direction * max(0.0, self._z.step(entropy) - self._floor)
