"""Curve families: exact data are given back, the right family is chosen, one product fits many curves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

from fairtrial.stats import curve
from fairtrial.stats.curve import GROWING, WORSENING, fit, refit, sample, weights

X = 2.0 ** np.arange(6)
LAWS = {
    "flat": lambda x: np.full(len(x), 5.0),
    "line": lambda x: 2.0 + 3.0 * x,
    "hinge": lambda x: 3.0 + 10 * np.minimum(x, 11.0),
    "bend": lambda x: 10 * np.minimum(x, 8.0) + 4 * np.maximum(x - 8.0, 0.0),
    "saturating": lambda x: 900 * x / (7.0 + x),
    "exponential": lambda x: 900 * (1 - np.exp(-x / 7.0)),
    "usl": lambda x: 100 * x / (1 + 0.05 * (x - 1) + 0.004 * x * (x - 1)),
}


def measured(law, *, noise=0.0, replicates=3, seed=0, x=X):
    rng = np.random.default_rng(seed)
    return law(x)[:, None] * (1 + noise * rng.normal(size=(len(x), replicates)))


def best(values, families=GROWING, x=X):
    found = [fit(family, sample(x, values)) for family in families]
    return min((one for one in found if one is not None), key=lambda one: one.bic)


@pytest.mark.parametrize("name", LAWS)
def test_exact_data_choose_their_family(name):
    """Without noise the family that made the data is chosen and gives them back."""
    found = best(measured(LAWS[name]))
    assert found.family.name == name
    assert found.at(X, X.max()) == pytest.approx(LAWS[name](X), rel=1e-5)


@pytest.mark.parametrize(("name", "place"), [("hinge", 11.0), ("bend", 8.0), ("saturating", 7.0), ("exponential", 7.0)])
def test_exact_data_give_the_shape(name, place):
    """Without noise the break, the half-load or the scale comes back."""
    assert best(measured(LAWS[name])).shape[0] * X.max() == pytest.approx(place, rel=1e-4)


def test_noisy_fit_agrees_with_scipy():
    """A weighted saturating fit has the parameters that curve_fit finds."""
    values = measured(LAWS["saturating"], noise=0.05)
    weighed = sample(X, values)
    found = fit(curve.SATURATING, weighed)
    expected, _ = curve_fit(
        lambda x, top, half: top * x / (half + x), X, weighed.mean, p0=(800, 5), sigma=weighed.weight**-0.5
    )
    assert (found.coefficients[0], found.shape[0] * X.max()) == pytest.approx(tuple(expected), rel=1e-4)


def test_refit_agrees_with_fit():
    """Many curves at once give each curve's own fit, to the resolution of the search."""
    rng = np.random.default_rng(0)
    values = measured(LAWS["hinge"], noise=0.02)
    weighed = sample(X, values)
    means = weighed.mean * (1 + 0.02 * rng.normal(size=(5, len(X))))
    shapes, coefficients = refit(curve.HINGE, weighed, means)
    for mean, shape, own in zip(means, shapes, coefficients, strict=True):
        alone = fit(curve.HINGE, curve.Sample(X, mean, weighed.weight, weighed.pure, weighed.n, proportional=True))
        assert shape[0] == pytest.approx(alone.shape[0], rel=0.05)
        assert own[1] == pytest.approx(alone.coefficients[1], rel=0.05)


def test_noise_in_proportion_is_seen():
    """Noise that grows with the value weighs levels by its inverse square; constant noise weighs them alike."""
    rng = np.random.default_rng(0)
    growing = sample(X, LAWS["line"](X)[:, None] * (1 + 0.1 * rng.normal(size=(6, 8))))
    constant = sample(X, LAWS["line"](X)[:, None] + rng.normal(size=(6, 8)))
    assert growing.proportional
    assert not constant.proportional
    assert constant.weight == pytest.approx(np.full(6, 8.0))


def test_missing_values_weigh_less():
    """A level with fewer values has a smaller weight and the mean of those that it has."""
    values = measured(LAWS["flat"], noise=0.0)
    values[2, 0] = np.nan
    weighed = sample(X, values)
    assert weighed.n == 17
    assert weighed.weight.tolist() == [3, 3, 2, 3, 3, 3]
    assert weighed.mean[2] == 5.0


def test_too_few_levels_have_no_fit():
    """A family is not fitted to as few levels as it has parameters."""
    x = X[:3]
    assert fit(curve.BEND, sample(x, measured(LAWS["line"], x=x))) is None
    assert fit(curve.HINGE, sample(x, measured(LAWS["line"], x=x))) is None


def test_latency_grows_from_its_elbow():
    """Of a metric to minimise, flat and then rising is chosen, with its place."""
    found = best(measured(lambda x: 0.01 * np.maximum(1, x / 8)), WORSENING)
    assert (found.family.name, found.shape[0] * X.max()) == ("hinge", pytest.approx(8.0))


def test_weights_of_evidence():
    """Equal criteria share; a difference of 2 ln 3 is a ratio of three."""
    assert weights({"a": 10.0, "b": 10.0}) == {"a": 0.5, "b": 0.5}
    shared = weights({"a": 0.0, "b": 2 * np.log(3)})
    assert shared["a"] / shared["b"] == pytest.approx(3.0)
