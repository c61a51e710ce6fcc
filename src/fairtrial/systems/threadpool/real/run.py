"""A real pool under a workload: the floor of null tasks first, then the tasks, then the facts beside the records."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fairtrial.systems.threadpool.real.native import Native
from fairtrial.systems.threadpool.record import Records, Tasks
from fairtrial.systems.threadpool.words import Machine, Pool

FLOOR_TASKS, FLOOR_RATE_PER_S = 1000, 2000.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What must be known to judge the latencies of a real pool."""

    floor_p50_s: float
    """Latency of tasks without work through the same pool, median: what the pool and this harness add."""
    floor_p99_s: float
    lateness_p99_s: float
    """How late tasks were submitted (their latency counts from when they were due)."""
    spin_ns_per_iteration: float
    """Resolution of CPU times."""
    spin_spread: float
    """Interquartile range of its measurements, as a share of their median."""
    cores: int
    apart: bool
    """The submitter had a CPU that no worker used; else it took some of theirs."""
    ahead: bool
    """The system let it run before ordinary threads (root, or RLIMIT_RTPRIO)."""
    kept: bool
    """Threads were kept on their CPUs."""


def run(tasks: Tasks, machine: Machine, pool: Pool, *, since_s: float = 0.0) -> tuple[Records, Facts]:
    """Run the tasks at their due times in real time, to the last one's end; the tally begins at `since_s`.

    Raises UserError: more cores than there are; MissingPart: no C compiler; Invalid: the threads stood still.
    """
    floor = floor_s(machine, pool)
    with Native(tasks, machine, pool) as native:
        native.advance(math.inf)
        records = native.records(since_s)
        late = native.submitted_s - tasks.due_s
        facts = _facts(native, floor=floor, lateness_p99_s=float(np.quantile(late, 0.99)))
    return records, facts


def floor_s(machine: Machine, pool: Pool) -> tuple[float, float]:
    """Return the median and the 99th percentile, in seconds, of the latency of null tasks at a modest rate."""
    nothing = np.zeros(FLOOR_TASKS)
    null = Tasks(due_s=np.arange(FLOOR_TASKS) / FLOOR_RATE_PER_S, cpu_s=nothing, blocking_s=nothing)
    with Native(null, machine, Pool(workers=pool.workers)) as native:
        native.advance(math.inf)
        low, high = np.quantile(native.records().latency_s, (0.5, 0.99))
    return float(low), float(high)


def _facts(native: Native, *, floor: tuple[float, float], lateness_p99_s: float) -> Facts:
    return Facts(
        floor_p50_s=floor[0],
        floor_p99_s=floor[1],
        lateness_p99_s=lateness_p99_s,
        spin_ns_per_iteration=native.spin.ns_per_iteration,
        spin_spread=native.spin.spread,
        cores=len(native.place.workers),
        apart=native.place.apart,
        ahead=native.is_ahead,
        kept=native.place.kept,
    )
