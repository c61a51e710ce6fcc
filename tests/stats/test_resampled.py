"""The corrected resampled t test: by hand, and wider than the plain one by exactly its factor."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t

from fairtrial.errors import FairtrialError
from fairtrial.stats.difference import paired
from fairtrial.stats.resampled import corrected


def test_by_hand():
    """Differences 1, 2, 3 with as much as a ninth held out: 2 / sqrt((1/3 + 1/9) x 1) = 3."""
    found = corrected([1.0, 2.0, 3.0], overlap=1 / 9)
    assert found.estimate / found.se == pytest.approx(3)
    assert found.df == 2
    assert found.p_two_sided == pytest.approx(2 * t.sf(3, 2))
    assert found.high == pytest.approx(2 + t.ppf(0.975, 2) * 2 / 3)


def test_agrees_with_the_formula_of_scikit_learns_example():
    """The variance is var(ddof=1) x (1 / kr + n_test / n_train), the p one of Student's t with kr - 1 degrees.

    As in https://scikit-learn.org/1.9/_downloads/efb3df90d4ec295fa0dafe6c8b46211b/plot_grid_search_stats.py.
    """
    d = np.random.default_rng(0).normal(0.01, 0.05, 100)
    found = corrected(d.tolist(), overlap=10 / 90)
    statistic = d.mean() / math.sqrt(np.var(d, ddof=1) * (1 / 100 + 10 / 90))
    assert found.estimate / found.se == pytest.approx(statistic)
    assert found.p_two_sided / 2 == pytest.approx(t.sf(abs(statistic), 99))


def test_without_overlap_it_is_the_paired_test():
    """Nothing shared, nothing corrected."""
    d = [0.3, -0.1, 0.4, 0.2]
    plain, found = paired(d), corrected(d, overlap=0.0)
    assert (found.low, found.high, found.p_two_sided) == pytest.approx((plain.low, plain.high, plain.p_two_sided))


def test_too_little_and_nonsense():
    """One difference shows nothing; an overlap below 0 is a bug; equal differences stay what they are."""
    assert corrected([1.0], overlap=0.1).p_two_sided == 1
    assert corrected([1.0, 1.0], overlap=0.1).low == 1
    with pytest.raises(FairtrialError, match="0 or more"):
        corrected([1.0, 2.0], overlap=-0.1)


def test_overlapping_training_sets_are_told_apart_by_chance_only():
    """Scores that share data have a common part; corrected, at most 5 % of 1,000 differences of equals are told apart.

    The plain test tells a third of them apart.
    """
    rng = np.random.default_rng(0)
    share = 1 / 9
    common = math.sqrt(share / (1 + share))
    alarms = plain = 0
    for _ in range(1000):
        d = (common * rng.standard_normal() + math.sqrt(1 - common**2) * rng.standard_normal(20)).tolist()
        alarms += corrected(d, overlap=share).p_two_sided <= 0.05
        plain += paired(d).p_two_sided <= 0.05
    assert alarms <= 65
    assert plain > 200
