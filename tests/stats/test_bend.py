"""The test of a straight line against one that bends."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.stats.bend import bend_p
from fairtrial.stats.curve import sample

X = 2.0 ** np.arange(6)


def p_of(means, *, convex=False, noise=0.05, replicates=3, seed=0, x=X):
    rng = np.random.default_rng(seed)
    values = means[:, None] * (1 + noise * rng.normal(size=(len(x), replicates)))
    return bend_p(sample(x, values), values, convex=convex, rng=rng)


def test_a_plateau_bends_down_and_not_up():
    """A curve that saturates is concave and not convex; its mirror image the other way round."""
    assert p_of(np.minimum(X, 8.0)) <= 0.01
    assert p_of(np.minimum(X, 8.0), convex=True) > 0.5
    assert p_of(np.maximum(X, 8.0), convex=True) <= 0.01
    assert p_of(np.maximum(X, 8.0)) > 0.5


def test_lines_are_rejected_at_most_at_the_level():
    """Over 300 straight lines with 20 % noise at most a plausible share for 5 % is rejected."""
    rejected = sum(p_of(20 + 3 * X, noise=0.2, seed=seed) <= 0.05 for seed in range(300))
    assert rejected <= 24


def test_an_exact_line_does_not_bend():
    """Rounding of an exact line is no evidence."""
    values = np.repeat((0.1 + 0.3 * X)[:, None], 3, axis=1)
    assert bend_p(sample(X, values), values, convex=False, rng=np.random.default_rng(0)) == 1.0


def test_three_levels_cannot_bend():
    """Below four levels the answer is 1."""
    assert p_of(np.array([1.0, 2.0, 2.0]), x=X[:3]) == 1.0


def test_missing_values_are_left_out():
    """A clear bend is seen although values are missing, and a replicate without any changes nothing."""
    rng = np.random.default_rng(0)
    values = np.minimum(X, 8.0)[:, None] * (1 + 0.05 * rng.normal(size=(6, 4)))
    values[1, 0] = values[4, 2] = np.nan
    p = bend_p(sample(X, values), values, convex=False, rng=np.random.default_rng(1))
    assert p <= 0.01
    wider = np.concatenate([values, np.full((6, 1), np.nan)], axis=1)
    assert bend_p(sample(X, wider), wider, convex=False, rng=np.random.default_rng(1)) == pytest.approx(p)
