"""What threads cost here: positive, finite, and of the order that such things have anywhere."""

from __future__ import annotations

import dataclasses

import numpy as np

from fairtrial.systems.threadpool.real.costs import Spin, costs, spin


def test_costs_are_measured(compiled):
    """Each cost is there: more than nothing, less than a tenth of a second."""
    found = dataclasses.asdict(costs())
    assert sorted(found) == ["spawn_s", "switch_s", "wake_s"]
    assert all(0 < value < 0.1 for value in found.values())


def test_spin_is_measured(compiled):
    """An iteration is a multiplication and an addition that wait for each other: not left out by the compiler."""
    found = spin()
    assert 0.2 < found.ns_per_iteration < 100
    assert found.spread >= 0


def test_iterations():
    """CPU times become whole numbers of iterations, the nearest."""
    times = Spin(ns_per_iteration=2.0, spread=0.0).iterations(np.array([0.0, 1e-9, 3.1e-9, 1e-3]))
    assert times.tolist() == [0, 0, 2, 500_000]
