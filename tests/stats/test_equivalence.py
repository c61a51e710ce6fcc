"""Equivalence: against statsmodels, and never from too little data."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.weightstats import DescrStatsW, ttost_ind

from fairtrial.errors import FairtrialError
from fairtrial.stats.difference import paired, welch
from fairtrial.stats.equivalence import tost


@pytest.mark.parametrize("margin", [0.2, 0.5, 1.5])
def test_tost_is_that_of_statsmodels(margin):
    """Two independent samples, and pairs."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.1, 1, 15), rng.normal(0, 0.7, 11)
    assert tost(welch(a, b, 0.95), margin) == pytest.approx(ttost_ind(a, b, -margin, margin, usevar="unequal")[0])
    assert tost(paired(a, 0.95), margin) == pytest.approx(DescrStatsW(a).ttost_mean(-margin, margin)[0])


def test_one_value_shows_no_equivalence():
    """Too little data never shows that something is small."""
    assert tost(paired([0.0], 0.95), 100.0) == 1


def test_values_without_spread_are_within_or_not():
    """A constant difference is compared as it is; on the margin it is not within."""
    constant = paired([0.5, 0.5, 0.5], 0.95)
    assert [tost(constant, margin) for margin in (0.6, 0.5, 0.4)] == [0, 1, 1]


@pytest.mark.parametrize("margin", [0.0, -1.0, float("nan")])
def test_a_margin_is_above_zero(margin):
    """Nothing lies within nothing."""
    with pytest.raises(FairtrialError, match="above 0"):
        tost(paired([1.0, 2.0], 0.95), margin)
