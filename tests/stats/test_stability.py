"""Growing backlogs, and stretches whose means differ."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fairtrial.stats.stability import growth, shift


def test_a_line_grows_by_its_rise():
    """A backlog that grows by two a step has grown by twice the steps, beyond any chance."""
    found = growth(2.0 * np.arange(51))
    assert found.amount == pytest.approx(100)
    assert found.chance == pytest.approx(0, abs=1e-9)
    assert found.significant


def test_what_stays_or_falls_has_not_grown():
    """A constant and a falling backlog are not significant."""
    assert not growth(np.full(51, 7.0)).significant
    assert not growth(50.0 - np.arange(51)).significant


def rises(drift, repeats=2000, steps=50):
    """Return the share of random walks whose growth is significant."""
    rng = np.random.default_rng(0)
    walks = np.cumsum(rng.normal(drift, 1.0, (repeats, steps)), axis=1)
    return np.mean([growth(np.concatenate([[0.0], walk])).significant for walk in walks])


def test_random_walks_grow_as_often_as_promised():
    """A queue at exactly its capacity is taken for growing in about 5 % of the cases."""
    assert 0.035 <= rises(0.0) <= 0.07


def test_drift_is_seen():
    """A drift of half a step's deviation is seen nearly always."""
    assert rises(0.5) > 0.85


def test_a_backlog_at_the_end_alone_is_not_growth():
    """A stall in the last tenth fills the backlog, but the fitted line stays within chance."""
    backlog = np.concatenate([np.tile([2.0, 3.0], 23), np.arange(5, 105, 20)])
    assert not growth(backlog).significant


def test_a_shift_is_relative_to_the_second_stretch():
    """From 3 to 2 is a fall by half of what follows."""
    rng = np.random.default_rng(0)
    found = shift(3 + rng.normal(0, 0.05, 10), 2 + rng.normal(0, 0.05, 10))
    assert found.share == pytest.approx(-0.5, rel=0.05)
    assert found.t < 0
    assert found.significant(0.001)


def test_constants():
    """Without any noise, a difference is certain and none is none."""
    assert not shift(np.full(8, 0.1), np.full(8, 0.1)).significant(0.01)
    assert shift(np.full(8, 1.0), np.full(8, 2.0)).t == math.inf
    assert math.isnan(shift(np.full(8, 1.0), np.zeros(8)).share)


def test_a_slope_within_a_stretch_is_not_its_noise():
    """A fall within the first stretch does not hide that it lies above the second."""
    noise = np.random.default_rng(0).normal(0, 0.05, 20)
    assert shift(2 - np.arange(10) / 20 + noise[:10], 1 + noise[10:]).significant(0.001)


def alarms(phi, alpha, repeats=2000):
    """Return how often halves of a stationary AR(1) series of twenty are told apart."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(repeats, 120))
    series = np.empty_like(noise)
    series[:, 0] = noise[:, 0] / math.sqrt(1 - phi**2)
    for i in range(1, noise.shape[1]):
        series[:, i] = phi * series[:, i - 1] + noise[:, i]
    return np.mean([shift(row[-20:-10], row[-10:]).significant(alpha) for row in series])


@pytest.mark.parametrize(("phi", "most"), [(0.0, 0.01), (0.3, 0.04), (0.5, 0.08)])
def test_alarms_on_stationary_series(phi, most):
    """At alpha 1 % the alarms stay below that without autocorrelation, and at a few per cent with much of it."""
    assert alarms(phi, 0.01) <= most
