"""Permutation and changed signs within blocks."""

from __future__ import annotations

import numpy as np

from fairtrial.stats.blocks import flipped, shuffled


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


def test_changed_signs_keep_the_noise_of_each_place():
    """Draws are centred within blocks, 0 where nothing was seen, and as noisy at each place as the values are."""
    rng = np.random.default_rng(0)
    noise = np.array([1.0, 1.0, 10.0, 1.0])
    values = noise * rng.normal(size=(400, 4))
    values -= values.mean(axis=1, keepdims=True)
    seen = np.ones(values.shape, dtype=bool)
    drawn = flipped(values, seen, 50, rng)
    assert np.abs(drawn.sum(axis=2)).max() < 1e-9
    assert drawn.var(axis=(0, 1)).argmax() == 2
    assert abs(drawn[:, :, 2].std() / values[:, 2].std() - 1) < 0.15
    seen[0, 1] = False
    assert (flipped(values, seen, 50, rng)[:, 0, 1] == 0).all()
