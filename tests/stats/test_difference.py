"""Differences of two samples: against scipy, and where too little is known."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from scikit_posthocs import posthoc_ttest

from fairtrial.stats.difference import cliffs_delta, hedges_g, one_sided, paired, superiority, welch
from fairtrial.stats.multiplicity import holm

SAMPLE = st.lists(st.integers(-50, 50).map(lambda number: number / 8), min_size=2, max_size=12)


@given(SAMPLE, SAMPLE, st.sampled_from([0.8, 0.95, 0.99]))
def test_welch_is_that_of_scipy(a, b, level):
    """Estimate, interval, degrees of freedom and p of any two samples that vary."""
    if len(set(a)) == 1 or len(set(b)) == 1:
        return  # scipy warns of a sample that does not vary
    found, reference = welch(a, b, level), scipy.stats.ttest_ind(a, b, equal_var=False)
    interval = reference.confidence_interval(level)
    assert found.estimate == pytest.approx(np.mean(a) - np.mean(b), abs=1e-12)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9, abs=1e-9)
    assert (found.df, found.p_two_sided) == pytest.approx((reference.df, reference.pvalue), rel=1e-9)


@given(SAMPLE)
def test_paired_is_that_of_scipy(d):
    """Estimate, interval and p of any differences that vary."""
    if len(set(d)) == 1:
        return
    found, reference = paired(d, 0.9), scipy.stats.ttest_1samp(d, 0)
    interval = reference.confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9, abs=1e-9)
    assert (found.df, found.p_two_sided) == pytest.approx((reference.df, reference.pvalue), rel=1e-9)


@pytest.mark.parametrize("margin", [-1.0, 0.0, 0.3])
def test_one_sided_is_that_of_scipy(margin):
    """The p of being above a margin."""
    d = np.random.default_rng(0).normal(0.3, 1, 12)
    reference = scipy.stats.ttest_1samp(d, margin, alternative="greater")
    assert one_sided(paired(d, 0.95), margin) == pytest.approx(reference.pvalue)


@pytest.mark.parametrize("found", [welch([1.0], [2.0, 3.0], 0.95), paired([1.0], 0.95), paired([], 0.95)])
def test_too_few_values_show_nothing(found):
    """One value has no spread: the interval is infinite and no test rejects."""
    assert (found.low, found.high, found.p_two_sided) == (-math.inf, math.inf, 1)
    assert one_sided(found, -1e9) == 1


def test_what_does_not_vary_is_exact():
    """Constant samples differ or they do not."""
    apart, same = welch([3.0, 3.0], [1.0, 1.0], 0.95), paired([0.0, 0.0, 0.0], 0.95)
    assert (apart.low, apart.high, apart.p_two_sided, one_sided(apart, 1.9)) == (2, 2, 0, 0)
    assert (one_sided(apart, 2.0), same.p_two_sided, one_sided(same, 0.0)) == (1, 1, 1)


@given(SAMPLE, SAMPLE, st.floats(1e-100, 1e100))
def test_units_change_no_p(a, b, unit):
    """Scaling both samples scales the difference and nothing else."""
    found, scaled = welch(a, b, 0.95), welch([x * unit for x in a], [x * unit for x in b], 0.95)
    assert scaled.p_two_sided == pytest.approx(found.p_two_sided, rel=1e-6, abs=1e-12)
    assert scaled.low == pytest.approx(found.low * unit, rel=1e-6, abs=1e-9 * unit)


def test_hedges_g_is_the_corrected_standardised_difference():
    """Cohen's d by its definition, with the exact factor, which is near 1 - 3 / (4 df - 1)."""
    rng = np.random.default_rng(2)
    a, b = rng.normal(1, 2, 7), rng.normal(0, 2, 9)
    pooled = math.sqrt((6 * a.var(ddof=1) + 8 * b.var(ddof=1)) / 14)
    assert hedges_g(a, b) == pytest.approx((a.mean() - b.mean()) / pooled * (1 - 3 / (4 * 14 - 1)), rel=1e-3)
    assert hedges_g([1.0, 1.0], [2.0, 2.0]) is None
    assert hedges_g([1.0], [2.0, 3.0]) is None


def test_hedges_g_is_unbiased():
    """Over many small samples its mean is the true standardised difference; without the factor it is a fifth more."""
    rng = np.random.default_rng(4)
    drawn = [hedges_g(rng.normal(1, 1, 3), rng.normal(0, 1, 3)) for _ in range(4000)]
    assert np.mean(drawn) == pytest.approx(1, abs=3 * np.std(drawn) / math.sqrt(len(drawn)))


@given(SAMPLE, SAMPLE)
def test_superiority_is_the_share_of_pairs(a, b):
    """Pairs won, ties counted half: the Mann-Whitney statistic over all pairs."""
    won = np.subtract.outer(a, b)
    assert superiority(a, b) == pytest.approx((np.sum(won > 0) + 0.5 * np.sum(won == 0)) / won.size)
    assert superiority(a, b) == pytest.approx(scipy.stats.mannwhitneyu(a, b).statistic / won.size)
    assert cliffs_delta(a, b) == pytest.approx((np.sum(won > 0) - np.sum(won < 0)) / won.size)


def test_no_dominance_over_nothing():
    """An empty sample dominates nothing and is not dominated."""
    assert superiority([], [1.0]) is None
    assert cliffs_delta([1.0], []) is None


def test_pairwise_welch_tests_under_holm_are_those_of_scikit_posthocs():
    """Every pair of five samples of different sizes and spreads: p values and their correction."""
    rng = np.random.default_rng(0)
    samples = [rng.normal(0.5 * place, 1 + place, 4 + 2 * place) for place in range(5)]
    pairs = list(combinations(range(5), 2))
    ours = holm([welch(samples[one], samples[other]).p_two_sided for one, other in pairs])
    theirs = posthoc_ttest(samples, equal_var=False, p_adjust="holm").to_numpy()
    assert ours == pytest.approx([theirs[pair] for pair in pairs], rel=1e-9)
