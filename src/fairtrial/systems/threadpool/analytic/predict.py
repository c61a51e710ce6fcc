"""What queueing theory says of a pool under a workload: latencies without a simulation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.analytic.bursts import Uneven, traced
from fairtrial.systems.threadpool.analytic.capacity import delay_s, throughputs
from fairtrial.systems.threadpool.analytic.law import ATOMS, Atoms, condensed, percentiles, task
from fairtrial.systems.threadpool.analytic.steady import Steady, steady
from fairtrial.systems.threadpool.words import Machine, Pool, Workload
from fairtrial.systems.threadpool.workload.trace import trace

SHARES = {"latency_p50_s": 0.5, "latency_p95_s": 0.95, "latency_p99_s": 0.99}
NAMES = ("latency_mean_s", *SHARES, "wait_mean_s")
NOBODY = 1e-4
"""Where fewer wait than this, percentiles up to the 99th are those of tasks that do not wait."""
ALIKE = 0.02
"""Slowdowns count as one where they change the mean time with a worker by less than this share of it."""
SLOWDOWNS = 8
"""Slowdowns that stand for all that tasks meet."""


@dataclass(frozen=True, slots=True)
class _Case:
    """What is predicted, and what its tasks meet."""

    workload: Workload
    machine: Machine
    met: Steady
    stays_s: Floats
    """Mean time with a worker, being woken included, of a task that is the k-th in the pool, k = 1..N."""

    @property
    def woken_s(self) -> float:
        return self.machine.wake_us * 1e-6

    @property
    def busy_s(self) -> float:
        """Mean time with a worker of a task that waited: all are busy, none is woken."""
        return float(self.stays_s[-1]) - self.woken_s


def predict(workload: Workload, machine: Machine, pool: Pool, *, tasks: int | None = None) -> dict[str, float | None]:
    """Return latency_mean_s, latency_p50_s, _p95_s, _p99_s, wait_mean_s, rho and stable of an open pool.

    Exact: rho; with Poisson arrivals and exponential times the share that waits, mean and tail of the wait where
    nothing is blocked (with no more workers than cores: Erlang C; with a bound: M/M/c/K); the mean wait of M/G/1.

    Approximations, and whose: (1) workers that share cores, lock and blocking are one server with the rates of the
    closed pool (Chandy, Herzog and Woo 1975); (2) waits of other distributions are those of exponential ones times
    (Ca^2 + Cs^2) / 2, and so is their exponential tail (Allen 1990; of a trace, Ca^2 by Whitt and You 2018: `stretch`);
    (3) where the rate swings, a fluid backlog and the steady state of each level (`steady._swinging`); (4) the time
    with a worker is CPU time x slowdown + blocking + being woken, the slowdown being k / X(k) at the k tasks that are
    met, which is right in the mean (Little), and moving to the mean of all while the task lasts; it does not depend
    on how long the task waited; (5) while a worker is idle all tasks were begun by one that was woken.

    Percentiles count a dropped task as later than all others; means are of the tasks that are let in. None: no steady
    state (rho >= 1 without a bound; stable is 0), or an infinite variance of the times (Pareto with a shape of 2 or
    less), for which (2) has no number, unless hardly anybody waits: then percentiles are those of the time with a
    worker. `tasks`: how many of a trace count; None: all. Raises UserError for a trace that cannot be read.
    """
    workload, arrivals = _arrivals(workload, tasks)
    able = _able(workload, machine, pool)
    rho = workload.arrivals.rate_per_s / float(able[-1])
    found: dict[str, float | None] = {**dict.fromkeys(NAMES), "rho": rho, "stable": 1.0}
    if rho >= 1 and pool.queue_limit is None:
        return {**found, "stable": 0.0}
    met = steady(workload, machine, pool, arrivals=arrivals, throughputs=able)
    stays_s = np.arange(1, pool.workers + 1) / able
    stays_s[-1] += machine.wake_us * 1e-6
    case = _Case(workload, machine, met, stays_s)
    return found | _means(case) | _percentiles(case)


def loss(workload: Workload, machine: Machine, pool: Pool) -> float:
    """Return the share of what arrives that a bounded queue drops; 0 without a bound."""
    if pool.queue_limit is None:
        return 0.0
    workload, arrivals = _arrivals(workload)
    able = _able(workload, machine, pool)
    return steady(workload, machine, pool, arrivals=arrivals, throughputs=able).dropped


def _able(workload: Workload, machine: Machine, pool: Pool) -> Floats:
    """Return the tasks a second with 1..N in the pool: below N each was begun by a worker that was woken for it."""
    able = throughputs(workload, machine, pool.workers)
    if machine.wake_us and pool.workers > 1:
        able[:-1] = throughputs(workload, machine, pool.workers - 1, woken=True)
    return able


def _arrivals(workload: Workload, tasks: int | None = None) -> tuple[Workload, Uneven]:
    """Return the workload with the rate that it really has, and how uneven its arrivals are apart from swings."""
    arrivals = workload.arrivals
    if arrivals.kind != "trace":
        return workload, Uneven(0.0 if arrivals.kind == "constant" else 1.0)
    due_s = trace(str(arrivals.trace), tasks or _lines(Path(str(arrivals.trace))))
    real = arrivals.model_copy(update={"rate_per_s": len(due_s) / float(due_s[-1])})
    return workload.model_copy(update={"arrivals": real}), traced(due_s)


def _lines(path: Path) -> int:
    """Count the lines of a file; 2, the least that has a gap, where it cannot be read: reading it says why."""
    try:
        return max(2, len(path.read_text().splitlines()))
    except (OSError, UnicodeDecodeError):
        return 2


def _means(case: _Case) -> dict[str, float | None]:
    waits, wait = case.met.waits, case.met.wait
    if wait is None:
        return {}
    wait_s = waits * wait.mean_s
    at_once = (1 - waits) * float(case.met.free @ case.stays_s)
    return {"wait_mean_s": wait_s, "latency_mean_s": wait_s + at_once + waits * case.busy_s}


def _percentiles(case: _Case) -> dict[str, float | None]:
    met, waits = case.met, case.met.waits
    if met.wait is None and waits > NOBODY:
        return {}
    free, busy = _stays(case)
    few, wait = busy.few(), met.wait

    def above(seconds: Floats) -> Floats:
        served = free.above(seconds)
        if wait is not None:
            late = wait.longer(seconds[..., None] - few.values) @ few.weights
            served = (1 - waits) * served + waits * late
        found: Floats = met.dropped + (1 - met.dropped) * served
        return found

    ends = percentiles(
        tuple(SHARES.values()),
        above,
        least=float(min(busy.values[0], free.values[0])) / 2,
        most=float(max(busy.values[-1], free.values[-1])) * 1.01 + (wait.most_s if wait else 0.0),
    )
    return {name: float(value) if np.isfinite(value) else None for name, value in zip(SHARES, ends, strict=True)}


def _stays(case: _Case) -> tuple[Atoms, Atoms]:
    """Return the time with a worker of those who do not wait, and of those who do."""
    delayed_s, cpu_s = delay_s(case.workload, case.machine), case.workload.cpu.mean_s
    slowdowns = (case.stays_s - delayed_s - case.woken_s) / cpu_s if cpu_s else np.zeros_like(case.stays_s)
    again_s = delayed_s - case.workload.blocking.mean_s
    met, chances = _met(slowdowns, case.met.free, least=ALIKE * float(case.met.free @ case.stays_s), cpu_s=cpu_s)
    tasks = task(case.workload, ATOMS // len(met))
    busy = tasks.stays(slowdowns[-1:], np.ones(1), more_s=again_s)
    if not chances.sum():
        return busy, busy
    settles_s = case.met.settles_s
    return tasks.stays(met, chances, more_s=again_s + case.woken_s, settles_s=settles_s), busy


def _met(slowdowns: Floats, free: Floats, *, least: float, cpu_s: float) -> tuple[Floats, Floats]:
    """Return the slowdowns that tasks meet, at most 8, and how often; their mean where they hardly differ.

    `least`: standard deviation of the mean CPU time, slowed down, that makes a difference.
    """
    mean = float(free @ slowdowns)
    if math.sqrt(max(0.0, float(free @ (slowdowns - mean) ** 2))) * cpu_s <= least:
        return np.array([mean]), free.sum(keepdims=True)
    order = np.argsort(slowdowns)
    return condensed(slowdowns[order], free[order], SLOWDOWNS)
