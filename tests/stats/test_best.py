"""Which conditions may be the best: against the t test, Bonferroni's bound, and their own symmetries."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.stats.best import behind, contest, critical


def drawn(seed, count, replicates, gap=0.0):
    """Draw conditions of which the last is better by `gap` sd; seeds add the same to all."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, replicates)) + 5 * rng.normal(size=replicates)
    values[-1] += gap
    return values


@pytest.mark.parametrize("seed", range(12))
def test_two_conditions_are_told_by_the_paired_t_test(seed):
    """Exactly where the two-sided paired t test rejects, and the bound of the gap is that of the one-sided test."""
    values = drawn(seed, 2, 6, gap=1.5)
    p = scipy.stats.ttest_rel(values[1], values[0]).pvalue
    found = contest(values, alpha=0.05)
    assert found.told.any() == (p <= 0.05)
    apart = scipy.stats.ttest_1samp(values[1] - values[0], 0, alternative="less").confidence_interval(0.975)
    if not found.told.any():
        assert found.gap[0] == pytest.approx(max(apart.high, 0))


def test_unlike_noises_are_tested_pair_by_pair():
    """Where noises have nothing in common, each pair has its own variance and degrees of freedom."""
    values = np.random.default_rng(0).normal(size=(12, 4)) * 10.0 ** np.arange(-12, 12, 2)[:, None]
    far = behind(values, 0)
    assert far.se[1:] == pytest.approx((values[0] - values).std(axis=1, ddof=1)[1:] / 2)
    assert far.df[1:].tolist() == [3.0] * 11


def test_alike_noises_are_pooled():
    """Twenty conditions of three replicates know their noise nearly as well as the leader's own allows."""
    far = behind(drawn(1, 20, 3), 4)
    others = np.arange(20) != 4
    assert far.df[others] == pytest.approx(3 * 2 * 19 / 21)
    assert np.median(far.se[others]) == pytest.approx(math.sqrt(2 / 3), rel=0.5)


@given(st.integers(0, 10**6), st.integers(2, 7), st.integers(2, 6), st.floats(1e-100, 1e100))
def test_neither_units_nor_order_tell_more(seed, count, replicates, unit):
    """Scaled, shifted, reordered conditions and replicates: the same ones are told, the bounds move along."""
    values = drawn(seed, count, replicates, gap=3.0)
    found = contest(values, alpha=0.05)
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(count), rng.permutation(replicates)
    moved = contest(values[rows][:, columns] * unit, alpha=0.05)
    assert moved.told.tolist() == found.told[rows].tolist()
    assert moved.gap == pytest.approx(found.gap[rows] * unit, rel=1e-6, abs=1e-9 * unit)


@given(st.integers(0, 10**6), st.integers(2, 6), st.integers(1, 5))
def test_the_best_mean_is_never_told_and_its_bound_is_the_least(seed, count, replicates):
    """Whatever the data, the condition of the best mean stays in the set; one replicate tells nothing."""
    values = drawn(seed, count, replicates)
    found = contest(values, alpha=0.5)
    assert not found.told[np.argmax(values.mean(axis=1))]
    if replicates == 1:
        assert not found.told.any()
        assert np.isinf(found.gap).all()


def test_more_noise_free_conditions_are_exact():
    """Constant conditions: the best ones are left, equal ones stay together, their bounds are 0."""
    values = np.repeat([[1.0], [3.0], [3.0], [2.0]], 3, axis=1)
    found = contest(values, alpha=0.05)
    assert found.told.tolist() == [True, False, False, True]
    assert found.gap.tolist() == [2, 0, 0, 1]


def test_missing_replicates_are_left_out_pair_by_pair():
    """A condition that shares fewer than two replicates with the leader cannot be told; others can."""
    values = np.array([[9.0, 9.1, 9.2, 8.9], [1.0, np.nan, np.nan, np.nan], [1.0, 1.1, np.nan, np.nan], [np.nan] * 4])
    found = contest(values, alpha=0.05)
    assert found.told.tolist() == [False, False, True, False]
    assert np.isinf(found.gap[[1, 3]]).all()


def test_only_references_lead():
    """A condition that may not lead tells nobody from the best, however good it looks."""
    values = drawn(3, 4, 8, gap=20.0)
    assert contest(values, alpha=0.05).told.tolist() == [True, True, True, False]
    assert contest(values, alpha=0.05, references=np.array([True, True, True, False])).told[3] == np.False_
    assert contest(values, alpha=0.05, references=np.zeros(4, dtype=bool)).told.sum() == 0


def test_bounds_cover_the_true_gaps():
    """All bounds hold together in at least 95 % of 400 worlds, up to three standard errors."""
    truth = np.array([1.0, 1.0, 0.5, 0.0])
    missed = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        values = rng.normal(size=(4, 5)) - truth[:, None] + rng.normal(size=5)
        missed += bool((contest(values, alpha=0.05).gap < truth - 1e-12).any())
    assert missed / 400 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


def test_too_many_left_have_no_bounds():
    """Thousands of conditions that cannot be told apart: the set is given, bounds are not."""
    found = contest(drawn(0, 4000, 2), alpha=0.05)
    assert found.gap is None


def test_critical_values_are_students():
    """One-sided bounds by degrees of freedom, infinite without any."""
    found = critical(np.array([4.0, 0.0, 7.5]), 0.01)
    assert found == pytest.approx([scipy.stats.t.isf(0.01, 4), math.inf, scipy.stats.t.isf(0.01, 7.5)])
