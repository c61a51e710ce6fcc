"""Predictions beside the simulator, region by region of the workload space: where they hold, and how far off else."""

from __future__ import annotations

from functools import partial

import pytest

from fairtrial.stats.resample import generator
from fairtrial.systems.threadpool import measure
from fairtrial.systems.threadpool.analytic.predict import loss, predict
from fairtrial.systems.threadpool.simulate.run import run
from fairtrial.systems.threadpool.words import Arrivals, Duration, Machine, Pool, Workload
from fairtrial.systems.threadpool.workload.draw import draw

TASKS, FIRST = 800_000, 40_000


def workload(load, blocking_us=0.0, cpu="exponential", **arrivals):
    return Workload(
        arrivals=Arrivals(rate_per_s=load * 8 / 500e-6, **arrivals),
        cpu=Duration(kind=cpu, mean_us=500.0, cv=2.0),
        blocking=Duration(mean_us=blocking_us),
    )


REGIONS = {
    "cores, N = C": (workload(0.8), 8, 0.05, 0.03),
    "cores, N > C": (workload(0.8), 16, 0.15, 0.05),
    "cores, N >> C": (workload(0.8), 64, None, 0.05),
    "blocking as long": (workload(0.8, 500.0), 16, 0.15, 0.04),
    "blocking longer": (workload(0.3, 2000.0), 16, 0.1, 0.03),
    "blocking, many": (workload(0.8, 2000.0), 64, None, 0.03),
    "high variance, N = C": (workload(0.6, cpu="lognormal"), 8, 0.8, 0.1),
    "high variance, N >> C": (workload(0.6, cpu="lognormal"), 64, None, 0.05),
    "constant tasks, N = C": (workload(0.8, cpu="constant"), 8, 0.2, 0.05),
    "bursts below capacity": (workload(0.5, kind="bursty", period_s=0.1), 8, 0.15, 0.05),
    "bursts above capacity": (workload(0.7, kind="bursty"), 16, 0.1, 0.1),
    "bursts, N >> C": (workload(0.7, kind="bursty", period_s=0.1), 64, 0.4, 0.15),
    "adversarial, short": (workload(0.5, kind="adversarial", period_s=0.01), 8, 0.3, 0.2),
    "adversarial": (workload(0.5, kind="adversarial", period_s=0.1), 16, 0.4, 0.4),
}
"""Workload, size, and how far off the mean wait (None: hardly any) and the p95 may be: approximations, not noise."""


def simulated(some, pool):
    tasks = draw(some, TASKS, partial(generator, 0))
    return run(tasks, Machine(), pool, since_s=float(tasks.due_s[FIRST]))


@pytest.mark.parametrize("region", REGIONS)
def test_regions(region):
    """Mean wait and p95 are within what the approximations of the region are worth."""
    some, workers, waits, tail = REGIONS[region]
    found = predict(some, Machine(), Pool(workers=workers))
    seen = measure.latencies(simulated(some, Pool(workers=workers)), FIRST)
    assert found["latency_p95_s"] == pytest.approx(seen["latency_p95_s"], rel=tail)
    if waits is None:
        assert found["wait_mean_s"] < 0.01 * seen["latency_mean_s"]
        assert seen["wait_mean_s"] < 0.01 * seen["latency_mean_s"]
    else:
        assert found["wait_mean_s"] == pytest.approx(seen["wait_mean_s"], rel=waits)


@pytest.mark.parametrize(("load", "workers", "limit"), [(0.9, 8, 5), (1.4, 8, 10), (0.9, 12, 3)])
def test_what_a_bounded_queue_drops(load, workers, limit):
    """Share dropped and mean wait of those let in, below and above a load of 1."""
    some, pool = workload(load), Pool(workers=workers, queue_limit=limit)
    records = simulated(some, pool)
    assert loss(some, Machine(), pool) == pytest.approx(records.dropped[FIRST:].mean(), rel=0.07)
    wait = measure.latencies(records, FIRST)["wait_mean_s"]
    assert predict(some, Machine(), pool)["wait_mean_s"] == pytest.approx(wait, rel=0.06)
