"""msd against sums by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.signals.formula.msd import Msd, MsdParameters, divergence
from fairtrial.systems.signals.record import LEVELS, REACH


@pytest.mark.parametrize(
    ("variant", "wanted"), [("weighted", 8 / 1 + 6 / 50 - 3 / 2 - 10 / 50), ("plain", 8 + 6 - 3 - 10)]
)
def test_by_hand(variant, wanted):
    """Vacuum above counts for a rise, below for a fall, over its distance or as it is; the spot for none."""
    row = np.zeros(LEVELS)
    row[REACH + 1], row[REACH + 50], row[REACH - 2], row[REACH - 50], row[REACH] = 8, 6, 3, 10, 1000
    found = divergence({"vacuum_variant": row}, MsdParameters(variant=variant))
    assert found.tolist() == [pytest.approx(wanted, rel=1e-14)]


def test_there_is_no_warm_up(noise):
    """Every bin with a valid book has a value of its own, every other has none."""
    market = noise(50, Msd.columns, invalid=0.2)
    found = Msd().batch(market, MsdParameters(), seed=0)
    np.testing.assert_array_equal(np.isfinite(found), market.bins.book_valid)
    alone = Msd().batch(market.cut(20, 30), MsdParameters(), seed=0)
    np.testing.assert_array_equal(alone, found[20:30])


def test_thresholds_adapt():
    """Thresholds are quantiles of |value|, without 0, each once."""
    values = np.concatenate((np.linspace(-1, 1, 2001), [np.float64(0)] * 1))
    assert Msd().thresholds(values) == pytest.approx((0.5, 0.7, 0.8, 0.9, 0.95, 0.99), abs=1e-3)
    assert Msd().thresholds(np.ones(10)) == (1.0,)
    assert Msd().thresholds(np.zeros(10)) == ()
