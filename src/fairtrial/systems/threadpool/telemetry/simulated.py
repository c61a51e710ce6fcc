"""Rows of telemetry that a simulated pool really showed: a workload of each family, a size, and an instant to look."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from fairtrial.stats.resample import generator
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.analytic.capacity import capacity
from fairtrial.systems.threadpool.parameters import FAMILIES, Control
from fairtrial.systems.threadpool.record import Tasks
from fairtrial.systems.threadpool.simulate.virtual import Virtual
from fairtrial.systems.threadpool.telemetry.record import Row
from fairtrial.systems.threadpool.telemetry.window import Window
from fairtrial.systems.threadpool.words import SIZES, Arrivals, Duration, Machine, Pool, Workload
from fairtrial.systems.threadpool.workload.draw import draw

LOAD = (0.05, 0.95)
"""CPU time that arrives, as a share of the cores."""
SIZE_US = (100.0, 20_000.0)
RATE_PER_S = (20.0, 20_000.0)
"""Arrivals: enough for a window to tell something, and not more than can be simulated in a few milliseconds."""
HEADROOM = 0.95
"""Load of the largest pool at most: some size must be able to do what arrives."""
WAITS = (0.5, 16.0)
"""Blocking over CPU time in family blocking; half of the bursty and adversarial workloads block too, MILD times."""
MILD = (0.25, 4.0)
PERIOD_TASKS = (50.0, 1000.0)
"""Mean arrivals in a period of a workload that changes: long enough for queues to build up, and a row sees a part."""
INSTANTS = (3, 8)
"""A row is taken at a multiple of the default time between decisions: from 1.5 to 4 seconds after the start."""


def simulated(seed: int, row: int, *, cores: int) -> Row:
    """Return one row; it depends on the seed, its number and the cores alone.

    Four rows in a row are one of each family, in random order. The telemetry is that of a pool of one of SIZES which
    can do what arrives on average, on a machine that is as by default but for the cores.
    """
    fours, place = divmod(row, len(FAMILIES))
    order = generator(seed, "telemetry", "simulated", "order", str(fours)).permutation(len(FAMILIES))
    family = int(order[place])
    stream = partial(generator, seed, "telemetry", "simulated", str(row))
    rng, machine = stream("scene"), Machine(cores=cores)
    workload = _workload(FAMILIES[family], machine, rng)
    rate = workload.arrivals.rate_per_s
    able = [size for size in SIZES if capacity(workload, machine, size) > rate]
    pool = Pool(workers=int(rng.choice(able)))
    at_s = int(rng.integers(*INSTANTS, endpoint=True)) * Control().window_s
    features = seen(_until(workload, at_s, stream), machine, pool, at_s)
    return Row(features, workload, family, cores)


def seen(tasks: Tasks, machine: Machine, pool: Pool, at_s: float) -> Floats:
    """Return the features, (10,), of a simulated pool at that instant, over the default window."""
    control = Control()
    at_work, window = Virtual(tasks, machine, pool), Window(control.telemetry_s)
    for instant_s in (at_s - control.telemetry_s, at_s):
        at_work.advance(instant_s)
        features = window.features(at_work.look(), at_work)
    return features


def _until(workload: Workload, at_s: float, stream: partial[np.random.Generator]) -> Tasks:
    """Draw tasks until after that instant: periods of a high rate bring more than the mean."""
    count = int(1.25 * workload.arrivals.rate_per_s * at_s) + 100
    tasks = draw(workload, count, stream)
    while tasks.due_s[-1] <= at_s:
        count *= 2
        tasks = draw(workload, count, stream)
    return tasks


def _workload(family: str, machine: Machine, rng: np.random.Generator) -> Workload:
    load = rng.uniform(*LOAD)
    work_us = load * machine.cores * 1e6  # CPU time that arrives in a second
    low, high = max(SIZE_US[0], work_us / RATE_PER_S[1]), min(SIZE_US[1], work_us / RATE_PER_S[0])
    size_us = _spread((min(low, SIZE_US[1]), max(high, SIZE_US[0])), rng)
    cpu, blocking = _duration(size_us, rng), Duration(mean_us=0.0)
    if family == "blocking" or (family != "steady" and rng.random() < 0.5):
        blocking = _duration(size_us * _spread(WAITS if family == "blocking" else MILD, rng), rng)
    most = HEADROOM * capacity(Workload(cpu=cpu, blocking=blocking), machine, SIZES[-1])
    rate = min(work_us / size_us, most, RATE_PER_S[1])
    return Workload(arrivals=_arrivals(family, rate, rng), cpu=cpu, blocking=blocking)


def _duration(mean_us: float, rng: np.random.Generator) -> Duration:
    """Draw a distribution of that mean; all have a finite variance."""
    match rng.choice(("constant", "exponential", "lognormal", "pareto", "mix")):
        case "lognormal":
            return Duration(kind="lognormal", mean_us=mean_us, cv=_spread((0.25, 3.0), rng))
        case "pareto":
            return Duration(kind="pareto", mean_us=mean_us, shape=rng.uniform(2.1, 4.0))
        case "mix":
            share, times = rng.uniform(0.01, 0.2), _spread((3.0, 30.0), rng)
            return Duration(kind="mix", mean_us=mean_us, long_share=share, long_times=times)
        case "constant":
            return Duration(kind="constant", mean_us=mean_us)
        case _:
            return Duration(kind="exponential", mean_us=mean_us)


def _arrivals(family: str, rate: float, rng: np.random.Generator) -> Arrivals:
    if family in ("steady", "blocking"):
        return Arrivals(rate_per_s=rate)
    period_s = _spread(PERIOD_TASKS, rng) / rate
    if family == "bursty":
        return Arrivals(kind="bursty", rate_per_s=rate, burst_times=_spread((2.0, 10.0), rng), period_s=period_s)
    rates, works = (rng.uniform(0.1, 0.8), rng.uniform(1.5, 5.0)), (rng.uniform(0.3, 1.0), rng.uniform(1.0, 2.0))
    return Arrivals(
        kind="adversarial", rate_per_s=rate, period_s=period_s,
        rate_low=rates[0], rate_high=rates[1], work_low=works[0], work_high=works[1],
    )  # fmt: skip


def _spread(ends: tuple[float, float], rng: np.random.Generator) -> float:
    """Draw between two ends, evenly on a log scale."""
    return math.exp(rng.uniform(math.log(ends[0]), math.log(ends[1])))
