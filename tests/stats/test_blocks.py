"""Permutation within blocks."""

from __future__ import annotations

import numpy as np

from fairtrial.stats.blocks import shuffled


def test_values_stay_in_their_block_and_in_seen_places():
    """Each draw holds each block's seen values, in its seen places only."""
    values = np.arange(12.0).reshape(3, 4) + 1
    seen = np.ones((3, 4), dtype=bool)
    seen[1, 2] = False
    drawn = shuffled(values, seen, 200, np.random.default_rng(0))
    assert drawn.shape == (200, 3, 4)
    assert (drawn[:, 1, 2] == 0).all()
    for block in range(3):
        expected = np.sort(values[block, seen[block]])
        assert (np.sort(drawn[:, block, seen[block]], axis=1) == expected).all()


def test_every_order_comes_up():
    """All six orders of three values are drawn, each about as often."""
    drawn = shuffled(np.array([[1.0, 2.0, 3.0]]), np.ones((1, 3), dtype=bool), 6000, np.random.default_rng(0))
    orders, counts = np.unique(drawn[:, 0], axis=0, return_counts=True)
    assert len(orders) == 6
    assert (np.abs(counts - 1000) < 150).all()
