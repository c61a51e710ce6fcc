"""Isotonic regression agrees with scipy, curve by curve."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from fairtrial.stats import isotonic as module
from fairtrial.stats.isotonic import isotonic, monotone

values = st.floats(-1e3, 1e3, allow_nan=False).map(lambda value: round(value, 6))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(values, st.floats(0.1, 10)), min_size=1, max_size=12))
def test_agrees_with_scipy(pairs):
    """The max-min formula gives scipy's pool-adjacent-violators fit, weights included."""
    means, weights = np.array(pairs).T
    expected = isotonic_regression(means, weights=weights).x
    assert isotonic(means, weights) == pytest.approx(expected, abs=1e-8)


def test_a_batch_is_fitted_curve_by_curve(monkeypatch):
    """A batch, cut into pieces, gives what each curve gives alone."""
    rng = np.random.default_rng(0)
    curves, weights = rng.normal(size=(3, 7, 6)), rng.uniform(1, 3, 6)
    alone = np.array([[isotonic(curve, weights) for curve in row] for row in curves])
    monkeypatch.setattr(module, "CELLS", 100)
    assert isotonic(curves, weights) == pytest.approx(alone)


def test_a_monotone_trend_takes_what_it_explains():
    """A rising curve is taken whole by a rising trend and not at all by a falling one."""
    means, weights = np.array([1.0, 2.0, 4.0]), np.array([2.0, 2.0, 2.0])
    rising, falling = monotone(means, weights)
    assert rising == pytest.approx(2 * ((means - means.mean()) ** 2).sum())
    assert falling == pytest.approx(0.0, abs=1e-12)
