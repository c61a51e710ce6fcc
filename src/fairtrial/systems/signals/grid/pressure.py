"""How much the book builds up at a cell, and how much it empties."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fairtrial.systems.signals.record import Floats
from fairtrial.systems.signals.words import Grid


def pressure(columns: Mapping[str, Floats], grid: Grid) -> Floats:
    """Return c1 v_add + c2 max(v_rest_depth, 0) + c3 max(a_add, 0), of any shape."""
    found = grid.c1 * columns["v_add"]
    found += grid.c2 * np.maximum(columns["v_rest_depth"], 0.0)
    found += grid.c3 * np.maximum(columns["a_add"], 0.0)
    return found


def vacuum(columns: Mapping[str, Floats], grid: Grid) -> Floats:
    """Return c4 v_pull + c5 v_fill + c6 max(-v_rest_depth, 0) + c7 max(a_pull, 0), of any shape."""
    found = grid.c4 * columns["v_pull"]
    found += grid.c5 * columns["v_fill"]
    found -= grid.c6 * np.minimum(columns["v_rest_depth"], 0.0)
    found += grid.c7 * np.maximum(columns["a_pull"], 0.0)
    return found
