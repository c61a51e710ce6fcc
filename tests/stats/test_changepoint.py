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


def test_permutation_p_agrees_with_all_permutations():
    """Monte Carlo p agrees with the exact p over all orders within two replicates of three levels."""
    values = np.array([[0.1, 0.3], [0.2, 0.1], [1.4, 1.1]])
    centred = values - values.mean(axis=0)

    def statistic(table):
        means = table.mean(axis=1)
        return max(s * (3 - s) / 3 * (means[s:].mean() - means[:s].mean()) ** 2 for s in (1, 2))

    orders = list(itertools.permutations(range(3)))
    every = [statistic(np.stack([centred[list(a), 0], centred[list(b), 1]], axis=1)) for a in orders for b in orders]
    exact = np.mean([value >= statistic(centred) - 1e-12 for value in every])
    assert found(values, np.arange(3.0)).p == pytest.approx(exact, abs=0.04)


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
