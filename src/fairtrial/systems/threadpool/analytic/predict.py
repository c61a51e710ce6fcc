"""What queueing theory says of a pool under a workload: latencies without a simulation."""

from __future__ import annotations

import math
from pathlib import Path

from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.analytic.bursts import Uneven, traced, uneven
from fairtrial.systems.threadpool.analytic.capacity import delay_s, throughputs
from fairtrial.systems.threadpool.analytic.law import percentiles, task
from fairtrial.systems.threadpool.analytic.steady import Steady, steady
from fairtrial.systems.threadpool.words import Machine, Pool, Workload
from fairtrial.systems.threadpool.workload.trace import trace

SHARES = {"latency_p50_s": 0.5, "latency_p95_s": 0.95, "latency_p99_s": 0.99}
NAMES = ("latency_mean_s", *SHARES, "wait_mean_s")
NOBODY = 1e-4
"""Where fewer wait than this, percentiles up to the 99th are those of tasks that do not wait."""


def predict(workload: Workload, machine: Machine, pool: Pool) -> dict[str, float | None]:
    """Return latency_mean_s, latency_p50_s, _p95_s, _p99_s, wait_mean_s, rho and stable of an open pool.

    Exact: rho; with Poisson arrivals and exponential times the share that waits, mean and tail of the wait where
    nothing is blocked (with no more workers than cores: Erlang C; with a bound: M/M/c/K); the mean wait of M/G/1.

    Approximations, and whose: (1) workers that share cores, lock and blocking as one server with the rates of the
    closed pool (Chandy, Herzog and Woo 1975); (2) waits of other distributions are those of exponential ones times
    (Ca^2 + Cs^2) / 2 (Allen 1990, section 5.4), and so is their exponential tail; (3) where the rate changes, Ca^2 is
    the index of dispersion at the time scale that matters (`bursts.stretch`), and the share that waits is the mean
    over the rates at that scale (pointwise stationary: Green and Kolesar 1991, Management Science 37); (4) the time
    with a worker is CPU time x one mean slowdown + blocking + being woken, independent of the wait: the slowdown is
    right in the mean (Little), its spread under processor sharing is left out; (5) being woken for an arrival does not
    make the pool busier.

    Percentiles count a dropped task as later than all others; means are of the tasks that are let in. None: no steady
    state (rho >= 1 without a bound; stable is 0), or an infinite variance of the times (Pareto with a shape of 2 or
    less), for which (2) has no number, unless hardly anybody waits: then percentiles are those of the time with a
    worker. Raises UserError for a trace that cannot be read.
    """
    workload, arrivals = _arrivals(workload, machine)
    able = throughputs(workload, machine, pool.workers)
    rho = workload.arrivals.rate_per_s / float(able[-1])
    found: dict[str, float | None] = {**dict.fromkeys(NAMES), "rho": rho, "stable": 1.0}
    if rho >= 1 and pool.queue_limit is None:
        return {**found, "stable": 0.0}
    met = steady(workload, machine, pool, arrivals=arrivals, throughputs=able)
    return found | _means(met, machine) | _percentiles(workload, machine, met)


def loss(workload: Workload, machine: Machine, pool: Pool) -> float:
    """Return the share of what arrives that a bounded queue drops; 0 without a bound."""
    if pool.queue_limit is None:
        return 0.0
    workload, arrivals = _arrivals(workload, machine)
    able = throughputs(workload, machine, pool.workers)
    return steady(workload, machine, pool, arrivals=arrivals, throughputs=able).dropped


def _arrivals(workload: Workload, machine: Machine) -> tuple[Workload, Uneven]:
    """Return the workload with the rate that it really has, and how uneven its arrivals are."""
    arrivals = workload.arrivals
    if arrivals.kind != "trace":
        held_s = workload.cpu.mean_s + delay_s(workload, machine)
        return workload, uneven(arrivals, cpu_share=workload.cpu.mean_s / held_s)
    due_s = trace(str(arrivals.trace), _lines(Path(str(arrivals.trace))))
    real = arrivals.model_copy(update={"rate_per_s": len(due_s) / float(due_s[-1])})
    return workload.model_copy(update={"arrivals": real}), traced(due_s)


def _lines(path: Path) -> int:
    """Count the lines of a file; 2, the least that has a gap, where it cannot be read: reading it says why."""
    try:
        return max(2, len(path.read_text().splitlines()))
    except (OSError, UnicodeDecodeError):
        return 2


def _means(met: Steady, machine: Machine) -> dict[str, float | None]:
    if not math.isfinite(met.wait_s) and met.waits:
        return {}
    at_once = (1 - met.waits) * (met.stay_s + machine.wake_us * 1e-6) if met.waits < 1 else 0.0
    wait_s = met.waits * met.wait_s
    return {"wait_mean_s": wait_s, "latency_mean_s": wait_s + at_once + met.waits * met.busy_s}


def _percentiles(workload: Workload, machine: Machine, met: Steady) -> dict[str, float | None]:
    waits = met.waits
    if not math.isfinite(met.wait_s):
        if waits > NOBODY:
            return {}
        waits = 0.0
    tasks, delayed_s, woken_s = task(workload), delay_s(workload, machine), machine.wake_us * 1e-6

    def slowdown(stay_s: float) -> float:
        return (stay_s - delayed_s) / workload.cpu.mean_s if workload.cpu.mean_us else 0.0

    again_s = delayed_s - workload.blocking.mean_s
    busy = tasks.stays(slowdown=slowdown(met.busy_s), more_s=again_s)
    free = tasks.stays(slowdown=slowdown(met.stay_s), more_s=again_s + woken_s) if waits < 1 else busy
    few = busy.few()

    def above(seconds: Floats) -> Floats:
        late = met.longer(seconds[..., None] - few.values) @ few.weights
        served = (1 - waits) * free.above(seconds) + waits * late
        found: Floats = met.dropped + (1 - met.dropped) * served
        return found

    ends = percentiles(
        tuple(SHARES.values()),
        above,
        least=float(min(busy.values[0], free.values[0])) / 2,
        most=float(max(busy.values[-1], free.values[-1])) * 1.01 + met.most_s,
    )
    return {name: value if math.isfinite(value) else None for name, value in zip(SHARES, ends, strict=True)}
