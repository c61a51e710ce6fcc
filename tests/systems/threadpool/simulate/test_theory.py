"""The simulator against queueing theory: within 3 standard errors, which are at most 2 %.

Long runs are independent replications, each without its first tasks (a hundred relaxation times of the heaviest load).
"""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from fairtrial.stats.queueing import mg1_wait_mean, mmc_wait_mean
from fairtrial.systems.threadpool.simulate.run import run, simulated
from fairtrial.systems.threadpool.simulate.virtual import Virtual
from fairtrial.systems.threadpool.words import Arrivals, Duration, Machine, Pool, Workload
from fairtrial.systems.threadpool.workload.draw import draw

SERVICE_S = 500e-6
FEW, QUICK, MORE = (30, 100_000, 10_000), (40, 200_000, 20_000), (100, 200_000, 20_000)
LONG, LONGEST = (24, 1_100_000, 100_000), (80, 1_100_000, 100_000)
"""Replications, tasks of each, and how many of these are left out."""
PRECISION = 0.02


def mean_of(way, streams, size, *, load, workers=1, cores=None):
    """Return the mean of `way` (records -> a value a task) over replications, and its standard error."""
    replications, count, warm = size
    machine = Machine(cores=workers if cores is None else cores, wake_us=0, switch_us=0)
    means = []
    for seed in range(replications):
        tasks = draw(load, count, streams(seed))
        means.append(float(way(tasks, machine, Pool(workers=workers))[warm:].mean()))
    return np.mean(means), np.std(means, ddof=1) / sqrt(replications)


def waits(engine):
    """Return the wait of each task, by one of the two ways."""
    return lambda tasks, machine, pool: engine(tasks, machine, pool).wait_s


def responses(tasks, machine, pool):
    """Return the time of each task in the pool, by the engine."""
    return simulated(tasks, machine, pool).latency_s


def at(load, *, workers=1, kind="exponential", **more):
    """A workload that keeps so much of each worker busy."""
    arrivals = Arrivals(rate_per_s=load * workers / SERVICE_S)
    return Workload(arrivals=arrivals, cpu=Duration(kind=kind, mean_us=SERVICE_S * 1e6, **more))


def agrees(found, theory):
    """Whether the mean is that of the theory, and known well enough to say so."""
    mean, error = found
    assert 3 * error <= PRECISION * theory
    assert mean == pytest.approx(theory, abs=3 * error)


@pytest.mark.parametrize("load", [0.5, 0.8])
@pytest.mark.parametrize("workers", [1, 2, 4, 8])
def test_erlang_c(workers, load, streams):
    """M/M/c: the mean wait is Erlang's, by the plain way."""
    size = QUICK if workers < 8 else MORE  # of eight workers few tasks wait, and those vary more
    found = mean_of(waits(run), streams, size, load=at(load, workers=workers), workers=workers)
    agrees(found, mmc_wait_mean(load * workers / SERVICE_S, SERVICE_S, workers))


@pytest.mark.parametrize("workers", [1, 4])
def test_erlang_c_by_the_engine(workers, streams):
    """M/M/c at load 0.8: the mean wait is Erlang's, by the event engine."""
    found = mean_of(waits(simulated), streams, QUICK, load=at(0.8, workers=workers), workers=workers)
    agrees(found, mmc_wait_mean(0.8 * workers / SERVICE_S, SERVICE_S, workers))


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("engine", [run, simulated])
@pytest.mark.parametrize("load", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("workers", [1, 2, 4, 8])
def test_erlang_c_heavy(workers, load, engine, streams):
    """M/M/c from half to nearly all of what the workers can do, there with 8e7 tasks: both ways."""
    size = LONGEST if load > 0.9 else LONG
    found = mean_of(waits(engine), streams, size, load=at(load, workers=workers), workers=workers)
    agrees(found, mmc_wait_mean(load * workers / SERVICE_S, SERVICE_S, workers))


VARIED = {"constant": {}, "lognormal": {"cv": 0.8}, "mix": {"long_share": 0.1, "long_times": 5.0}}


@pytest.mark.parametrize("kind", VARIED)
def test_one_worker(kind, streams):
    """M/G/1 (constant work: M/D/1): the mean wait is Pollaczek's and Khinchine's."""
    load = at(0.7, kind=kind, **VARIED[kind])
    theory = mg1_wait_mean(0.7 / SERVICE_S, SERVICE_S, load.cpu.variation)
    agrees(mean_of(waits(simulated), streams, QUICK, load=load), theory)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("load", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("kind", VARIED)
def test_one_worker_heavy(kind, load, streams):
    """M/G/1 (constant work: M/D/1) up to a load of 0.95, there with 8e7 tasks."""
    work = at(load, kind=kind, **VARIED[kind])
    theory = mg1_wait_mean(load / SERVICE_S, SERVICE_S, work.cpu.variation)
    agrees(mean_of(waits(simulated), streams, LONGEST if load > 0.9 else LONG, load=work), theory)


@pytest.mark.parametrize("kind", ["exponential", *VARIED])
def test_sharing_is_insensitive(kind, streams):
    """M/G/1 with processor sharing: the mean time in the pool is S / (1 - load), whatever the distribution of work."""
    load = at(0.7, kind=kind, **VARIED.get(kind, {}))
    found = mean_of(responses, streams, FEW, load=load, workers=1024, cores=1)
    agrees(found, SERVICE_S / 0.3)


def test_sharing_among_cores(streams):
    """M/M/c with processor sharing has as many tasks in it as in order of arrival, so their mean time is equal."""
    found = mean_of(responses, streams, FEW, load=at(0.8, workers=4), workers=1024, cores=4)
    agrees(found, mmc_wait_mean(0.8 * 4 / SERVICE_S, SERVICE_S, 4) + SERVICE_S)


def test_blocking_needs_no_core(streams):
    """Blocking is a delay of its own: with workers for all, the mean time is that of sharing plus that of blocking."""
    load = at(0.7).model_copy(update={"blocking": Duration(kind="lognormal", mean_us=4000)})
    found = mean_of(responses, streams, FEW, load=load, workers=1024, cores=1)
    agrees(found, SERVICE_S / 0.3 + 4e-3)


def test_little(streams):
    """Little's law: as many are in the pool, seen at regular instants, as arrive a second times how long they stay."""
    machine, load = Machine(cores=4, contention=0.01), at(0.7, workers=4)
    load = load.model_copy(update={"blocking": Duration(mean_us=1000)})
    apart = []
    for seed in range(20):
        tasks = draw(load, 20_000, streams(seed))
        virtual, (first, last) = Virtual(tasks, machine, Pool(workers=12)), tasks.due_s[[2000, 18_000]]
        there = []
        for instant in np.linspace(first, last, 1000):
            virtual.advance(instant)
            seen = virtual.look()
            there.append(seen.busy + seen.queued)
        virtual.advance(np.inf)
        found = virtual.records()
        within = (tasks.due_s > first) & (tasks.due_s <= last)
        apart.append(np.mean(there) / (found.latency_s[within].sum() / (last - first)) - 1)
    error = np.std(apart, ddof=1) / sqrt(len(apart))
    assert 3 * error <= PRECISION
    assert np.mean(apart) == pytest.approx(0, abs=3 * error)


def test_busy_workers(streams):
    """Utilisation: workers are busy as much as work arrives, and cores in use as much of it as needs one."""
    load = at(0.6, workers=4).model_copy(update={"blocking": Duration(mean_us=500)})
    tasks = draw(load, 500_000, streams())
    since = float(tasks.due_s[50_000])
    tally = simulated(tasks, Machine(cores=4, wake_us=0), Pool(workers=12), since_s=since).tally
    span = tally.until_s - tally.since_s
    assert tally.core_s / span == pytest.approx(0.6 * 4, rel=0.01)
    assert tally.worker_s / span == pytest.approx(12)
    assert tally.busy_s / span >= 0.6 * 4 + 0.6 * 4  # blocking is as long; sharing adds to it
