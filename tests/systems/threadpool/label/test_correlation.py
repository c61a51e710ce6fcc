"""Spearman's correlations: the values of scipy, intervals that hold the truth, p values that keep their rate."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from fairtrial.stats.interval import rate_interval
from fairtrial.systems.threadpool.label.correlation import correlations, spearman
from fairtrial.systems.threadpool.telemetry.schema import NAMES


def study(made, features):
    return made(np.zeros((len(features), 2, 2)), features=features)


def test_values_are_those_of_scipy(made):
    """Ties get their mean rank, rows in which one is undefined do not count."""
    rng = np.random.default_rng(0)
    features = rng.integers(0, 6, (80, 10)).astype(float)
    features[::9, 3] = np.nan
    label = rng.choice([1.0, 2.0, 64.0, np.nan], 80)
    for at, one in enumerate(correlations(study(made, features), label, repeats=50)):
        known = np.isfinite(features[:, at]) & np.isfinite(label)
        assert one.rho == pytest.approx(spearmanr(features[known, at], label[known])[0])
        assert (one.feature, one.rows) == (NAMES[at], known.sum())


def test_weights_are_repeats():
    """A value that is there twice counts as two values."""
    rng = np.random.default_rng(1)
    x, y, weights = rng.integers(0, 5, 30).astype(float), rng.normal(size=30), rng.integers(0, 4, (6, 30))
    for found, weight in zip(spearman(x, y, weights), weights, strict=True):
        assert found == pytest.approx(spearmanr(np.repeat(x, weight), np.repeat(y, weight))[0])


def test_constant(made):
    """What does not vary has no correlation and no p, and is not in the family of tests."""
    features = np.random.default_rng(2).normal(size=(40, 10))
    features[:, 0] = 7.0
    found = correlations(study(made, features), np.arange(40.0), repeats=100)
    assert (np.isnan(found[0].rho), found[0].p, found[0].adjusted) == (True, None, None)
    assert all(one.adjusted is not None and one.adjusted >= one.p for one in found[1:])
    assert all(np.isnan(one.rho) for one in correlations(study(made, features), np.full(40, 8.0), repeats=100))


def test_found(made):
    """A feature that goes with the label is found whatever its scale; the interval holds its correlation."""
    rng = np.random.default_rng(3)
    label = 2.0 ** rng.integers(0, 7, 300)
    features = rng.normal(size=(300, 10))
    features[:, 4] = np.exp(-np.log2(label) - 0.5 * rng.normal(size=300))
    found = correlations(study(made, features), label, repeats=500)[4]
    assert -1 <= found.low < found.rho < found.high < -0.8
    assert found.adjusted < 0.05


def test_null(made):
    """Of features that have nothing to do with the label 5 % of studies find any at most; 95 % of intervals hold 0."""
    rng, any_found, held = np.random.default_rng(4), 0, 0
    for _ in range(100):
        found = correlations(study(made, rng.normal(size=(60, 10))), 2.0 ** rng.integers(0, 7, 60), repeats=199)
        any_found += any(one.adjusted < 0.05 for one in found)
        held += sum(one.low <= 0 <= one.high for one in found)
    assert rate_interval(any_found, 100)[0] <= 0.05
    assert rate_interval(held, 1000)[1] >= 0.94
