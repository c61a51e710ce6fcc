"""Which sizes are preferred: told apart by paired replicates, or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.threadpool.weights.preference import preferences

ALL = np.ones((1, 2), dtype=bool)


def p95(*sizes):
    return np.array([sizes], dtype=float)


def pairs(found):
    return list(zip(found.row.tolist(), found.better.tolist(), found.worse.tolist(), strict=True))


def test_the_lower_p95_is_better():
    """Paired over replicates: what a replicate does to both sizes does not count."""
    found = preferences(p95([1.0, 2.0, 4.0, 8.0], [1.1, 2.21, 4.39, 8.8]), ALL, alpha=0.05)
    assert pairs(found) == [(0, 0, 1)]
    assert (found.rows, found.compared, len(found)) == (1, 1, 1)
    assert pairs(preferences(p95([2.0, 2.1, 2.2], [1.0, 1.1, 1.1]), ALL, alpha=0.05)) == [(0, 1, 0)]


def test_what_is_not_told_apart_counts_for_nothing():
    """Noise, equal values, one replicate."""
    for sizes in (([1.0, 2.0, 3.0], [1.1, 1.9, 3.05]), ([1.0, 2.0], [1.0, 2.0])):
        found = preferences(p95(*sizes), ALL, alpha=0.05)
        assert (len(found), found.compared) == (0, 1)
    found = preferences(p95([1.0, np.nan], [5.0, 6.0]), ALL, alpha=0.05)
    assert (len(found), found.compared) == (0, 0)


def test_exactly_the_same_difference_is_told():
    """A difference without noise is a difference."""
    assert pairs(preferences(p95([1.0, 2.0], [2.0, 4.0]), ALL, alpha=0.05)) == [(0, 0, 1)]


def test_unstable_sizes_have_no_p95():
    """They are compared only where that is asked for, and then they are worse; two of them are not compared."""
    values, stable = p95([1.0, 1.1], [np.nan] * 2, [np.nan] * 2), np.array([[True, False, False]])
    assert pairs(preferences(values, stable, alpha=0.05)) == []
    assert pairs(preferences(values, stable, alpha=0.05, unstable=True)) == [(0, 0, 1), (0, 0, 2)]


def test_level():
    """Sizes that differ by noise are told apart in a share alpha of the pairs."""
    values = np.exp(np.random.default_rng(0).normal(size=(4000, 3, 5)))
    found = preferences(values, np.ones((4000, 3), dtype=bool), alpha=0.05)
    assert found.compared == 12_000
    assert len(found) / 12_000 == pytest.approx(0.05, abs=0.008)


def test_differences_are_of_the_worse_less_the_better():
    """Terms of a cost: positive where the better size costs less."""
    found = preferences(p95([2.0, 2.1, 2.2], [1.0, 1.1, 1.1]), ALL, alpha=0.05)
    terms = np.array([[[10.0, 1.0], [3.0, 4.0]]])
    assert found.differences(terms).tolist() == [[7.0, -3.0]]
