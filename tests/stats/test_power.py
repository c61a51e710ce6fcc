"""Power of the t test: against statsmodels, and the inverses against themselves."""

from __future__ import annotations

import math

import pytest
from statsmodels.stats.power import TTestIndPower, TTestPower

from fairtrial.errors import FairtrialError
from fairtrial.stats.power import f_noncentrality, noncentrality, power_of, replicates_for, smallest_effect

ALTERNATIVE = {1: "larger", 2: "two-sided"}


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("n", [2, 3, 10, 200])
@pytest.mark.parametrize("effect", [0.0, 0.1, 0.8, 3.0])
def test_power_is_that_of_statsmodels(effect, n, sides):
    """Pairs and two samples, one and two sides."""
    for solver, pairs in ((TTestPower(), True), (TTestIndPower(), False)):
        reference = solver.power(effect, n, 0.05, alternative=ALTERNATIVE[sides])
        found = power_of(2 * effect, 2.0, n, alpha=0.05, paired=pairs, sides=sides)
        assert found == pytest.approx(1.0 if math.isnan(reference) else reference, rel=1e-6)


@pytest.mark.parametrize("pairs", [True, False])
@pytest.mark.parametrize("n", [2, 5, 30, 5000])
@pytest.mark.parametrize("alpha", [0.01, 1e-6])
def test_smallest_effect_has_the_power_that_was_asked_for(alpha, n, pairs):
    """It is the effect at which the power is met, in the unit of the standard deviation."""
    effect = smallest_effect(3e-7, n, alpha=alpha, power=0.9, paired=pairs)
    assert power_of(effect, 3e-7, n, alpha=alpha, paired=pairs) == pytest.approx(0.9, rel=1e-6)


def test_steep_and_flat_critical_values_join():
    """The two ways to the noncentral t agree at the critical value where one takes over from the other."""
    for effect in (0.0, 1.0, 30.0, 100.0):
        below, above = (power_of(effect, 1.0, 3, alpha=alpha, paired=True) for alpha in (1.11e-3, 1.10e-3))
        assert above == pytest.approx(below * (1.10 / 1.11 if not effect else 1), rel=2e-2)


@pytest.mark.parametrize("pairs", [True, False])
@pytest.mark.parametrize("effect", [0.05, 0.5, 2.0, 20.0])
def test_replicates_are_the_fewest_that_suffice(effect, pairs):
    """That many have the power, one fewer has not."""
    n = replicates_for(effect, 1.0, alpha=0.05, paired=pairs)
    assert power_of(effect, 1.0, n, alpha=0.05, paired=pairs) >= 0.8
    assert power_of(effect, 1.0, n - 1, alpha=0.05, paired=pairs) < 0.8


def test_what_nothing_settles_says_so():
    """No effect, or one too small for the most replicates, has no number; one replicate sees nothing."""
    assert replicates_for(0.0, 1.0, alpha=0.05, paired=True) is None
    assert replicates_for(0.1, 1.0, alpha=0.05, paired=True, most=700) is None
    assert smallest_effect(1.0, 1, alpha=0.05, paired=True) == math.inf


def test_without_noise_two_replicates_see_everything():
    """Values that do not vary settle any effect."""
    assert smallest_effect(0.0, 2, alpha=0.05, paired=False) == 0
    assert replicates_for(1e-9, 0.0, alpha=0.05, paired=True) == 2


@pytest.mark.parametrize(("alpha", "power", "sides"), [(0.0, 0.8, 2), (0.05, 1.0, 2), (0.5, 0.4, 2), (0.05, 0.8, 3)])
def test_levels_that_make_no_sense_are_refused(alpha, power, sides):
    """Alpha and power are probabilities, and the power is the greater."""
    with pytest.raises(FairtrialError, match="no power"):
        smallest_effect(1.0, 5, alpha=alpha, power=power, paired=True, sides=sides)


def test_f_of_one_degree_of_freedom_needs_what_t_needs():
    """With two levels the noncentrality of F is the square of that of t; with more it agrees with scipy."""
    assert f_noncentrality(1, 7, 0.05) == pytest.approx(noncentrality(7, 0.05) ** 2, rel=1e-3)
    from scipy.stats import f, ncf

    found = f_noncentrality(5, 20, 0.0167)
    assert ncf.sf(f.isf(0.0167, 5, 20), 5, 20, found) == pytest.approx(0.8, abs=1e-6)
