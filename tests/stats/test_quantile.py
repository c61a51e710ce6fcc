"""Quantiles with values beyond, and intervals of ranks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.stats.quantile import least, quantiles, rank_interval

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


@pytest.mark.parametrize(("p", "n"), [(0.5, 20), (0.9, 100), (0.95, 200), (0.99, 1000), (0.999, 10_000)])
def test_ten_values_must_lie_beyond(p, n):
    """The least sample is the one that leaves ten values beyond, without error of rounding."""
    assert least(p) == n


@given(VALUES, st.floats(0, 1))
def test_without_values_beyond_it_is_numpys(values, p):
    """Linear interpolation is numpy's default, to the last digits."""
    ordered = np.sort(values)
    assert quantiles(ordered, [p])[0] == pytest.approx(float(np.quantile(ordered, p)), rel=1e-12, abs=1e-9)


@given(VALUES, st.integers(0, 30), st.floats(0, 1))
def test_values_beyond_count_as_larger_than_any(values, above, p):
    """With unknown long values the quantile is that of the sample with them far out, or it is inf."""
    ordered = np.sort(values)
    near, far = (float(np.quantile(np.concatenate([ordered, np.full(above, value)]), p)) for value in (1e7, 2e7))
    found = quantiles(ordered, [p], above=above)[0]
    if math.isinf(found):
        assert math.ceil(p * (len(values) + above - 1)) >= len(values)
    else:
        assert found == pytest.approx(near, rel=1e-12, abs=1e-9) == far


@given(VALUES, st.integers(1, 30), st.floats(0, 1))
def test_more_beyond_never_lowers_a_quantile(values, above, p):
    """What never ended only makes things worse."""
    ordered = np.sort(values)
    assert quantiles(ordered, [p], above=above)[0] >= quantiles(ordered, [p])[0] - 1e-9


def test_nothing_has_no_quantile():
    """An empty sample has NaN; one of values beyond alone has inf."""
    assert math.isnan(quantiles(np.array([]), [0.5])[0])
    assert quantiles(np.array([]), [0.5], above=3) == [math.inf]


def test_ranks_are_those_of_the_binomial_distribution():
    """For the median of 100 the ranks are 40 and 61; for p99 of 100 there is no upper one."""
    assert rank_interval(0.5, 100) == (0.40, 0.61)
    low, high = rank_interval(0.99, 100)
    assert low == 0.97
    assert high == math.inf


def test_intervals_cover():
    """The interval of ranks holds the true quantile at least as often as promised, not much more."""
    rng = np.random.default_rng(0)
    ordered = np.sort(rng.random((2000, 400)), axis=1)
    low, high = rank_interval(0.9, 400)
    inside = (ordered[:, round(low * 400) - 1] <= 0.9) & (ordered[:, round(high * 400) - 1] >= 0.9)
    assert 0.945 <= inside.mean() <= 0.975


def test_large_samples_are_quick_and_close():
    """For a million values the ranks are those of the normal approximation."""
    low, high = rank_interval(0.99, 10**6)
    half = 1.96 * math.sqrt(0.99 * 0.01 / 10**6)
    assert low == pytest.approx(0.99 - half, abs=3e-6)
    assert high == pytest.approx(0.99 + half, abs=3e-6)
