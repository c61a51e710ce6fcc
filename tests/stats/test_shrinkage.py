"""Shrinkage: nearer to the truth than the raw means, and raw where noise is none or unknown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.stats.shrinkage import noise_of_means, shrunken


def test_shrunken_means_are_nearer_to_the_truth():
    """Over 200 worlds of 20 conditions the squared error falls, and so does by how much the best is too good."""
    rng = np.random.default_rng(0)
    raw_error, error, raw_curse, curse = [], [], [], []
    for _ in range(200):
        truth = rng.normal(0, 1, 20)
        values = truth[:, None] + rng.normal(0, 2, (20, 4)) + rng.normal(0, 3, 4)
        values -= (values - truth[:, None]).mean()  # what a seed does to all is no error of theirs
        mean = values.mean(axis=1)
        drawn = shrunken(mean, noise_of_means(values))
        best = int(np.argmax(mean))
        raw_error.append(((mean - truth) ** 2).sum())
        error.append(((drawn - truth) ** 2).sum())
        raw_curse.append(mean[best] - truth[best])
        curse.append(drawn[best] - truth[best])
    assert np.mean(error) < 0.65 * np.mean(raw_error)
    assert np.mean(raw_curse) > 0.7
    assert abs(np.mean(curse)) < 0.35 * np.mean(raw_curse)


def test_equal_conditions_are_drawn_together():
    """Where the means differ by less than their noise makes, little is left of the differences."""
    mean = np.random.default_rng(1).normal(0, 1, 200)
    drawn = shrunken(mean, np.full(200, 1.2))
    assert np.ptp(drawn) < 0.02 * np.ptp(mean)


@given(st.lists(st.integers(-100, 100), min_size=1, max_size=12), st.floats(1e-50, 1e50), st.integers(0, 99))
def test_shrunken_means_lie_between_and_know_no_units(mean, unit, seed):
    """Each lies between its raw mean and the others; scaling and reordering move along."""
    column = np.asarray(mean, dtype=float)
    noise = np.random.default_rng(seed).exponential(size=len(column))
    drawn = shrunken(column, noise)
    assert (drawn >= column.min() - 1e-9).all()
    assert (drawn <= column.max() + 1e-9).all()
    order = np.random.default_rng(seed).permutation(len(column))
    moved = shrunken(column[order] * unit, noise[order] * unit**2)
    assert moved == pytest.approx(drawn[order] * unit, rel=1e-6, abs=1e-9 * unit)


def test_without_noise_or_with_three_conditions_means_stay():
    """Nothing to borrow, or nothing to correct."""
    mean = np.array([1.0, 2.0, 5.0, 9.0])
    assert shrunken(mean, np.zeros(4)).tolist() == mean.tolist()
    assert shrunken(mean[:3], np.ones(3)).tolist() == mean[:3].tolist()


def test_what_a_seed_does_to_all_is_no_noise():
    """Large common effects of the replicates leave the noise of the means as it is."""
    rng = np.random.default_rng(2)
    own = rng.normal(0, 1, (30, 5))
    shifted = noise_of_means(own + 100 * rng.normal(size=5))
    assert shifted == pytest.approx(noise_of_means(own), rel=1e-6)
    assert np.median(shifted) == pytest.approx(1 / 5, rel=0.3)


def test_one_value_has_no_known_noise():
    """NaN where a condition was measured once."""
    noise = noise_of_means(np.array([[1.0, np.nan], [1.0, 2.0], [1.0, 4.0]]))
    assert np.isnan(noise[0])
    assert np.isfinite(noise[1:]).all()
