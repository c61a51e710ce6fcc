"""Intervals: against scipy.stats, and their coverage by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from fairtrial.errors import FairtrialError
from fairtrial.stats.interval import rate_interval, t_half_width, t_interval


@pytest.mark.parametrize("n", [2, 3, 5, 30, 1000])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
def test_t_interval_is_that_of_scipy(n, level):
    """The interval equals scipy's for every size and level."""
    values = np.random.default_rng(0).normal(3, 2, n)
    expected = scipy.stats.t.interval(level, n - 1, loc=values.mean(), scale=values.std(ddof=1) / math.sqrt(n))
    assert t_interval(values.tolist(), level) == pytest.approx(expected, rel=1e-10)


def test_too_few_values_have_no_interval():
    """One value says nothing about noise."""
    assert t_interval([]) is None
    assert t_interval([1.0]) is None


def test_equal_values_have_an_interval_without_width():
    """A sample without any spread has the interval of its one value."""
    assert t_interval([2.5, 2.5, 2.5]) == (2.5, 2.5)


@pytest.mark.parametrize("level", [0.0, 1.0, 95, math.nan])
def test_a_level_outside_the_open_unit_interval_is_refused(level):
    """95 is a common slip for 0.95."""
    with pytest.raises(FairtrialError, match="between 0 and 1"):
        t_interval([1.0, 2.0], level)


@pytest.mark.parametrize(("n", "level"), [(2, 0.95), (3, 0.95), (5, 0.9), (10, 0.99)])
def test_t_interval_covers_the_mean_as_often_as_it_says(n, level):
    """Over 10,000 normal samples the misses are consistent with 1 - level (Clopper and Pearson, 99.9 %)."""
    repeats, mean = 10_000, 7.0
    samples = np.random.default_rng(0).normal(mean, 3, (repeats, n))
    half = t_half_width(samples.std(axis=1, ddof=1), np.full(repeats, n), level)
    misses = int((np.abs(samples.mean(axis=1) - mean) > half).sum())
    low, high = rate_interval(misses, repeats, 0.999)
    assert low <= 1 - level <= high


def test_half_widths_are_those_of_single_samples():
    """The array form agrees with the scalar form, and has NaN below two values."""
    rng = np.random.default_rng(0)
    samples = [rng.normal(size=n) for n in (2, 7, 3, 7)]
    half = t_half_width([s.std(ddof=1) for s in samples] + [1.0], [len(s) for s in samples] + [1])
    for sample, width in zip(samples, half[:-1], strict=True):
        low, high = t_interval(sample.tolist())
        assert (high - low) / 2 == pytest.approx(width)
    assert math.isnan(half[-1])


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (3, 10), (50, 1000), (1, 1)])
def test_rate_interval_is_that_of_scipy(successes, trials):
    """The interval equals scipy's exact one, ends included."""
    expected = scipy.stats.binomtest(successes, trials).proportion_ci(0.95, method="exact")
    assert rate_interval(successes, trials) == pytest.approx((expected.low, expected.high), rel=1e-9)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.5, 0.97])
def test_rate_interval_covers_at_least_as_often_as_it_says(rate):
    """Its coverage, summed exactly over the binomial distribution, is never below the level."""
    trials = 60
    inside = [k for k in range(trials + 1) if rate_interval(k, trials)[0] <= rate <= rate_interval(k, trials)[1]]
    assert scipy.stats.binom.pmf(inside, trials, rate).sum() >= 0.95


@pytest.mark.parametrize(("successes", "trials"), [(1, 0), (-1, 5), (6, 5), (0, 0)])
def test_an_impossible_rate_is_refused(successes, trials):
    """More successes than trials, or no trials, is no rate."""
    with pytest.raises(FairtrialError):
        rate_interval(successes, trials)
