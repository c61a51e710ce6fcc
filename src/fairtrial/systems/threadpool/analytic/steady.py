"""The open pool in its steady state: who waits, how long, and who is dropped."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.analytic.bursts import Uneven, stretch
from fairtrial.systems.threadpool.analytic.capacity import delay_s
from fairtrial.systems.threadpool.analytic.chain import chain
from fairtrial.systems.threadpool.analytic.law import condensed, work
from fairtrial.systems.threadpool.analytic.swings import Swings, backlog_s, swings
from fairtrial.systems.threadpool.analytic.wait import Wait, behind, exponential, turns
from fairtrial.systems.threadpool.words import Machine, Pool, Workload

LEVELS = 8
"""Levels of the load that stand for all of them."""
BACKLOGS = 64
"""Backlogs that stand for all of them, of each level."""
LEAST = 1e-9
"""Least stretch, so that constant arrivals of constant tasks have a wait to divide by."""
SETTLED = 2.0
"""Square root of the settling times that make a level last."""
NEARLY = 0.95
"""Share of the throughput with which workers are enough."""
FLOW = 0.05
"""Least rate of a level, over the mean."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Tasks through a pool."""

    rate_per_s: float
    throughputs: Floats
    """X(k), (N,)."""
    stretch: float
    """Waits over those of M/M/c: (Ca^2 + Cs^2) / 2."""

    @property
    def most_per_s(self) -> float:
        """Return X(N)."""
        return float(self.throughputs[-1])

    @property
    def settles_s(self) -> float:
        """Return how long the number of tasks remembers where it was: stretch (1 + rho) / (X (1 - rho)^2).

        Of M/M/1 that is the integral of the autocorrelation. Source: Morse (1955), Stochastic properties of waiting
        lines, Operations Research 3. Loads of 0.99 and more count as 0.99.
        """
        rho = min(self.rate_per_s / self.most_per_s, 0.99)
        return self.stretch * (1 + rho) / (self.most_per_s * (1 - rho) ** 2)

    def spare(self, levels: Floats) -> Floats:
        """Return the tasks a second that the pool can do beyond those that arrive at some levels of the load."""
        found: Floats = self.most_per_s - self.rate_per_s * levels
        return found

    def reached(self, seconds: float) -> float:
        """Return the least spare rate at which the pool settles in so many seconds, at most that at the mean rate."""
        settles = SETTLED * math.sqrt(self.stretch * (self.rate_per_s + self.most_per_s) / seconds)
        return min(settles, self.most_per_s - self.rate_per_s)


@dataclass(frozen=True, slots=True)
class Steady:
    """What tasks meet."""

    waits: float
    """Share of the tasks that are let in and find no worker idle."""
    wait: Wait | None
    """Of those; None where the formulas have no number."""
    free: Floats
    """Of those who do not wait, chances to find 0, 1, … N - 1 workers with a task; zeros where all wait."""
    dropped: float
    """Share of all that arrive."""
    settles_s: float
    """How long the number of tasks remembers where it was."""


def steady(workload: Workload, machine: Machine, pool: Pool, *, arrivals: Uneven, throughputs: Floats) -> Steady:
    """Return the steady state of a pool that has one: a load below 1, or a bounded queue."""
    rate, most = workload.arrivals.rate_per_s, float(throughputs[-1])
    times = services(workload, machine, pool.workers / most)
    longer = (arrivals.variation + times) / 2
    if pool.queue_limit is None:
        longer = stretch(arrivals, rate, most, times)
    flow = Flow(rate, throughputs, max(longer, LEAST) if math.isfinite(longer) else 1.0)
    cpu_share = workload.cpu.mean_s / (workload.cpu.mean_s + delay_s(workload, machine))
    swinging = swings(workload.arrivals, cpu_share=cpu_share, settles_s=flow.settles_s)
    if pool.queue_limit is not None:
        met = _bounded(flow, swinging, pool.queue_limit)
    else:
        met = _even(flow) if swinging is None else _swinging(flow, swinging)
    return met if math.isfinite(longer) else Steady(met.waits, None, met.free, met.dropped, met.settles_s)


def services(workload: Workload, machine: Machine, busy_s: float) -> float:
    """Return the squared variation of the time with a worker while all are busy: of CPU time x slowdown + blocking."""
    cpu, blocking = workload.cpu, workload.blocking
    nodes, weights = work(workload.arrivals)
    spread = (1 + cpu.variation) * float(weights @ nodes**2) - 1
    computes_s = busy_s - delay_s(workload, machine)
    parts = ((cpu, computes_s, spread), (blocking, blocking.mean_s, blocking.variation))
    return sum(mean_s**2 * variation for part, mean_s, variation in parts if part.mean_us) / busy_s**2


def _even(flow: Flow) -> Steady:
    """Return the steady state at one rate."""
    met = chain(flow.rate_per_s, flow.throughputs, None)
    wait = exponential(flow.stretch / (flow.most_per_s - flow.rate_per_s))
    return Steady(met.waits, wait, _shares(met.free), 0.0, flow.settles_s)


def _bounded(flow: Flow, swinging: Swings | None, limit: int) -> Steady:
    """Return the steady state with a bounded queue: the mean over the levels, at each as if it lasted."""
    levels, shares = (np.ones(1), np.ones(1)) if swinging is None else _levels(swinging.demand, swinging.tasks)
    chains = [chain(flow.rate_per_s * level, flow.throughputs, limit, flow.stretch) for level in levels]
    free, queue = (sum(share * part for share, part in zip(shares, parts, strict=True)) for parts in (
        [one.free for one in chains], [one.queue for one in chains]
    ))  # fmt: skip
    dropped = float(shares @ [one.dropped for one in chains])
    waits = float(np.sum(queue)) / (1 - dropped)
    wait = turns(np.asarray(queue), flow.most_per_s, flow.stretch)
    return Steady(waits, wait, _shares(np.asarray(free)), dropped, flow.settles_s)


def _swinging(flow: Flow, swinging: Swings) -> Steady:
    """Return the steady state at a rate that swings, from a fluid backlog and, where there is none, the levels.

    Where none stands, tasks meet the steady state of the level (pointwise stationary: Green and Kolesar 1991, The
    pointwise stationary approximation for queues with nonstationary arrivals, Management Science 37), but a level does
    not last long enough to reach one that is too slow: of what a pool does not need at a level it counts at least as
    much as makes it settle within a swing, or as it has at the mean rate. Where a backlog stands, workers that share
    the cores take on what they have room for; the rest waits.
    """
    backlogs = backlog_s(swinging, flow.rate_per_s / flow.most_per_s)
    slices = backlogs.shape[1]
    demand = np.repeat(swinging.demand, slices).reshape(backlogs.shape)
    weights = np.repeat(swinging.tasks / swinging.tasks.sum() / slices, slices).reshape(backlogs.shape)
    stands, reached = backlogs > 0, flow.reached(swinging.length_s)
    levels, shares = _levels(demand[~stands], weights[~stands])
    spare = np.maximum(flow.spare(np.maximum(levels, FLOW)), reached)
    chains = [chain(flow.most_per_s - one, flow.throughputs, None) for one in spare]
    at_levels = shares * np.array([one.waits for one in chains])
    free = np.asarray(sum(share * one.free for share, one in zip(shares, chains, strict=True)))
    beside = flow.stretch / np.maximum(np.abs(flow.spare(demand[stands])), reached)
    held, held_shares, more = _held(backlogs[stands], weights[stands], flow.throughputs)
    noise = np.full(len(held), float(weights[stands] @ beside) / max(float(weights[stands].sum()), LEAST))
    wait = behind(
        np.concatenate([np.zeros(len(levels)), held]),
        np.concatenate([flow.stretch / spare, noise]),
        np.concatenate([at_levels, held_shares]),
    )
    waits = float(at_levels.sum() + held_shares.sum())
    return Steady(waits, wait, _shares(free + more), 0.0, flow.settles_s)


def _held(backlogs_s: Floats, weights: Floats, throughputs: Floats) -> tuple[Floats, Floats, Floats]:
    """Return waits behind backlogs and how often they are met, and how often so many workers (N,) are met instead.

    Workers beyond those that it takes for nearly all of the throughput have room for so many tasks of the backlog.
    """
    most, workers = float(throughputs[-1]), len(throughputs)
    enough = int(np.argmax(throughputs >= NEARLY * most)) + 1
    tasks = enough + backlogs_s * most
    at_once = tasks < workers
    met = np.bincount(tasks[at_once].astype(np.int64), weights[at_once], workers).astype(np.float64)
    waits_s = backlogs_s[~at_once] - (workers - enough) / most
    order = np.argsort(waits_s)
    held, shares = condensed(waits_s[order], weights[~at_once][order], BACKLOGS)
    return held, shares, met


def _levels(demand: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return at most 8 levels of the load, ascending, and how often tasks meet them."""
    order = np.argsort(demand)
    sizes, where = np.unique(demand[order], return_inverse=True)
    return condensed(sizes, np.bincount(where, weights[order]).astype(np.float64), LEVELS)


def _shares(chances: Floats) -> Floats:
    whole = chances.sum()
    return chances / whole if whole > 0 else chances
