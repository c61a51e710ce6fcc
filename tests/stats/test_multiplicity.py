"""Adjusted p values: against other libraries, and against the procedures' definitions."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control
from statsmodels.stats.multitest import multipletests

from fairtrial.errors import FairtrialError
from fairtrial.stats.multiplicity import benjamini_hochberg, holm

P = st.floats(0, 1)


@given(st.lists(P, min_size=1, max_size=30))
def test_holm_is_that_of_statsmodels(p):
    """Any list of p values, ties included."""
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], rel=1e-9, abs=1e-300)


@given(st.lists(P, min_size=1, max_size=30))
def test_benjamini_hochberg_is_that_of_scipy(p):
    """Any list of p values, ties included."""
    assert benjamini_hochberg(p) == pytest.approx(false_discovery_control(p), rel=1e-9, abs=1e-300)


@given(st.lists(P, min_size=1, max_size=6), st.sampled_from([0.01, 0.05, 0.1, 0.5]))
def test_holm_rejects_what_the_closed_test_of_bonferroni_rejects(p, alpha):
    """A hypothesis falls exactly where every family that it is in has a p of at most alpha over the family's size."""

    def falls(place):
        families = (f for size in range(1, len(p) + 1) for f in combinations(range(len(p)), size) if place in f)
        return all(min(p[i] for i in family) * len(family) <= alpha for family in families)

    assert [value <= alpha for value in holm(p)] == [falls(place) for place in range(len(p))]


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
@given(p=st.lists(st.none() | P, max_size=12), seed=st.integers(0, 99))
def test_untested_ones_are_no_family_and_order_does_not_matter(adjust, p, seed):
    """None stays None without costing anything, and every p keeps its place."""
    found = adjust(p)
    assert [value is None for value in found] == [value is None for value in p]
    assert [value for value in found if value is not None] == adjust([value for value in p if value is not None])
    order = np.random.default_rng(seed).permutation(len(p))
    assert adjust([p[place] for place in order]) == [found[place] for place in order]


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_refused(bad):
    """A p outside [0, 1] is a mistake, never adjusted."""
    with pytest.raises(FairtrialError, match="between 0 and 1"):
        holm([0.5, bad])
