"""What threads cost on this machine, measured: CPU work, waking a thread up, switching between two, starting one."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.real.binding import check, cpus, load
from fairtrial.systems.threadpool.real.place import place

ITERATIONS, MEASUREMENTS = 500_000, 41
WAKES, SPAWNS = 1000, 300
ROUNDS, BATCHES = 200, 41


@dataclass(frozen=True, slots=True)
class Costs:
    """Medians, in seconds."""

    wake_s: float
    """From signalling a condition variable to its waiter's running, the waiter asleep, the caller on another CPU."""
    switch_s: float
    """From one thread to another on the same CPU."""
    spawn_s: float
    """From asking for a thread to its running."""


@dataclass(frozen=True, slots=True)
class Spin:
    """How long CPU work takes: tasks are so many iterations of a loop of arithmetic."""

    ns_per_iteration: float
    """Median of the measurements; also the resolution of CPU times."""
    spread: float
    """Interquartile range of the measurements, as a share of their median."""

    def iterations(self, cpu_s: Floats) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return how many iterations take these CPU times."""
        return np.rint(np.asarray(cpu_s, float) * 1e9 / self.ns_per_iteration).astype(np.int64)


def spin(cpu: int | None = None) -> Spin:
    """Measure the loop in CPU time on one thread kept on that CPU (the first of this process), warmed up."""
    library = load()
    where = cpus(place(1).workers if cpu is None else (cpu,))
    times = _measure(lambda count, out: library.measure_spin(where, ITERATIONS, count, out), MEASUREMENTS)
    low, middle, high = np.quantile(times, (0.25, 0.5, 0.75))
    return Spin(ns_per_iteration=float(middle / ITERATIONS), spread=float((high - low) / middle))


def costs() -> Costs:
    """Measure for half a second what threads cost on the CPUs of this process, which should be idle meanwhile.

    A switch is half of what a byte needs to another thread of the same CPU and back, less what the same calls cost
    one thread alone (as lmbench does, McVoy and Staelin 1996).
    """
    library = load()
    spot = place(1)
    workers, caller = cpus(spot.workers), cpus(spot.submitter)
    wake = _measure(lambda count, out: library.measure_wake(workers, caller, count, out), WAKES)
    both = _measure(lambda count, out: library.measure_pass(workers, 0, ROUNDS, count, out), BATCHES)
    alone = _measure(lambda count, out: library.measure_pass(workers, 1, ROUNDS, count, out), BATCHES)
    spawn = _measure(lambda count, out: library.measure_spawn(workers, count, out), SPAWNS)
    switch = max(float(np.median(both)) / 2 - float(np.median(alone)), 0.0)
    return Costs(wake_s=float(np.median(wake)) / 1e9, switch_s=switch / 1e9, spawn_s=float(np.median(spawn)) / 1e9)


def _measure(call: Callable[[int, ctypes.c_void_p], int], count: int) -> Floats:
    """Return `count` times in nanoseconds."""
    times = np.zeros(count, np.int64)
    check(call(count, times.ctypes.data_as(ctypes.c_void_p)), "measure what threads cost here")
    return times.astype(float)
