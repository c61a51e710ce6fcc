"""The change point: its place, its size, and what it is told from."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import ttest_rel

from fairtrial.stats import changepoint
from fairtrial.stats.changepoint import step

X = np.linspace(0, 1, 8)


def planted(height, *, replicates=5, seed=0, noise=1.0):
    rng = np.random.default_rng(seed)
    return height * (X > 0.45)[:, None] + noise * rng.normal(size=(8, replicates))


def found(values, x=X, seed=0):
    return step(values, x, rng=np.random.default_rng(seed))


def test_finds_a_clear_step():
    """A step of 4 sd is found in its place, with its height, and told from a line."""
    best = found(planted(4.0))
    assert best.split == 4
    assert best.effect == pytest.approx(4.0, abs=0.8)
    assert best.splits == (4, 4)
    assert best.p == 0.001
    assert best.beats
    assert best.p_line <= 0.01


def test_effect_is_the_paired_difference_of_means():
    """With complete data the effect is the mean over replicates of (mean behind - mean before)."""
    values = planted(3.0)
    best = found(values)
    each = values[best.split :].mean(axis=0) - values[: best.split].mean(axis=0)
    assert best.effect == pytest.approx(each.mean())
    assert best.effects == pytest.approx(each)
    assert ttest_rel(values[best.split :].mean(axis=0), values[: best.split].mean(axis=0)).pvalue < 0.01


def test_what_a_replicate_adds_changes_nothing():
    """Adding a constant to a replicate leaves every number as it was."""
    values = planted(1.5)
    shifted = values + np.array([0.0, 100.0, -50.0, 7.0, 1.0])
    one, other = found(values), found(shifted)
    assert (one.split, one.splits, one.p, one.p_line, one.p_trend) == (
        other.split,
        other.splits,
        other.p,
        other.p_line,
        other.p_trend,
    )


def test_permutation_p_is_at_least_that_of_all_permutations():
    """Of two levels p is that of all signs of the differences, or above it: changed signs never make it smaller."""
    difference = np.array([0.9, 1.3, 0.4, -0.2, 1.1, 0.8])
    best = found(np.stack([np.zeros(6), difference]), np.arange(2.0))
    every = [abs(np.dot(signs, difference)) for signs in itertools.product((-1, 1), repeat=6)]
    exact = np.mean([value >= abs(difference.sum()) - 1e-12 for value in every])
    assert exact - 0.02 <= best.p <= exact + 0.06


def test_levels_of_unequal_noise_are_no_step():
    """One level of ten times the noise gives a change in about one of twenty studies, not in one of three."""
    rng = np.random.default_rng(0)
    noise = np.where(np.arange(8) == 7, 10.0, 1.0)[:, None]
    drawn = [found(noise * rng.normal(size=(8, 5))).p <= 0.05 for _ in range(200)]
    assert sum(drawn) <= 20


def test_a_line_is_not_beaten():
    """A steep straight line fits better than any step."""
    rng = np.random.default_rng(1)
    best = found((6 * X)[:, None] + rng.normal(size=(8, 5)))
    assert best.p == 0.001
    assert not best.beats


def test_a_line_in_the_order_of_geometric_levels_is_a_line():
    """A straight line over log-spaced levels is not told a step because it bends in the levels."""
    rng = np.random.default_rng(1)
    x = 2.0 ** np.arange(8)
    best = found(np.arange(8.0)[:, None] + 0.5 * rng.normal(size=(8, 5)), x)
    assert not best.beats
    assert best.p_trend == 0.001
    assert best.rising


def test_missing_values_are_left_out():
    """A replicate that lacks levels is compared on those that it has."""
    values = planted(4.0)
    values[5:, 0] = np.nan
    values[:4, 1] = np.nan
    best = found(values)
    assert best.split == 4
    assert len(best.effects) == 4
    assert best.effect == pytest.approx(4.0, abs=1.0)


def test_falling_steps_fall():
    """A step down has a negative effect and a falling trend."""
    best = found(-planted(3.0))
    assert best.effect < -2
    assert not best.rising


@pytest.mark.parametrize(
    "values",
    [
        np.ones((8, 5)),
        planted(2.0)[:, :1],
        planted(2.0)[:1],
        np.full((8, 5), np.nan),
        np.where(np.eye(8, 5) > 0, 1.0, np.nan),
    ],
)
def test_nothing_to_say(values):
    """No variation, one replicate, one level, no value, or no pair: no step."""
    assert found(values, X[: len(values)]) is None


def test_without_a_change_no_shape_is_tested(monkeypatch):
    """Where nothing changes, the line is not asked."""
    best = found(np.random.default_rng(5).normal(size=(8, 5)))
    assert best.p > 0.05
    assert best.p_line is None
    assert not best.beats


def test_an_exact_step_is_a_step():
    """Without any noise the step is certain, and no line explains it."""
    best = found(np.repeat((X > 0.45)[:, None], 5, axis=1).astype(float))
    assert (best.split, best.effect, best.splits) == (4, 1.0, (4, 4))
    assert best.p == 1 / (1 + changepoint.PERMUTATIONS)
    assert best.beats
