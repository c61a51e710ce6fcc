"""Resampling: streams, exact permutation p values, bootstrap intervals against scipy."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.errors import FairtrialError
from fairtrial.stats.resample import bca, generator, percentile, permutation_p, reaches, sign_flip, signs

NUMBERS = st.integers(-20, 20).map(lambda number: number / 8)


def test_a_stream_is_its_seed_and_names():
    """The same name gives the same numbers, another name or seed gives others."""
    first = generator(0, "optimum", "loss").random(4)
    assert first.tolist() == generator(0, "optimum", "loss").random(4).tolist()
    assert first[0] == pytest.approx(0.44349312161123466)
    for other in (generator(1, "optimum", "loss"), generator(0, "optimumloss"), generator(0, "optimum")):
        assert other.random() != first[0]


@given(st.lists(NUMBERS, min_size=1, max_size=8))
def test_sign_flip_counts_every_assignment_of_signs(d):
    """Exactly the share of the 2^n sign vectors whose sum is at least the observed one."""
    sums = [sum(sign * value for sign, value in zip(row, d, strict=True)) for row in product((1, -1), repeat=len(d))]
    expected = sum(total >= sum(d) for total in sums) / len(sums)
    assert sign_flip(d, rng=generator(0)) == expected


def test_sign_flip_is_that_of_scipy():
    """The exact p of scipy's permutation test of pairs."""
    d = np.random.default_rng(3).normal(0.4, 1, 9)
    reference = scipy.stats.permutation_test((d,), np.mean, permutation_type="samples", alternative="greater")
    assert sign_flip(d, rng=generator(0)) == pytest.approx(reference.pvalue)


@given(st.lists(NUMBERS, min_size=1, max_size=18), st.floats(1e-6, 1e6), st.integers(0, 99))
def test_sign_flip_knows_neither_units_nor_order(d, unit, seed):
    """A change of units or of the order of pairs moves no p, ties of rounded numbers included."""
    order = np.random.default_rng(seed).permutation(len(d))
    moved = np.asarray(d)[order] * unit
    assert sign_flip(moved, repeats=999, rng=generator(1)) == sign_flip(d, repeats=999, rng=generator(1))


def test_many_pairs_are_sampled_and_the_p_is_never_zero():
    """Where 2^n is too many the observed assignment counts as one of the sampled."""
    assert sign_flip(np.arange(1, 41), repeats=999, rng=generator(0)) == 1 / 1000
    d = np.random.default_rng(5).normal(0.2, 1, 14)
    exact = sign_flip(d, repeats=2**14, rng=generator(0))
    assert sign_flip(d, repeats=9999, rng=generator(0)) == pytest.approx(exact, abs=0.02)


def test_no_evidence_is_a_p_of_one_and_nothing_undefined_is_taken():
    """No pairs, or pairs without any difference, show nothing."""
    assert sign_flip([], rng=generator(0)) == 1
    assert sign_flip([0.0, 0.0, 0.0], rng=generator(0)) == 1
    with pytest.raises(FairtrialError, match="not finite"):
        sign_flip([1.0, np.nan], rng=generator(0))


def test_all_signs_once():
    """Every vector of three signs, the observed one first."""
    assert sorted(map(tuple, signs(3).tolist())) == sorted(product((1.0, -1.0), repeat=3))
    assert signs(3)[0].tolist() == [1, 1, 1]


def test_reaching_bears_rounding_and_nothing_more():
    """0.1 + 0.2 reaches 0.3 and the other way round; undefined statistics and infinite ones are on the safe side."""
    assert reaches([0.3, 0.1 + 0.2, 0.2999, np.nan], 0.1 + 0.2).tolist() == [True, True, False, True]
    assert reaches([1e300, np.inf], np.inf).tolist() == [False, True]
    assert reaches([-1e-17, -1e-3], 0.0, scale=1.0).tolist() == [True, False]
    assert permutation_p([1.0, 2.0, 3.0], 3.0) == 0.5


def test_percentile_cuts_as_many_draws_off_on_either_side():
    """Of 999 draws the 25th from below and the 25th from above; a mirrored sample has the mirrored interval."""
    draws = np.random.default_rng(0).permutation(np.arange(1.0, 1000.0))
    assert percentile(draws, 0.95) == (25, 975)
    assert percentile(-draws, 0.95) == (-975, -25)
    assert percentile(np.arange(1.0, 201.0), 0.95) == (5, 196)
    assert percentile([1.0, 2.0, np.inf], 0.5) == (1, np.inf)
    assert percentile([7.0], 0.95) == (7, 7)


@pytest.mark.parametrize("values", [[], [1.0, np.nan]])
def test_no_interval_from_undefined_draws(values):
    """An undefined draw is refused: dropping it would flatter."""
    with pytest.raises(FairtrialError, match="undefined"):
        percentile(values, 0.95)


@pytest.mark.parametrize("statistic", [np.mean, np.median, np.std])
def test_bca_is_that_of_scipy(statistic):
    """The ends from scipy's own bootstrap draws of a skewed sample, up to the spacing of the draws."""
    sample = np.random.default_rng(1).exponential(2.0, 40)
    reference = scipy.stats.bootstrap((sample,), statistic, n_resamples=9999, rng=np.random.default_rng(2))
    jackknife = [statistic(np.delete(sample, place)) for place in range(len(sample))]
    found = bca(reference.bootstrap_distribution, statistic(sample), jackknife, 0.95)
    assert found == pytest.approx(tuple(reference.confidence_interval), rel=5e-3)


def test_bca_of_what_does_not_vary_is_a_point():
    """Constant draws give the constant."""
    assert bca([2.0] * 99, 2.0, [2.0] * 5, 0.95) == (2, 2)
