"""The effective size of correlated series."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.stats.effective import effective_size


def series(phi, n, seed=0):
    """Make an AR(1) series."""
    noise = np.random.default_rng(seed).normal(size=n)
    values = np.empty(n)
    values[0] = noise[0]
    for i in range(1, n):
        values[i] = phi * values[i - 1] + noise[i]
    return values


@pytest.mark.parametrize("phi", [0.3, 0.7, 0.9])
def test_of_an_autoregressive_series(phi):
    """N of AR(1) are worth n (1 - phi) / (1 + phi)."""
    found = np.mean([effective_size(series(phi, 20_000, seed)) for seed in range(5)])
    assert found == pytest.approx(20_000 * (1 - phi) / (1 + phi), rel=0.12)


def test_independent_values_count_nearly_all():
    """White noise keeps its size, and never more than that."""
    sizes = [effective_size(series(0.0, 5000, seed)) for seed in range(10)]
    assert max(sizes) <= 5000
    assert np.mean(sizes) > 4500


def test_values_that_alternate_do_not_count_more():
    """Negative correlation does not make a sample larger than it is."""
    assert effective_size(series(-0.6, 5000)) == 5000


def test_short_and_constant_series_keep_their_size():
    """Where nothing can be estimated, every value counts."""
    assert effective_size(np.ones(50)) == 50
    assert effective_size(np.arange(3.0)) == 3
    assert effective_size(np.array([])) == 0


def test_a_ramp_is_worth_little():
    """A series that only rises has hardly any independent values."""
    assert effective_size(np.arange(1000.0)) < 10
