"""Workloads to tasks: arrivals, CPU and blocking times, each from its own stream of the trial's seed."""

from __future__ import annotations

from collections.abc import Callable
from math import log1p, sqrt

import numpy as np

from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.record import Tasks
from fairtrial.systems.threadpool.words import Arrivals, Duration, Workload
from fairtrial.systems.threadpool.workload.periods import Periods, periods
from fairtrial.systems.threadpool.workload.trace import trace

Stream = Callable[[str], np.random.Generator]


def draw(workload: Workload, count: int, rng: Stream) -> Tasks:
    """Return `count` tasks; `rng` gives the streams `arrivals`, `cpu` and `blocking`.

    The same streams give the same tasks, whatever the pool and the machine. Raises UserError for a trace that cannot
    be read or is too short, and for periods that are far shorter than the time between two arrivals.
    """
    due, times = due_s(workload.arrivals, count, rng("arrivals"))
    stream = rng("cpu")
    cpu = durations_s(workload.cpu, count, stream)
    if times is not None:
        cpu *= times.work(workload.arrivals, due, stream)
    return Tasks(due, cpu, durations_s(workload.blocking, count, rng("blocking")))


def due_s(arrivals: Arrivals, count: int, rng: np.random.Generator) -> tuple[Floats, Periods | None]:
    """Return when tasks arrive, ascending, shape (count,), and the periods of an adversarial workload.

    A rate that varies is a Poisson process of rate 1 seen through the inverse of the integrated rate. Source: Cinlar
    (1975), Introduction to Stochastic Processes, section 4.7.
    """
    if arrivals.kind == "trace":
        return trace(str(arrivals.trace), count), None
    if arrivals.kind == "constant":
        return np.arange(1, count + 1) / arrivals.rate_per_s, None
    expected = np.cumsum(rng.standard_exponential(count)) / arrivals.rate_per_s
    if arrivals.kind == "bursty":
        return _bursts(arrivals, expected), None
    if arrivals.kind == "adversarial":
        found = periods(arrivals, float(expected[-1]), rng)
        return found.due(expected), found
    return expected, None


def _bursts(arrivals: Arrivals, expected_s: Floats) -> Floats:
    """Turn times at the mean rate into times at a high rate in the first half of each period, then at a low one."""
    period, high = arrivals.period_s, 2 * arrivals.burst_times / (1 + arrivals.burst_times)
    whole = np.floor(expected_s / period)
    within = expected_s - whole * period
    first = high * period / 2  # how much of a period's arrivals, in seconds at the mean rate, the first half brings
    early = within / high
    late = period / 2 + (within - first) / (2 - high)
    found: Floats = whole * period + np.where(within < first, early, late)
    return np.maximum.accumulate(found)  # rounding at a period's edge


def durations_s(duration: Duration, count: int, rng: np.random.Generator) -> Floats:
    """Return times drawn from the distribution, in seconds, shape (count,)."""
    mean = duration.mean_s
    if not mean:
        return np.zeros(count)
    match duration.kind:
        case "constant":
            return np.full(count, mean)
        case "exponential":
            return mean * rng.standard_exponential(count)
        case "lognormal":
            spread = log1p(duration.cv**2)
            found: Floats = np.exp(sqrt(spread) * rng.standard_normal(count))
            found *= mean * np.exp(-spread / 2)
            return found
        case "pareto":
            tail: Floats = np.exp(rng.standard_exponential(count) / duration.shape)
            tail *= mean * (duration.shape - 1) / duration.shape
            return tail
        case "mix":
            share, times = duration.long_share, duration.long_times
            short = mean / (1 + share * (times - 1))
            return np.where(rng.random(count) < share, short * times, short)
