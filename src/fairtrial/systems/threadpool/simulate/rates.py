"""How fast a runnable worker makes progress while so many are runnable."""

from __future__ import annotations

import numpy as np

from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.words import Machine


def rates(machine: Machine, workers: int) -> Floats:
    """Return r(R), CPU-seconds a second of each of R runnable workers, for R = 0..`workers`; r(0) = 0.

    r(R) = min(1, C/R) e(R) / (1 + sigma (R - 1) + kappa R (R - 1)): C cores shared equally, of whose time the share
    e = quantum / (quantum + switch) is left where workers must take turns (R > C), and the universal scalability law
    over the runnable workers. Source: Gunther (2007), Guerrilla Capacity Planning, chapter 4.
    """
    runnable = np.arange(1, workers + 1)
    shared = np.minimum(1.0, machine.cores / runnable)
    useful = np.where(runnable > machine.cores, machine.quantum_us / (machine.quantum_us + machine.switch_us), 1.0)
    others = runnable - 1
    slowed = 1.0 + machine.contention * others + machine.coherence * runnable * others
    found: Floats = np.concatenate([[0.0], shared * useful / slowed])
    return found


def switching(machine: Machine) -> float:
    """Return the switches a second, over all cores, while workers must take turns."""
    return machine.cores / ((machine.quantum_us + machine.switch_us) * 1e-6)
