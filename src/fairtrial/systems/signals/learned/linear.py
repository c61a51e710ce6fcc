"""Scaling by what was learned from, and linear decisions on what was scaled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fairtrial.systems.signals.learned.compiled import decide
from fairtrial.systems.signals.record import Floats

FLAT = 1e-12
"""A deviation below it is rounding: the feature says nothing, and is not blown up."""


class Scale(NamedTuple):
    """Mean and standard deviation of the rows that were learned from."""

    centre: Floats
    spread: Floats

    def apply(self, features: Floats) -> Floats:
        """Return rows in standard deviations from the mean."""
        found: Floats = (features - self.centre) / self.spread
        return found


def scale(features: Floats) -> Scale:
    """Return the scale of rows, (m, features)."""
    spread = features.std(axis=0)
    return Scale(features.mean(axis=0), np.where(spread > FLAT, spread, 1.0))


class Linear(NamedTuple):
    """A signed distance from a plane: positive is bullish."""

    scale: Scale
    weights: Floats
    offset: float

    def predict(self, features: Floats) -> Floats:
        """Return the decisions of rows, (n,)."""
        found: Floats = decide(features, self.scale.centre, self.scale.spread, self.weights, self.offset)
        return found
