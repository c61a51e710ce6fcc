"""Drift: exact exchange of blocks and of places within them."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.stats.drift import drift, position
from fairtrial.stats.resample import generator

BLOCKS = np.repeat(np.arange(3), 3)


def counted(residuals, *, between):
    """Count over all arrangements: blocks change places, residuals within blocks too."""
    table = residuals.reshape(3, 3)
    times = np.arange(9.0) - 4
    hits, count, observed = 0, 0, None
    orders = list(permutations(range(3)))
    for blocks in orders if between else orders[:1]:
        for inside in product(orders, repeat=3):
            moved = np.concatenate([table[block][list(order)] for block, order in zip(blocks, inside, strict=True)])
            if not between:
                moved = moved - np.repeat(table.mean(axis=1), 3)
            found = abs(moved @ times)
            observed = found if observed is None else observed
            hits, count = hits + (found >= observed - 1e-12), count + 1
    return hits / count


@pytest.mark.parametrize("seed", range(3))
def test_p_is_that_of_all_arrangements(seed):
    """The Monte Carlo p comes close to the count over every arrangement."""
    residuals = np.random.default_rng(seed).normal(size=9)
    times = np.arange(9.0)
    for test, between in ((drift, True), (position, False)):
        p = test(residuals, times, BLOCKS, repeats=9999, rng=generator(seed))
        assert p == pytest.approx(counted(residuals, between=between), abs=0.02)


def test_a_drift_is_seen_and_what_blocks_add_is_not():
    """A steady rise is seen; blocks that differ in no order are not a drift."""
    rng = np.random.default_rng(1)
    blocks, times = np.repeat(np.arange(6), 10), np.arange(60.0)
    noise = rng.normal(size=60)
    assert drift(noise + times / 10, times, blocks, rng=generator(0)) < 0.01
    steps = np.array([0.0, 5.0, -5.0, 4.0, -4.0, 0.5])
    assert drift(noise + steps[blocks], times, blocks, rng=generator(0)) > 0.05
    assert position(noise + steps[blocks], times, blocks, rng=generator(0)) > 0.05


def test_many_values_give_the_same_answer():
    """Beyond the size at which blocks are shuffled one by one, p is that of the normal sum."""
    rng = np.random.default_rng(2)
    blocks, times = np.repeat(np.arange(5), 500), np.arange(2500.0)
    noise = rng.normal(size=2500)
    assert drift(noise + times / 1000, times, blocks, rng=generator(0)) < 0.05
    assert position(noise + (times % 500) / 500, times, blocks, rng=generator(0)) < 0.01
    assert position(noise, times, blocks, rng=generator(0)) > 0.05


@given(st.integers(0, 30), st.sampled_from([1e-6, 7.0, 1e9]))
@settings(max_examples=15, deadline=None)
def test_units_and_order_do_not_matter(seed, scale):
    """Scale, offset and the order of the trials leave p as it is."""
    rng = np.random.default_rng(seed)
    residuals, times = rng.normal(size=9), np.arange(9.0)
    order = rng.permutation(9)
    one = drift(residuals, times, BLOCKS, repeats=199, rng=generator(seed))
    other = drift(residuals[order] * scale, 5 + times[order] * scale, BLOCKS[order], repeats=199, rng=generator(seed))
    assert one == other


def test_nothing_that_varies_does_not_drift():
    """Residuals that are all 0 give p = 1."""
    assert drift(np.zeros(9), np.arange(9.0), BLOCKS, rng=generator(0)) == 1.0
