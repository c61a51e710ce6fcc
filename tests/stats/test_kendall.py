"""The trend within replicates: exact, and never fooled by what is missing."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import kendalltau

from fairtrial.stats.kendall import LARGE, blocked_trend


@pytest.mark.parametrize("seed", range(6))
def test_one_replicate_is_kendalls_test(seed):
    """With one replicate it is scipy's exact one-sided test."""
    values = np.random.default_rng(seed).standard_normal(7)
    theirs = kendalltau(np.arange(7), values, method="exact", alternative="greater").pvalue
    assert blocked_trend(values[:, None]) == pytest.approx(theirs)


def test_two_replicates_by_enumeration():
    """Over all orders of four levels in each of two replicates, p is the share that rises as much."""
    ranks = list(permutations(range(4)))
    scores = [sum(np.sign(b - a) for i, a in enumerate(order) for b in order[i + 1 :]) for order in ranks]
    sums = np.array([first + second for first, second in product(scores, scores)])
    values = np.array([[0.0, 1.0], [2.0, 0.0], [1.0, 2.0], [3.0, 3.0]])
    observed = 4 + 4
    assert blocked_trend(values) == pytest.approx((sums >= observed).mean())


def test_many_pairs_are_nearly_normal():
    """Where the exact distribution is left for the normal one, they agree."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((20, 16)) + 0.03 * np.arange(20)[:, None]
    assert LARGE < 16 * 190
    half = blocked_trend(values[:, :15])
    assert blocked_trend(values) == pytest.approx(half, abs=0.15)


def test_opposite_trends_add_up():
    """Without ties p of a rise and p of a fall add up to one and what was observed."""
    values = np.random.default_rng(0).standard_normal((5, 3))
    assert 1 < blocked_trend(values) + blocked_trend(-values) < 1.3


def test_ties_do_not_help():
    """A metric that never changes has no trend."""
    assert blocked_trend(np.ones((6, 4))) > 0.5
    assert blocked_trend(-np.ones((6, 4))) > 0.5


def test_too_little():
    """One level, or none, has no trend."""
    assert blocked_trend(np.ones((1, 4))) == 1
    assert blocked_trend(np.ones((4, 0))) == 1


@given(
    arrays(np.float64, (5, 3), elements=st.integers(-9, 9).map(float)),
    st.sets(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=8),
)
@settings(max_examples=150, deadline=None)
def test_what_is_missing_never_makes_p_smaller(values, lost):
    """Whatever the values are, losing some never helps the trend."""
    lacking = values.copy()
    for place in lost:
        lacking[place] = np.nan
    assert blocked_trend(lacking) >= blocked_trend(values)


def test_false_alarms_are_as_stated():
    """On noise, p is below 5 % in at most 5 % of samples (1,000 repeats, Clopper-Pearson)."""
    from fairtrial.stats.interval import rate_interval

    rng = np.random.default_rng(0)
    alarms = sum(blocked_trend(rng.standard_normal((6, 3))) <= 0.05 for _ in range(1000))
    assert rate_interval(alarms, 1000)[0] <= 0.05
    assert alarms > 20
