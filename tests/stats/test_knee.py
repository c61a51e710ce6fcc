"""Marks of curves, and the bootstrap behind their intervals."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.stats import curve
from fairtrial.stats.curve import fit, sample
from fairtrial.stats.knee import bootstrap, marks, redrawn, resampled

X = 2.0 ** np.arange(6)


def test_marks_of_the_law():
    """A Universal Scalability Law has its peak at sqrt((1 - sigma) / kappa) and its capacity there."""
    sigma, kappa, slope = 0.05, 0.004, 100.0
    values = np.repeat((slope * X / (1 + sigma * (X - 1) + kappa * X * (X - 1)))[:, None], 3, axis=1)
    found = fit(curve.LAW, sample(X, values))
    place = marks(found.family, np.array([found.shape]), np.array([found.coefficients]), X.max())
    peak = np.sqrt((1 - sigma) / kappa)
    assert place.peak[0] == pytest.approx(peak, rel=1e-3)
    assert place.capacity[0] == pytest.approx(
        slope * peak / (1 + sigma * (peak - 1) + kappa * peak * (peak - 1)), rel=1e-4
    )


def test_marks_of_a_break():
    """A break's capacity is the height there, and what follows is told as a share of it."""
    shapes, coefficients = np.array([[0.25]]), np.array([[2.0, 40.0, 8.0]])
    place = marks(curve.BEND, shapes, coefficients, 32.0)
    assert (place.knee[0], place.capacity[0]) == (8.0, 12.0)
    assert place.gain[0] == pytest.approx(8.0 * 0.75 / 12.0)
    flat = marks(curve.FLAT, np.empty((1, 0)), np.array([[3.0]]), 32.0)
    assert np.isnan(flat.knee[0])


def spread(values, rng):
    drawn = redrawn(sample(X, values), values, rng)
    return drawn.std(axis=0), drawn.mean(axis=1).std()


def test_draws_vary_as_means_do():
    """With many replicates the drawn means scatter as the standard error says, alone and all together."""
    rng = np.random.default_rng(0)
    values = 100 + rng.normal(size=(6, 60))
    each, together = spread(values, rng)
    assert each == pytest.approx(np.full(6, 1 / np.sqrt(60)), rel=0.35)
    assert together == pytest.approx(1 / np.sqrt(360), rel=0.5)


def test_what_replicates_share_is_drawn_with_them():
    """Where replicates differ as wholes, the drawn levels move together."""
    rng = np.random.default_rng(0)
    values = 100 + 3 * rng.normal(size=60) + 0.1 * rng.normal(size=(6, 60))
    _, together = spread(values, rng)
    assert together == pytest.approx(3 / np.sqrt(60), rel=0.35)


def test_few_replicates_widen():
    """Resampled means of three replicates scatter more than their standard error, as Student's t asks."""
    rng = np.random.default_rng(0)
    values = np.array([[1.0, 2.0, 3.0]])
    counts = rng.multinomial(3, [1 / 3] * 3, size=20_000).astype(float)
    drawn = resampled(values, counts)
    assert drawn.mean() == pytest.approx(2.0, abs=0.05)
    assert drawn.std() == pytest.approx(values.std(ddof=1) / np.sqrt(3) * 4.303 / 1.96, rel=0.05)


def test_bootstrap_fits_the_same_family():
    """Every draw has a break, near the true one."""
    rng = np.random.default_rng(0)
    values = 100 * np.minimum(X, 8.0)[:, None] * (1 + 0.03 * rng.normal(size=(6, 5)))
    weighed = sample(X, values)
    draws = bootstrap(weighed, values, fit(curve.HINGE, weighed), rng)
    low, high = np.quantile(draws.marks.knee, [0.025, 0.975])
    assert 6.5 < low <= 8.0 <= high < 9.5
