"""Thresholds that adapt: quantiles of what a signal showed, where its scale is that of the market's volumes."""

from __future__ import annotations

import numpy as np

from fairtrial.systems.signals.record import Floats

QUANTILES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99)


def quantiles(values: Floats) -> tuple[float, ...]:
    """Return quantiles of |value|, ascending and each once, without 0; none of no values."""
    if not len(values):
        return ()
    found = np.unique(np.quantile(np.abs(values), QUANTILES))
    return tuple(float(level) for level in found if level > 0)
