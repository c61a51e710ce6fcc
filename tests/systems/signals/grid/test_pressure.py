"""Pressure and vacuum by hand, each weight by itself."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.signals.grid.pressure import pressure, vacuum
from fairtrial.systems.signals.words import Grid

COLUMNS = {"v_add": 2.0, "v_pull": 3.0, "v_fill": 5.0, "v_rest_depth": 7.0, "a_add": 11.0, "a_pull": 13.0}
SIGNS = (1.0, -1.0)


@pytest.mark.parametrize("sign", SIGNS)
def test_by_hand(sign):
    """Depth that grows and flow that speeds up press; depth that shrinks and pulls that speed up empty."""
    columns = {name: np.array([sign * value]) for name, value in COLUMNS.items()}
    up, down = (1, 0) if sign > 0 else (0, 1)
    assert pressure(columns, Grid())[0] == pytest.approx(sign * 2 + up * (0.5 * 7 + 0.3 * 11))
    assert vacuum(columns, Grid())[0] == pytest.approx(sign * (3 + 1.5 * 5) + down * 0.5 * 7 + up * 0.3 * 13)


@pytest.mark.parametrize(
    ("weight", "sign", "told"),
    [("c1", 1, 2), ("c2", 1, 7), ("c3", 1, 11), ("c4", 1, 3), ("c5", 1, 5), ("c6", -1, 7), ("c7", 1, 13)],
)
def test_each_weight(weight, sign, told):
    """A weight of one, all others nothing, leaves its own term in its own column, and nothing in the other."""
    grid = Grid(**{f"c{i}": 0.0 for i in range(1, 8)} | {weight: 1.0})
    columns = {name: np.array([sign * value]) for name, value in COLUMNS.items()}
    both = [pressure(columns, grid)[0], vacuum(columns, grid)[0]]
    assert both == ([told, 0] if weight in ("c1", "c2", "c3") else [0, told])


def test_inputs_stay_as_they_are():
    """The columns that are read are not changed."""
    columns = {name: np.full((3, 4), value) for name, value in COLUMNS.items()}
    pressure(columns, Grid())
    vacuum(columns, Grid())
    assert all((values == COLUMNS[name]).all() for name, values in columns.items())
