"""Racing: who is told from the leader."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fairtrial.stats.race import beaten, leader, nominal
from fairtrial.stats.sequential import rejection

RNG = np.random.default_rng(3)


def columns(*rows):
    return [dict(enumerate(row)) for row in rows]


def test_the_leader_has_the_best_mean_of_those_with_most_values():
    """Survivors of failures do not lead, and none leads where nothing was measured."""
    assert leader(columns([1.0, 2.0], [3.0, 1.0]), maximise=True) == 1
    assert leader(columns([1.0, 2.0], [3.0, 1.0]), maximise=False) == 0
    assert leader([{0: 1.0, 1: 1.0}, {1: 9.0}], maximise=True) == 0
    assert leader([{}, {}], maximise=True) is None
    assert beaten([{}, {}], maximise=True, level=0.5) == []


def test_it_is_the_paired_t_test():
    """The level at which an alternative is dropped is the p of scipy's one-sided paired test."""
    best, other = 1 + RNG.standard_normal(8), RNG.standard_normal(8)
    p = stats.ttest_rel(best, other, alternative="greater").pvalue
    assert beaten(columns(best, other), maximise=True, level=p * 1.0001) == [1]
    assert beaten(columns(best, other), maximise=True, level=p * 0.9999) == []
    assert beaten(columns(-best, -other), maximise=False, level=p * 1.0001) == [1]


def test_pairs_are_replicates_that_both_have():
    """What failed is left out of the pair, whichever side it is on; one pair tells nothing."""
    best, other = 3 + RNG.standard_normal(6), RNG.standard_normal(6)
    left, right = columns(best, other)
    del right[2]
    del right[5]
    kept = [0, 1, 3, 4]
    p = stats.ttest_rel(best[kept], other[kept], alternative="greater").pvalue
    assert beaten([left, right], maximise=True, level=p * 1.0001) == [1]
    assert beaten([left, right], maximise=True, level=p * 0.9999) == []
    assert beaten([left, {0: -100.0}], maximise=True, level=0.4) == []


def test_differences_without_noise_need_three():
    """A deterministic subject tells by three equal differences, not by rounding."""
    rows = columns([0.1, 0.2, 0.3], [0.1 - 1e-17, 0.2, 0.3], [0.0, 0.1, 0.2])
    assert beaten(rows, maximise=True, level=0.001) == [2]
    assert beaten([dict(list(row.items())[:2]) for row in rows], maximise=True, level=0.001) == []


@given(scale=st.sampled_from([1e-9, 1e-3, 1e6]), shift=st.integers(0, 5), seed=st.integers(0, 50))
def test_units_and_order_change_nothing(scale, shift, seed):
    """Scaled or turned around, the same alternatives are dropped."""
    rows = np.random.default_rng(seed).standard_normal((6, 5)) + np.arange(6)[:, None]
    lost = set(beaten(columns(*rows), maximise=True, level=0.01))
    assert set(beaten(columns(*(rows * scale)), maximise=True, level=0.01)) == lost
    turned = beaten(columns(*np.roll(rows, shift, axis=0)), maximise=True, level=0.01)
    assert {(place - shift) % 6 for place in turned} == lost


def test_all_looks_together_keep_alpha():
    """Two alternatives that are alike are told apart, either way round, in less than alpha of all races."""
    fractions = [count / 12 for count in range(3, 13)]
    level = nominal(0.05, 3, 12)
    spent = rejection(fractions, [level / 2] * 10, sides=1)
    assert 0.5 * 0.025 < spent <= 0.025
    assert nominal(0.05, 3, 4) > level > nominal(0.01, 3, 12)
