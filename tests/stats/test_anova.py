"""Blocked analysis of variance: agreement with statsmodels, exactness of the exchange, shares of variance."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.stats.anova import arrangements, blocked, departures, omega_interval, omega_squared, sphericity
from fairtrial.stats.resample import generator


def table(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape)


def test_f_is_that_of_repeated_measures():
    """F of main effects and interaction equals statsmodels' AnovaRM with the replicate as subject."""
    pandas = pytest.importorskip("pandas")
    from statsmodels.stats.anova import AnovaRM

    values = table(3, 4, 6)
    rows = [(a, b, r, values[a, b, r]) for a, b, r in np.ndindex(values.shape)]
    frame = pandas.DataFrame(rows, columns=["a", "b", "r", "y"])
    known = AnovaRM(frame, "y", "r", within=["a", "b"]).fit().anova_table
    tables = {"a": values.mean(axis=1), "b": values.mean(axis=0), "a:b": values}
    for name, one in tables.items():
        found = blocked(one, resolution=0.05, repeats=99, rng=generator(0))
        assert found.f == pytest.approx(known.loc[name, "F Value"])
        assert (found.df, found.error_df) == (known.loc[name, "Num DF"], known.loc[name, "Den DF"])


def test_f_of_one_factor_is_that_of_the_blocked_analysis():
    """F and the F distribution's p equal statsmodels' anova_lm of value ~ block + level."""
    pandas = pytest.importorskip("pandas")
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    values = table(2, 4)
    rows = [(level, block, values[level, block]) for level, block in np.ndindex(values.shape)]
    frame = pandas.DataFrame(rows, columns=["level", "block", "y"])
    known = anova_lm(ols("y ~ C(block) + C(level)", frame).fit())
    found = blocked(values, resolution=0.05, repeats=999, rng=generator(0))
    assert not found.permuted  # 8 arrangements cannot reach 0.05
    assert found.f == pytest.approx(known.loc["C(level)", "F"])
    assert found.p == pytest.approx(known.loc["C(level)", "PR(>F)"])


def statistic(values):
    left = departures(values)
    return (left.sum(axis=-1) ** 2).sum()


def test_exchange_counts_every_arrangement():
    """The exact p equals a count over all arrangements of all blocks."""
    values = table(3, 3, seed=4)
    observed, hits, count = statistic(values), 0, 0
    for orders in product(permutations(range(3)), repeat=3):
        moved = np.stack([values[list(order), block] for block, order in enumerate(orders)], axis=1)
        hits, count = hits + (statistic(moved) >= observed - 1e-12), count + 1
    found = blocked(values, resolution=0.5, repeats=999, rng=generator(0))
    assert found.exact
    assert found.p == pytest.approx(hits / count)


def test_exchange_of_an_interaction_moves_rows_and_columns():
    """The exact p of a 2 x 3 interaction equals a count over rows and columns of every block."""
    values = table(2, 3, 3, seed=2)
    observed, hits, count = statistic(values), 0, 0
    moves = list(product(permutations(range(2)), permutations(range(3))))
    for orders in product(moves, repeat=3):
        moved = np.stack([values[np.ix_(*order, [block])][..., 0] for block, order in enumerate(orders)], axis=-1)
        hits, count = hits + (statistic(moved) >= observed - 1e-12), count + 1
    found = blocked(values, resolution=0.05, repeats=999, rng=generator(0))
    assert found.exact
    assert found.p == pytest.approx(hits / count)


@pytest.mark.parametrize("shape", [(2, 6), (3, 5), (2, 2, 7), (12, 3)])
def test_random_exchange_agrees_with_f(shape):
    """On normal values the p of permutation lies near that of the F distribution."""
    from scipy.stats import f as distribution

    values = table(*shape, seed=5)
    found = blocked(values, resolution=0.5, repeats=9999, rng=generator(0))
    assert found.permuted
    assert found.p == pytest.approx(distribution.sf(found.f, found.df, found.error_df), abs=0.1)


@given(
    st.integers(0, 50),
    st.sampled_from([1e-9, 3.7, 1e12]),
    st.sampled_from([(2, 6), (4, 5), (2, 2, 7), (3, 2, 4)]),
)
@settings(max_examples=25, deadline=None)
def test_units_do_not_move_p(seed, scale, shape):
    """A change of units leaves F and p as they are."""
    values = table(*shape, seed=seed)
    one = blocked(values, resolution=0.05, repeats=199, rng=generator(seed))
    other = blocked(values * scale, resolution=0.05, repeats=199, rng=generator(seed))
    assert one.p == pytest.approx(other.p, rel=1e-9)
    assert one.f == pytest.approx(other.f)


@given(st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_blocks_and_margins_do_not_matter(seed):
    """What a block adds to all its cells, and what a row adds to all its columns, does not move an interaction."""
    values = table(3, 2, 4, seed=seed)
    rows, blocks = table(3, 1, 4, seed=seed + 100), table(1, 1, 4, seed=seed + 200)
    one = blocked(values, resolution=0.05, repeats=199, rng=generator(seed))
    other = blocked(values + rows + 10 * blocks, resolution=0.05, repeats=199, rng=generator(seed))
    assert one.p == pytest.approx(other.p, abs=1e-12)
    assert one.f == pytest.approx(other.f)


def test_nothing_that_varies_has_no_f():
    """A constant table is no evidence: p is 1 and F is not a number."""
    found = blocked(np.full((3, 5), 0.1), resolution=0.05, repeats=99, rng=generator(0))
    assert (found.f, found.p) == (None, 1.0)


def test_an_effect_without_noise():
    """The same difference in every block leaves no error: F is none, p is as small as arrangements allow."""
    values = np.tile(np.array([[1.0], [2.0], [4.0]]), (1, 4))
    found = blocked(values, resolution=0.05, repeats=999, rng=generator(0))
    assert found.f is None
    assert found.p == pytest.approx(1 / arrangements((3,), 4))


def test_omega_squared_takes_chance_off():
    """F of 1 is no share at all; a large F is nearly all."""
    assert omega_squared(1.0, 3, 40) == 0
    assert omega_squared(0.5, 3, 40) < 0
    assert omega_squared(1e6, 3, 40) == pytest.approx(1, abs=1e-4)


def test_interval_of_the_share_covers():
    """Of 400 draws with a known share, 95 % of the intervals hold it, within three standard errors."""
    rng = np.random.default_rng(3)
    means, n = np.array([-0.5, 0.0, 0.5]), 10
    truth = n * (means**2).sum() / (n * (means**2).sum() + 3 * n)
    held = 0
    for _ in range(400):
        values = rng.normal(size=(3, n)) + means[:, None]
        between = n * ((values.mean(axis=1) - values.mean()) ** 2).sum() / 2
        within = ((values - values.mean(axis=1, keepdims=True)) ** 2).sum() / (3 * n - 3)
        low, high = omega_interval(between / within, 2, 3 * n - 3, 3 * n, level=0.95)
        held += low <= truth <= high
    assert held / 400 == pytest.approx(0.95, abs=3 * (0.95 * 0.05 / 400) ** 0.5)


def test_sphericity_is_that_of_the_covariance_matrix():
    """The share of degrees of freedom is Huynh and Feldt's, from the eigenvalues of the covariance of departures."""
    values = table(4, 12, seed=3) * np.array([1.0, 1.0, 1.0, 5.0])[:, None]
    roots = np.linalg.eigvalsh(np.cov(departures(values)))
    box = roots.sum() ** 2 / (3 * (roots**2).sum())
    assert sphericity(departures(values), 3) == pytest.approx((12 * 3 * box - 2) / (3 * (11 - 3 * box)))
    assert sphericity(departures(table(2, 6)), 1) == 1.0


def test_unequal_noise_is_no_effect():
    """A level of ten times the noise gives an effect in about one of twenty tables, not in one of six."""
    rng, noise = np.random.default_rng(0), np.array([1.0, 1.0, 1.0, 10.0])[:, None]
    tables = [noise * rng.normal(size=(4, 5)) for _ in range(300)]
    found = [blocked(one, resolution=0.05, repeats=199, rng=rng).p <= 0.05 for one in tables]
    assert sum(found) <= 29


def test_one_level_far_from_the_others_is_told_by_three_blocks():
    """Where one of four levels is 40 sd away, the arrangements that leave it in its place do not hide it."""
    values = np.random.default_rng(3).standard_normal((4, 3)) + np.array([0, 0, 0, 40.0])[:, None]
    assert blocked(values, resolution=0.02, repeats=999, rng=np.random.default_rng(0)).p < 0.02
