"""Variances that borrow from each other: what they have in common is found again, and rounding is no spread."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import polygamma

from fairtrial.stats.moderation import _inverse_trigamma, magnitudes, moderated, moderation, spreads


def test_a_planted_prior_is_found():
    """Of 20,000 variances drawn from a scaled inverse chi square with 8 degrees of freedom around 2."""
    rng = np.random.default_rng(0)
    true = 2.0 * 8 / rng.chisquare(8, 20_000)
    df = np.full(20_000, 4.0)
    found = moderation(true * rng.chisquare(4, 20_000) / 4, df)
    assert found == pytest.approx((8, 2), rel=0.1)


def test_alike_variances_are_pooled():
    """Where they differ by less than chance alone makes, all have their pooled value."""
    variance, df = np.array([1.0, 1.1, 0.9, 1.0]), np.array([4.0, 4.0, 4.0, 8.0])
    assert moderation(variance, df) == (math.inf, pytest.approx((4 + 4.4 + 3.6 + 8) / 20))
    drawn, prior_df = moderated(variance, df, np.ones(4, dtype=bool))
    assert (prior_df, drawn.tolist()) == (math.inf, [1.0] * 4)


def test_unlike_variances_keep_their_own():
    """Variances over twelve orders of magnitude have nothing in common worth borrowing."""
    variance, df = 10.0 ** np.arange(-6, 7), np.full(13, 5.0)
    drawn, prior_df = moderated(variance, df, np.ones(13, dtype=bool))
    assert (prior_df, drawn.tolist()) == (0, variance.tolist())


@pytest.mark.parametrize("variance", [[], [2.0], [0.0, 0.0], [0.0, 3.0]])
def test_too_few_variances_have_nothing_in_common(variance):
    """One variance, or none above 0, is kept as it is."""
    column = np.asarray(variance, dtype=float)
    df = np.full(len(column), 3.0)
    assert moderation(column, df) == (0, 0)
    assert moderated(column, df, np.ones(len(column), dtype=bool))[0].tolist() == variance


@pytest.mark.parametrize("value", [1e-6, 0.1, 1.0, 5.0, 1e4])
def test_the_inverse_of_trigamma(value):
    """Trigamma of it is the value."""
    assert float(polygamma(1, _inverse_trigamma(value))) == pytest.approx(value, rel=1e-8)


def test_rounding_is_no_spread():
    """Differences of 0.1 that are the same but for rounding have variance 0; missing values are left out."""
    rows = np.array([[0.3 - 0.2, 0.1, 1.1 - 1.0], [1.0, 2.0, np.nan], [np.nan] * 3, [5.0, np.nan, np.nan]])
    n, mean, variance = spreads(rows, np.array([1.1, 2.0, 0.0, 5.0]))
    assert n.tolist() == [3, 2, 0, 1]
    assert mean == pytest.approx([0.1, 1.5, 0, 5])
    assert variance.tolist() == [0, 0.5, 0, 0]
    assert magnitudes(-rows).tolist() == pytest.approx([0.1, 2, 0, 5])
