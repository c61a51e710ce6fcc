"""How unevenly tasks arrive: variation of the gaps, and of the counts where the rate itself changes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.words import Arrivals

GRID = 192
"""Time scales that are looked at."""
NODES, LEAST = 6, 1e-3
"""Rates that stand for one that is drawn uniformly, and the least of them over the mean rate."""


class Uneven(Protocol):
    """Arrivals, by how uneven they are."""

    @property
    def variation(self) -> float:
        """Return the squared variation of the gaps, apart from changes of the rate: 1 for Poisson, 0 for constant."""

    @property
    def period_s(self) -> float:
        """Return the period of the rate's changes; 0: it does not change."""

    def excess(self, seconds: Floats) -> Floats:
        """Return Var[integrated rate over a window] of such lengths, over (mean rate)^2: in s^2."""


@dataclass(frozen=True, slots=True)
class Even:
    """Arrivals whose rate does not change."""

    variation: float
    period_s: float = 0.0

    def excess(self, seconds: Floats) -> Floats:
        """Return zeros."""
        return np.zeros_like(seconds)


@dataclass(frozen=True, slots=True)
class Square:
    """A rate that is high for half of each period and low for the other, seen from a random instant."""

    amplitude: float
    """(high - low) / (high + low)."""
    period_s: float
    variation: float = 1.0

    def excess(self, seconds: Floats) -> Floats:
        """Return a^2 x^2 (1 - 4x / 3P) up to half a period; a whole one always brings the same."""
        within = np.mod(seconds, self.period_s)
        window = np.minimum(within, self.period_s - within)
        found: Floats = self.amplitude**2 * window**2 * (1 - 4 * window / (3 * self.period_s))
        return found


@dataclass(frozen=True, slots=True)
class Redrawn:
    """A rate (or work) that is drawn anew for every period: `spread` is its squared coefficient of variation."""

    spread: float
    period_s: float
    variation: float = 1.0

    def excess(self, seconds: Floats) -> Floats:
        """Return v x^2 (1 - x / 3P) up to a period, v (x P - P^2 / 3) from there: correlation falls linearly to 0."""
        period = self.period_s
        short, long = seconds**2 * (1 - seconds / (3 * period)), seconds * period - period**2 / 3
        found: Floats = self.spread * np.where(seconds <= period, short, long)
        return found


@dataclass(frozen=True, slots=True)
class Traced:
    """Arrivals of a trace: what the counts in windows of its own say."""

    seconds: Floats
    found: Floats
    variation: float = 1.0
    period_s: float = math.inf

    def excess(self, seconds: Floats) -> Floats:
        """Return what was found in windows of such lengths, linear between them."""
        between: Floats = np.interp(seconds, self.seconds, self.found)
        return between


def uneven(arrivals: Arrivals, *, cpu_share: float = 1.0) -> Uneven:
    """Return how uneven arrivals of a kind are; `cpu_share`: of a task's time, what adversarial work multiplies."""
    if arrivals.kind == "bursty":
        return Square((arrivals.burst_times - 1) / (arrivals.burst_times + 1), arrivals.period_s)
    if arrivals.kind == "adversarial":
        rate = uniform_variation(arrivals.rate_low, arrivals.rate_high)
        work = uniform_variation(arrivals.work_low, arrivals.work_high) * cpu_share**2
        return Redrawn((1 + rate) * (1 + work) - 1, arrivals.period_s)
    return Even(0.0 if arrivals.kind == "constant" else 1.0)


def traced(due_s: Floats) -> Traced:
    """Return how uneven the arrivals of a trace are, from counts in windows of 10 gaps up to an eighth of it.

    The variance of the counts less that of a Poisson process, over the squared rate: below 0 where they come more
    evenly than that. Source: Cox and Lewis (1966), The Statistical Analysis of Series of Events, section 4.5.
    """
    span = float(due_s[-1] - due_s[0])
    rate = (len(due_s) - 1) / span
    widths = np.geomspace(10 / rate, max(span / 8, 20 / rate), 24)
    found = np.array([_excess(due_s, width) for width in widths]) / rate**2
    return Traced(np.concatenate([[0.0], widths]), np.concatenate([[0.0], found]))


def _excess(due_s: Floats, width_s: float) -> float:
    windows = int((due_s[-1] - due_s[0]) // width_s)
    edges = due_s[0] + width_s * np.arange(windows + 1)
    counts = np.diff(np.searchsorted(due_s, edges))
    return float(counts.var(ddof=1) - counts.mean())


def uniform_variation(low: float, high: float) -> float:
    """Return the squared coefficient of variation of a uniform draw: (high - low)^2 / (3 (high + low)^2)."""
    return (high - low) ** 2 / (3 * (high + low) ** 2)


def stretch(arrivals: Uneven, rate_per_s: float, capacity_per_s: float, services: float) -> tuple[float, float]:
    """Return how many times longer than in M/M/c those wait who wait, and the seconds over which it builds up.

    Allen and Cunneen's (Ca^2 + Cs^2) / 2, where Ca^2 is the index of dispersion for counts at the time scale x that
    matters: the one at which the backlog sup_x { -(X - lambda) x + sqrt(2 Var[work of x]) } is reached. With an index
    that does not change with x this is (Ca^2 + Cs^2) / 2 exactly. `services` is Cs^2. Source: Whitt and You (2018),
    Using robust queueing to expose the impact of dependence in single-server queues, Operations Research 66; Fendick
    and Whitt (1989), Measurements and approximations to describe the offered traffic, Proceedings of the IEEE 77.
    """
    spare = capacity_per_s - rate_per_s
    plain = arrivals.variation + services
    own_s = rate_per_s * plain / (2 * spare**2)
    if not arrivals.period_s or not math.isfinite(plain):
        return plain / 2, own_s
    scales = _scales(arrivals, rate_per_s, spare, own_s)
    variance = rate_per_s * scales * plain + rate_per_s**2 * arrivals.excess(scales)
    backlog = np.sqrt(2 * np.maximum(variance, 0.0)) - spare * scales
    worst = int(np.argmax(backlog))
    return float(backlog[worst]) * spare / rate_per_s, float(scales[worst])


def levels(arrivals: Uneven, rate_per_s: float, scale_s: float) -> tuple[Floats, Floats]:
    """Return the rates that windows of such a length see, and the share of the tasks that arrive at each: (n,) both.

    Two rates, or Gauss and Legendre's nodes of a uniform one, with the standard deviation of the mean rate of a window.
    """
    if not arrivals.period_s:
        return np.array([rate_per_s]), np.ones(1)
    nodes, weights = np.array([-1.0, 1.0]), np.ones(2)
    if isinstance(arrivals, Redrawn):
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        nodes = nodes * math.sqrt(3.0)
    spread = math.sqrt(max(0.0, float(arrivals.excess(np.array([scale_s]))[0]))) / scale_s
    rates = rate_per_s * np.maximum(1 + spread * nodes, LEAST)
    shares = weights * rates
    return rates, shares / shares.sum()


def _scales(arrivals: Uneven, rate_per_s: float, spare: float, own_s: float) -> Floats:
    """Return the time scales at which the largest backlog may be reached, ascending."""
    far = np.array([1e3 * arrivals.period_s if math.isfinite(arrivals.period_s) else 1e6])
    growth_s = rate_per_s**2 * float(arrivals.excess(far)[0]) / float(far[0]) / (2 * spare**2)
    period_s = arrivals.period_s if math.isfinite(arrivals.period_s) else 0.0
    return np.geomspace(min(own_s, period_s or own_s) / 50, 4 * (own_s + growth_s + period_s), GRID)
