"""Arrivals whose rate swings: the levels of the load, and the backlog that builds up where it is above 1."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fairtrial.stats.resample import generator
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.words import Arrivals

PERIODS = 4096
"""Periods of drawn rates that the backlog is followed over: the same ones for every pool."""
SLICES = 8192
"""Instants, of all stretches together, at which the backlog is looked at; at most 32 of one."""


@dataclass(frozen=True, slots=True)
class Swings:
    """Stretches of time of equal length, in order, each with its level: (stretches,)."""

    demand: Floats
    """Work that arrives, over its mean."""
    tasks: Floats
    """Tasks that arrive, over their mean."""
    length_s: float


def swings(arrivals: Arrivals, *, cpu_share: float, settles_s: float) -> Swings | None:
    """Return the swings of bursty and adversarial arrivals as a pool feels them that settles in `settles_s`.

    A pool does not follow faster swings than it settles in: those are flattened, a square wave by length / settling
    time (its halves cancel), levels drawn anew by the root of that, over stretches of the settling time, so that the
    variance they bring in the long run stays. `cpu_share`: of a task's time, what adversarial work multiplies.
    None: the rate does not swing.
    """
    if arrivals.kind == "bursty":
        high = 2 * arrivals.burst_times / (1 + arrivals.burst_times)
        length = arrivals.period_s / 2
        rate = 1 + (np.array([high, 2 - high]) - 1) * min(1.0, length / settles_s)
        return Swings(rate, rate, length)
    if arrivals.kind != "adversarial":
        return None
    rate = _drawn(arrivals.rate_low, arrivals.rate_high, "rate")
    work = 1 + (_drawn(arrivals.work_low, arrivals.work_high, "work") - 1) * cpu_share
    flat = min(1.0, math.sqrt(arrivals.period_s / settles_s))
    tasks, demand = 1 + (rate - 1) * flat, 1 + (rate * work - 1) * flat
    return Swings(demand / demand.mean(), tasks, max(arrivals.period_s, settles_s))


def _drawn(low: float, high: float, name: str) -> Floats:
    """Return uniform levels of mean 1, evenly over the range, in an order without pattern."""
    even = (np.arange(PERIODS) + 0.5) / PERIODS
    levels: Floats = (low + (high - low) * even) * (2 / (low + high))
    return generator(0, "threadpool", "swings", name).permutation(levels)


def backlog_s(of: Swings, rho: float) -> Floats:
    """Return the seconds of work that wait, (stretches, instants), where work flows like a fluid at load `rho`.

    It grows by rho x demand - 1 a second and is never below 0: Lindley's recursion, as the walk less its minimum so
    far. Starting without backlog, which a square wave with rho < 1 ends each of its periods with. Source: Newell
    (1982), Applications of Queueing Theory, chapter 2.
    """
    slopes = rho * of.demand - 1
    walk = np.cumsum(slopes * of.length_s)
    ends = walk - np.minimum(np.minimum.accumulate(walk), 0.0)
    starts = np.concatenate([[0.0], ends[:-1]])
    slices = min(32, SLICES // len(slopes))
    within = (np.arange(slices) + 0.5) / slices * of.length_s
    found: Floats = np.maximum(starts[:, None] + slopes[:, None] * within, 0.0)
    return found
