"""Additive models of drawn conditions: agreement with statsmodels, aliased terms, too few conditions."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.stats.partial import additive
from fairtrial.stats.resample import generator


def drawn(n=60, seed=1):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, levels, n) for levels in (3, 4, 2)], rng.normal(size=n)


def test_f_is_that_of_type_two_sums_of_squares():
    """Main effects and an interaction equal statsmodels' anova_lm of type 2."""
    pandas = pytest.importorskip("pandas")
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    (a, b, c), y = drawn()
    y = y + 0.5 * a
    frame = pandas.DataFrame({"a": a, "b": b, "c": c, "y": y})
    mains = anova_lm(ols("y ~ C(a) + C(b) + C(c)", frame).fit(), typ=2)
    pair = anova_lm(ols("y ~ C(a) + C(b) + C(c) + C(a):C(b)", frame).fit(), typ=2)
    found = additive(y, [a, b, c], [(a, b)], repeats=0, rng=generator(0))
    for name, one in zip("abc", found.mains, strict=True):
        assert one.f == pytest.approx(mains.loc[f"C({name})", "F"])
        assert one.p == pytest.approx(mains.loc[f"C({name})", "PR(>F)"])
    assert found.pairs[0].f == pytest.approx(pair.loc["C(a):C(b)", "F"])
    assert found.error_df == mains.loc["Residual", "df"]
    assert found.residual_sd**2 == pytest.approx(mains.loc["Residual", "sum_sq"] / mains.loc["Residual", "df"])


def test_permutation_agrees_with_f_on_normal_values():
    """The p of permutation lies near that of the F distribution."""
    codes, y = drawn(seed=3)
    by_f = additive(y, codes, repeats=0, rng=generator(0)).mains
    permuted = additive(y, codes, repeats=4999, rng=generator(0)).mains
    for one, other in zip(by_f, permuted, strict=True):
        assert other.p == pytest.approx(one.p, abs=0.05)


def test_differences_of_fitted_means_are_the_models():
    """Level means differ as the coefficients of statsmodels do, with the same standard errors."""
    pandas = pytest.importorskip("pandas")
    from statsmodels.formula.api import ols

    (a, b, _), y = drawn(seed=5)
    fit = ols("y ~ C(a) + C(b)", pandas.DataFrame({"a": a, "b": b, "y": y})).fit()
    found = additive(y, [a, b], repeats=0, rng=generator(0))
    one = found.mains[0]
    assert one.fitted[2] - one.fitted[0] == pytest.approx(fit.params["C(a)[T.2]"])
    variance = one.covariance[2, 2] + one.covariance[0, 0] - 2 * one.covariance[2, 0]
    assert found.residual_sd * variance**0.5 == pytest.approx(fit.bse["C(a)[T.2]"])


def test_a_term_that_another_explains_cannot_be_tested():
    """Two factors that move together leave nothing for either."""
    (a, b, _), y = drawn()
    found = additive(y, [a, 2 - a, b], repeats=9, rng=generator(0))
    assert [one.p is None for one in found.mains] == [True, True, False]


def test_no_error_no_test():
    """As many numbers fitted as conditions leave nothing to test against."""
    codes = np.arange(4)
    found = additive(np.arange(4.0), [codes], repeats=9, rng=generator(0))
    assert found.mains[0].p is None
    assert found.error_df == 0
