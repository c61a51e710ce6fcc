"""The plain case, compiled: every worker has a core to itself, so that a task's end is known when it begins.

Exact where there are no more workers than cores, no contention, no wake-up and no limit to the queue. The state is
one number a worker: when it is free. Source: Kiefer and Wolfowitz (1955), On the theory of queues with many servers,
Transactions of the American Mathematical Society 78.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.record import Tally
from fairtrial.systems.threadpool.simulate.borrow import borrowed
from fairtrial.systems.threadpool.simulate.state import Work
from fairtrial.systems.threadpool.words import Machine, Pool


def exact(machine: Machine, pool: Pool) -> bool:
    """Say whether this is the plain case."""
    slowed = machine.contention or machine.coherence or machine.wake_us
    return pool.workers <= machine.cores and pool.queue_limit is None and not slowed


def serve(work: Work, workers: int, *, since_s: float, until_s: float) -> Tally:
    """Serve all tasks: fill in when they begin and end, and return the tally between two instants."""
    free = np.full(workers, -np.inf)
    busy, core, stops = _serve(work, free, since_s, until_s)
    return Tally(since_s, until_s, float(stops), busy, workers * (until_s - since_s), core)


@njit(cache=True, nogil=True, error_model="numpy")
def _serve(work: Work, free: Floats, since_s: float, until_s: float) -> tuple[float, float, int]:
    """Return worker-seconds with a task, core-seconds in use, and how often a worker blocked or fell idle."""
    due, cpu, blocking, begins, ends = (
        borrowed(work.due), borrowed(work.cpu), borrowed(work.blocking), borrowed(work.begin), borrowed(work.end),
    )  # fmt: skip
    free = borrowed(free)
    busy, core, stops = 0.0, 0.0, 0
    for task in range(len(due)):
        at = free[0]
        if at <= due[task]:  # it fell idle then, or never had a task
            stops += since_s < at <= until_s
            at = due[task]
        half = 0.5 * cpu[task]
        end = at + cpu[task] + blocking[task]
        begins[task], ends[task] = at, end
        _replace(free, end)
        busy += _within(at, end, since_s, until_s)
        if blocking[task] > 0.0:
            core += _within(at, at + half, since_s, until_s) + _within(end - half, end, since_s, until_s)
            stops += since_s < at + half <= until_s
        else:
            core += _within(at, end, since_s, until_s)
    for at in free:
        stops += since_s < at <= until_s
    return busy, core, stops


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _within(first: float, last: float, since_s: float, until_s: float) -> float:
    """Return how much of an interval lies in the window."""
    return max(min(last, until_s) - max(first, since_s), 0.0)


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _replace(heap: Floats, value: float) -> None:
    """Put a value in the place of the least one."""
    hole, size = 0, len(heap)
    while True:
        child = 2 * hole + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[hole] = heap[child]
        hole = child
    heap[hole] = value
