"""Progress of a runnable worker: cores shared, turns paid for, contention."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.stats.usl import Usl
from fairtrial.systems.threadpool.simulate.rates import rates, switching
from fairtrial.systems.threadpool.words import Machine


def test_cores_are_shared_equally():
    """Up to C workers run at full speed; more share C cores, less the cost of taking turns."""
    found = rates(Machine(cores=2, switch_us=100, quantum_us=400), 4)
    np.testing.assert_allclose(found, [0.0, 1.0, 1.0, 2 / 3 * 0.8, 2 / 4 * 0.8])


def test_scalability_law():
    """With cores for all, R workers together are as fast as the universal scalability law says."""
    runnable = np.arange(1, 33)
    found = rates(Machine(cores=32, contention=0.05, coherence=0.002), 32)[1:]
    np.testing.assert_allclose(runnable * found, Usl(1.0, 0.05, 0.002).at(runnable))


def test_switches_a_second():
    """Each of the cores switches once a quantum and the switch itself."""
    assert switching(Machine(cores=4, switch_us=100, quantum_us=400)) == pytest.approx(4 / 500e-6)
