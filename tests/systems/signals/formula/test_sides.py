"""Which cells are whose."""

from __future__ import annotations

import numpy as np

from fairtrial.systems.signals.formula.sides import BANDS, above, below, inverse, lean
from fairtrial.systems.signals.record import LEVELS, REACH

CELLS = np.arange(-REACH, REACH + 1.0)


def test_sides_begin_at_the_spot():
    """Cells of a side come nearest first, of one bin and of many; all 50 of a side may be taken."""
    assert below(CELLS, 1, 3).tolist() == [-1, -2, -3]
    assert above(CELLS, 4, 6).tolist() == [4, 5, 6]
    assert below(CELLS, 1, 50)[-1] == -50
    assert above(CELLS, 1, 50)[-1] == 50
    assert below(np.stack([CELLS, 2 * CELLS]), 50, 50).tolist() == [[-50], [-100]]


def test_bands_touch():
    """Inner, mid and outer band are cells 1-3, 4-11 and 12-23."""
    assert BANDS == ((1, 3), (4, 11), (12, 23))


def test_lean_is_below_less_above():
    """Weights belong to distances, from the first on; the spot's own cell counts nowhere."""
    x = np.zeros(LEVELS)
    x[REACH], x[REACH - 1], x[REACH + 2] = 100, 3, 5
    assert lean(x, np.array([1.0, 10.0])) == 3 - 50
    assert lean(x, np.array([10.0]), first=2) == -50
    assert lean(np.stack([x, -x]), np.array([1.0, 10.0])).tolist() == [-47, 47]


def test_inverse_weights():
    """A cell k away weighs 1/k, all together 1."""
    np.testing.assert_allclose(inverse(3), np.array([6, 3, 2]) / 11)
