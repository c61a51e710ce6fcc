"""The older telemetry generator: rows made up from formulas, which no pool ever showed. Its ranges, seeded."""

from __future__ import annotations

import math

import numpy as np

from fairtrial.stats.resample import generator
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.parameters import FAMILIES
from fairtrial.systems.threadpool.telemetry.record import Row
from fairtrial.systems.threadpool.telemetry.schema import NAMES
from fairtrial.systems.threadpool.words import Arrivals, Duration, Workload

PATTERN = ("steady",) * 4 + ("bursty",) * 3 + ("adversarial",) * 3
"""Families of ten rows: 800, 600 and 600 of 2,000, and the same shares of any other number."""
SPEED_PER_S = 200.0
"""Tasks a second that a worker is assumed to do, whatever their size, in steady and bursty rows."""
ALTERNATES = 50
"""Bursty rows from one change of the rate to the next."""
WORKLOAD = ("arrival_rate", "task_size_mean", "task_size_var")
"""The features that a workload can be made of."""
STEADY_PER_S, HIGH_PER_S, LOW_PER_S = 100.0, 200.0, 50.0


def older(seed: int, row: int, *, cores: int) -> Row:
    """Return one row; it depends on the seed and its number alone, so that any first rows are those of a longer list.

    `cores` is passed on: these rows know of none.
    """
    tens, place = divmod(row, len(PATTERN))
    order = generator(seed, "telemetry", "older", "order", str(tens)).permutation(len(PATTERN))
    families = [PATTERN[kind] for kind in order.tolist()]
    family = families[place]
    rng = generator(seed, "telemetry", "older", str(row))
    if family == "adversarial":
        found = _adversarial(rng)
    else:
        bursts = tens * PATTERN.count("bursty") + families[:place].count("bursty")
        high = bursts // ALTERNATES % 2 == 0
        rate = STEADY_PER_S if family == "steady" else HIGH_PER_S if high else LOW_PER_S
        found = _steady(rng, rate)
    features = np.array([found[name] for name in NAMES])
    return Row(features, behind(features), FAMILIES.index(family), cores)


def behind(features: Floats) -> Workload:
    """Return the workload that ten numbers tell of: Poisson arrivals of log-normal tasks that never block.

    A row says the rate, and mean and variance of the CPU time, no more. They must be above 0 (the variance may be 0).
    """
    rate, mean, variance = (float(features[NAMES.index(name)]) for name in WORKLOAD)
    if variance > 0:
        cpu = Duration(kind="lognormal", mean_us=mean, cv=math.sqrt(variance) / mean)
    else:
        cpu = Duration(kind="constant", mean_us=mean)
    return Workload(arrivals=Arrivals(rate_per_s=rate), cpu=cpu)


def _steady(rng: np.random.Generator, rate: float) -> dict[str, float]:
    """Steady and bursty rows: tasks of about 500 us."""
    workers = int(rng.choice((4, 8, 16, 32)))
    size = max(rng.normal(500.0, 50.0), 1.0)
    found = _shared(rate, workers, SPEED_PER_S, queued=max(0.0, math.floor(rate - workers * SPEED_PER_S)))
    median = 10 * found["runq_len"] + size
    return found | {
        "task_time_p50_us": median,
        "task_time_p95_us": max(1.5 * median + rng.normal(0.0, 100.0), median),
        "ctx_switches_per_sec": max(10 * workers + rng.normal(0.0, 20.0), 0.0),
        "task_size_mean": size,
        "task_size_var": max(rng.normal(2500.0, 500.0), 0.0),
    }


def _adversarial(rng: np.random.Generator) -> dict[str, float]:
    rate = rng.uniform(20.0, 300.0)
    workers = int(rng.choice((2, 4, 8, 16, 32, 64)))
    size = rng.uniform(100.0, 2000.0)
    found = _shared(rate, workers, 1e6 / size, queued=math.floor(rng.exponential(5.0)))
    median = 10 * found["runq_len"] + size
    return found | {
        "task_time_p50_us": median,
        "task_time_p95_us": median * rng.uniform(1.2, 2.5),
        "ctx_switches_per_sec": workers * rng.uniform(5.0, 20.0),
        "task_size_mean": size,
        "task_size_var": size**2 * rng.uniform(0.1, 0.5),
    }


def _shared(rate: float, workers: int, speed_per_s: float, *, queued: float) -> dict[str, float]:
    """Return what follows from a rate and the assumed speed of a worker."""
    busy = min(1.0, rate / (workers * speed_per_s))
    return {
        "runq_len": float(queued),
        "arrival_rate": rate,
        "completion_rate": min(rate, workers * speed_per_s),
        "worker_util": busy,
        "idle_worker_count": float(math.floor(workers * (1 - busy))),
    }
