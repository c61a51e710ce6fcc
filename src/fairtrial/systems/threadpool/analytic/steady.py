"""The open pool in its steady state: who waits, how long, and who is dropped."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.analytic.bursts import Uneven, levels, stretch
from fairtrial.systems.threadpool.analytic.capacity import delay_s
from fairtrial.systems.threadpool.analytic.chain import Chain, chain
from fairtrial.systems.threadpool.analytic.law import work
from fairtrial.systems.threadpool.words import Machine, Pool, Workload

PLACES = 48
"""Places in the queue that stand for all of them."""
POINTS = 96
"""Waiting times between which the chance of a longer one is interpolated."""
LEAST = 1e-9
"""Least stretch, so that constant arrivals of constant tasks have a wait to divide by."""


@dataclass(frozen=True, slots=True)
class Steady:
    """What tasks meet."""

    waits: float
    """Share of the tasks that are let in and find no worker idle."""
    wait_s: float
    """Mean wait of those; infinite where the formulas have no number."""
    longer: Callable[[Floats], Floats]
    """P(wait > t) of those."""
    most_s: float
    """Hardly anybody waits longer than this."""
    stay_s: float
    """Mean time with a worker of those who do not wait; NaN where all wait."""
    busy_s: float
    """The same of those who do: all workers are busy."""
    dropped: float
    """Share of all that arrive."""


def steady(workload: Workload, machine: Machine, pool: Pool, *, arrivals: Uneven, throughputs: Floats) -> Steady:
    """Return the steady state of a pool that has one: a load below 1, or a bounded queue."""
    rate, most, limit = workload.arrivals.rate_per_s, float(throughputs[-1]), pool.queue_limit
    busy_s = pool.workers / most
    times = services(workload, machine, busy_s)
    stretched, scale_s = (arrivals.variation + times) / 2, 0.0
    if limit is None:
        stretched, scale_s = stretch(arrivals, rate, most, times)
    else:
        scale_s = (pool.workers + limit) / most
    finite = max(stretched, LEAST) if math.isfinite(stretched) else 1.0
    rates, shares = levels(arrivals, rate, scale_s)
    chains = [chain(level, throughputs, limit, finite) for level in rates]
    waits, stay_s, dropped, queue = _together(chains, shares)
    wait_s, longer, most_s = _exponential(finite / (most - rate)) if limit is None else _bounded(queue, most, finite)
    if not math.isfinite(stretched):
        wait_s = math.inf
    return Steady(waits, wait_s, longer, most_s, stay_s, busy_s, dropped)


def services(workload: Workload, machine: Machine, busy_s: float) -> float:
    """Return the squared variation of the time with a worker while all are busy: of CPU time x slowdown + blocking."""
    cpu, blocking = workload.cpu, workload.blocking
    nodes, weights = work(workload.arrivals)
    spread = (1 + cpu.variation) * float(weights @ nodes**2) - 1
    computes_s = busy_s - delay_s(workload, machine)
    parts = ((cpu, computes_s, spread), (blocking, blocking.mean_s, blocking.variation))
    return sum(mean_s**2 * variation for part, mean_s, variation in parts if part.mean_us) / busy_s**2


def _together(chains: Sequence[Chain], shares: Floats) -> tuple[float, float, float, Floats]:
    """Return the share that waits, the stay of those who do not, the share dropped and the queue that waiters find."""
    dropped = np.array([one.dropped for one in chains])
    entered = shares * (1 - dropped)
    entered = entered / entered.sum()
    waits = np.array([one.waits for one in chains])
    at_once = entered * (1 - waits)
    free = float(at_once.sum())
    stays = np.array([one.stay_s for one in chains])
    stay_s = float(at_once[at_once > 0] @ stays[at_once > 0]) / free if free > 0 else math.nan
    queue = sum(weight * one.queue for weight, one in zip(entered, chains, strict=True))
    return float(entered @ waits), stay_s, float(shares @ dropped), np.asarray(queue)


def _exponential(mean_s: float) -> tuple[float, Callable[[Floats], Floats], float]:
    """Return mean, tail and end of an exponential wait."""
    return mean_s, lambda seconds: np.exp(-np.maximum(seconds, 0.0) / mean_s), 40 * mean_s


def _bounded(queue: Floats, most_per_s: float, stretched: float) -> tuple[float, Callable[[Floats], Floats], float]:
    """Return the same of the wait for one's turn: with j others waiting, j + 1 departures.

    Their times add up to a gamma distribution with their mean and variance: Erlang's where `stretched` is 1.
    """
    from scipy.special import gammaincc

    if not len(queue) or not queue.sum():
        return 0.0, np.zeros_like, 0.0
    turns, weights = _places(queue)
    mean_s = float(weights @ turns) / most_per_s
    last = float(turns[-1])
    most_s = (last + 8 * math.sqrt(last * stretched) + 20 * stretched) / most_per_s
    points = most_s * np.linspace(0.0, 1.0, POINTS) ** 2
    above = gammaincc(turns / stretched, points[:, None] * most_per_s / stretched) @ weights
    return mean_s, lambda seconds: np.interp(seconds, points, above, left=1.0, right=0.0), most_s


def _places(queue: Floats) -> tuple[Floats, Floats]:
    """Return departures that are waited for, and their weights: neighbours together where there are many."""
    cells = np.unique(np.linspace(0, len(queue), PLACES + 1).astype(np.int64))[:-1]
    weights = np.add.reduceat(queue, cells)
    some = weights > 0
    turns = np.add.reduceat(queue * np.arange(1, len(queue) + 1), cells)[some] / weights[some]
    return turns, weights[some] / weights.sum()
