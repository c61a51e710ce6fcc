"""Distributions as atoms: values with weights, fine in the tail, and the percentiles of what they add up to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.words import Arrivals, Duration, Workload

ATOMS = 2304
"""Atoms of a task: 2304 of one part that varies, 48 x 48 of two."""
FEW = 128
"""Atoms that a waiting time is added to."""
SECTIONS, ROUNDS = 17, 6
"""A percentile is bracketed 6 times by a 16th of the bracket before: to 6e-8 of its logarithm's range."""


@dataclass(frozen=True, slots=True)
class Task:
    """CPU and blocking time of a task: atoms, (n,) each."""

    cpu_s: Floats
    blocking_s: Floats
    weights: Floats
    smooth: bool
    """Some part has a density, so that what lies between two atoms is not empty."""

    def stays(self, slowdowns: Floats, chances: Floats, *, more_s: float, settles_s: float = math.inf) -> Atoms:
        """Return the atoms of the time with a worker: CPU time x slowdown, blocking time, and so many seconds more.

        A task meets each slowdown with a chance, and then moves on towards their mean, as the pool forgets in
        `settles_s`: of a task that takes long, (1 - exp(-u)) / u of the difference is left, u = its time / settles_s.
        """
        mean = float(chances @ slowdowns)
        values = self.cpu_s * mean + self.blocking_s + more_s
        if len(slowdowns) > 1:
            taken = self.cpu_s * mean / settles_s
            left = np.divide(-np.expm1(-taken), taken, out=np.ones_like(taken), where=taken > 0)
            values = (values + np.multiply.outer(slowdowns - mean, self.cpu_s * left)).ravel()
        order = np.argsort(values)
        return Atoms(values[order], np.multiply.outer(chances, self.weights).ravel()[order], self.smooth)


@dataclass(frozen=True, slots=True)
class Atoms:
    """A distribution: values, ascending, and their weights."""

    values: Floats
    weights: Floats
    smooth: bool

    def above(self, seconds: Floats) -> Floats:
        """Return P(T > t), of the shape of `seconds`."""
        below = np.cumsum(self.weights)
        if self.smooth:
            found: Floats = 1 - np.interp(seconds, self.values, below - self.weights / 2, left=0.0, right=1.0)
            return found
        steps = np.concatenate([[0.0], below])
        later: Floats = 1 - steps[np.searchsorted(self.values, seconds, side="right")]
        return later

    def few(self) -> Atoms:
        """Return at most 128 atoms with the same mean."""
        return Atoms(*condensed(self.values, self.weights, FEW), self.smooth)


def condensed(values: Floats, weights: Floats, count: int) -> tuple[Floats, Floats]:
    """Return at most `count` values and their weights: ascending neighbours together, fewer of them in the tail.

    Their mean stays.
    """
    if len(values) <= count:
        return values, weights
    tail = np.cumsum((weights / weights.sum())[::-1])[::-1] - weights / weights.sum() / 2
    cell = np.minimum((count * (1 - np.cbrt(np.maximum(tail, 0.0)))).astype(np.int64), count - 1)
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    together = np.add.reduceat(weights, starts)
    sums = np.add.reduceat(weights * values, starts)
    return np.divide(sums, together, out=values[starts], where=together > 0), together


def task(workload: Workload, count: int = ATOMS) -> Task:
    """Return the atoms of a workload's tasks, about `count`; adversarial work multiplies CPU times by more or less."""
    durations = (workload.cpu, workload.blocking)
    parts = sum(_varies(duration) for duration in durations)
    each = round(count ** (1 / max(parts, 1)))
    cpu, blocking = (_atoms(duration, each) for duration in durations)
    times = work(workload.arrivals)
    values = np.multiply.outer(times[0], cpu[0]).ravel(), np.multiply.outer(times[1], cpu[1]).ravel()
    return Task(
        np.repeat(values[0], len(blocking[0])),
        np.tile(blocking[0], len(values[0])),
        np.multiply.outer(values[1], blocking[1]).ravel(),
        smooth=parts > 0,
    )


def work(arrivals: Arrivals) -> tuple[Floats, Floats]:
    """Return what adversarial work multiplies the CPU time by, and how often: Gauss and Legendre's nodes of a uniform.

    A task's period is drawn with its rate, which does not depend on its work: shares of periods are shares of tasks.
    """
    if arrivals.kind != "adversarial":
        return np.ones(1), np.ones(1)
    nodes, weights = np.polynomial.legendre.leggauss(4)
    spread = (arrivals.work_high - arrivals.work_low) / (arrivals.work_high + arrivals.work_low)
    return 1 + spread * nodes, weights / 2


def percentiles(
    shares: Sequence[float], above: Callable[[Floats], Floats], *, least: float, most: float
) -> tuple[float, ...]:
    """Return t with P(T > t) = 1 - share for each share, between `least` and `most`, both above 0.

    `above` takes and returns arrays of any shape; a share that even `most` does not reach gives infinity.
    """
    wanted = 1 - np.asarray(shares)
    low, high = np.full(len(wanted), np.log(least)), np.full(len(wanted), np.log(most))
    steps = np.linspace(0.0, 1.0, SECTIONS)
    rows = np.arange(len(wanted))
    for _ in range(ROUNDS):
        points = low[:, None] + (high - low)[:, None] * steps
        reached = above(np.exp(points)) <= wanted[:, None]
        first = np.where(reached.any(axis=1), reached.argmax(axis=1), SECTIONS - 1)
        low, high = points[rows, np.maximum(first - 1, 0)], points[rows, first]
    missed = above(np.exp(high)[:, None])[:, 0] > wanted
    return tuple(float(value) for value in np.where(missed, np.inf, np.exp(high)))


def _varies(duration: Duration) -> bool:
    return duration.mean_us > 0 and duration.kind not in ("constant", "mix")


def _atoms(duration: Duration, count: int) -> tuple[Floats, Floats]:
    """Return values in seconds and weights: the middles of cells of probability that are finer in the tail."""
    mean = duration.mean_s
    if not mean or duration.kind == "constant":
        return np.array([mean]), np.ones(1)
    if duration.kind == "mix":
        share, times = duration.long_share, duration.long_times
        short = mean / (1 + share * (times - 1))
        return np.array([short, short * times]), np.array([1 - share, share])
    edges = np.linspace(1.0, 0.0, count + 1) ** 3
    return mean * quantile(duration, (edges[:-1] + edges[1:]) / 2), edges[:-1] - edges[1:]


def quantile(duration: Duration, tail: Floats) -> Floats:
    """Return the values, in means, that a share `tail` of the times is above."""
    from scipy.special import ndtri

    if duration.kind == "pareto":
        found: Floats = (duration.shape - 1) / duration.shape * tail ** (-1 / duration.shape)
        return found
    if duration.kind == "lognormal":
        spread = np.log1p(duration.cv**2)
        log: Floats = np.exp(-np.sqrt(spread) * ndtri(tail) - spread / 2)
        return log
    exponential: Floats = -np.log(tail)
    return exponential
