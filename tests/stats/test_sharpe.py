"""The deflated Sharpe ratio: the worked example of its source, and what many skill-less trials really bring."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from fairtrial.errors import FairtrialError
from fairtrial.stats.sharpe import deflated_sharpe, expected_maximum, probabilistic_sharpe


def test_the_worked_example():
    """Bailey and Lopez de Prado (2014): 2.5 a year in 1,250 days, 100 trials of variance 1/2 a year: 0.9004."""
    daily = math.sqrt(250)
    found = deflated_sharpe(2.5 / daily, n=1250, skewness=-3, kurtosis=10, trials=100, variance=0.5 / 250)
    assert found == pytest.approx(0.9004, abs=5e-5)
    assert expected_maximum(100, 0.5 / 250) == pytest.approx(0.1132, abs=5e-5)


def test_one_trial_is_the_probabilistic_ratio():
    """Nothing is deflated, and of normal returns that is nearly one minus the p of the t test."""
    values = np.random.default_rng(0).normal(0.1, 1, 400)
    ratio = values.mean() / values.std(ddof=1)
    found = deflated_sharpe(ratio, n=400, skewness=0, kurtosis=3, trials=1, variance=1.0)
    assert found == probabilistic_sharpe(ratio, n=400, skewness=0, kurtosis=3)
    assert found == pytest.approx(1 - scipy.stats.ttest_1samp(values, 0, alternative="greater").pvalue, abs=0.005)


@pytest.mark.parametrize("trials", [2, 3, 5, 10, 100, 1000])
def test_the_largest_of_many_is_about_as_expected(trials):
    """Beside the exact mean of the largest of so many normal ratios: 8 % below it for two, else 0 to 3 % above."""
    exact, _ = scipy.integrate.quad(
        lambda x: x * trials * scipy.stats.norm.pdf(x) * scipy.stats.norm.cdf(x) ** (trials - 1), -8, 8
    )
    assert -0.08 <= expected_maximum(trials, 0.04) / (0.2 * exact) - 1 <= 0.03
    assert trials == 2 or expected_maximum(trials, 0.04) >= 0.2 * exact


def test_more_trials_and_more_spread_deflate_more():
    """And a left tail does."""

    def found(**given):
        return deflated_sharpe(
            0.2, **{"n": 200, "skewness": 0, "kurtosis": 3, "trials": 20, "variance": 0.005, **given}
        )

    assert found(trials=200) < found() < found(trials=2)
    assert found(variance=0.01) < found() < found(variance=0.001)
    assert found(skewness=-2, kurtosis=9) < found()
    assert found(n=100) < found()


def test_the_best_of_many_without_skill_is_rarely_a_discovery():
    """Of 1,000 data sets with 30 skill-less strategies each, about as many as 5 % have a best one above 0.95."""
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(1000):
        values = rng.normal(size=(30, 250))
        ratios = values.mean(axis=1) / values.std(axis=1, ddof=1)
        best = values[np.argmax(ratios)]
        moments = {"skewness": scipy.stats.skew(best), "kurtosis": scipy.stats.kurtosis(best, fisher=False)}
        hits += deflated_sharpe(ratios.max(), n=250, **moments, trials=30, variance=ratios.var(ddof=1)) > 0.95
    assert not hits or scipy.stats.beta.ppf(0.025, hits, 1000 - hits + 1) <= 0.05


@pytest.mark.parametrize(
    "given", [{"n": 1}, {"skewness": 2, "kurtosis": 3}, {"trials": 0}, {"variance": -1.0}, {"variance": math.nan}]
)
def test_what_is_no_sample_is_refused(given):
    """Too few, impossible moments, no trials, no variance."""
    usual = {"n": 100, "skewness": 0.0, "kurtosis": 3.0, "trials": 5, "variance": 0.01}
    with pytest.raises(FairtrialError):
        deflated_sharpe(0.1, **{**usual, **given})


def test_a_degenerate_distribution():
    """Two values whose formula has no variance left: above or not."""
    assert probabilistic_sharpe(1.0, n=10, skewness=2.0, kurtosis=5.0) == 1.0
    assert probabilistic_sharpe(1.0, n=10, skewness=2.0, kurtosis=5.0, above=1.0) == 0.0
