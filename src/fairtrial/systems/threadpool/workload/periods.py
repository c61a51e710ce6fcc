"""Adversarial workloads: periods whose rate and whose work are drawn anew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairtrial.errors import UserError
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.words import Arrivals

MOST = 20_000_000
"""Periods that may be drawn."""


@dataclass(frozen=True, slots=True)
class Periods:
    """The edges of periods, on two clocks: shape (periods + 1,) each."""

    edges_s: Floats
    """In seconds after the start."""
    expected_s: Floats
    """How long it takes, at the mean rate, until as many arrive: the integrated rate over the mean rate."""

    def due(self, expected_s: Floats) -> Floats:
        """Turn arrivals at the mean rate into arrivals at the rates of the periods."""
        found: Floats = np.interp(expected_s, self.expected_s, self.edges_s)
        return found

    def work(self, arrivals: Arrivals, due_s: Floats, rng: np.random.Generator) -> Floats:
        """Draw the multiple of the CPU time in each period, of mean 1, and return it for each arrival."""
        times = unit(arrivals.work_low, arrivals.work_high, len(self.edges_s) - 1, rng)
        within = np.minimum((due_s / arrivals.period_s).astype(np.int64), len(times) - 1)
        found: Floats = times[within]
        return found


def periods(arrivals: Arrivals, until_s: float, rng: np.random.Generator) -> Periods:
    """Draw rates until the arrivals that take `until_s` at the mean rate are all in.

    Raises UserError for more than 20 million periods.
    """
    period = arrivals.period_s
    times = np.empty(0)
    while period * times.sum() <= until_s:
        missing = int(min(1.1 * (until_s / period - times.sum()), 2.0 * MOST)) + 16
        times = np.concatenate([times, unit(arrivals.rate_low, arrivals.rate_high, missing, rng)])
        if len(times) > MOST:
            least = f"{1.2 * until_s / MOST:.2g}"
            raise UserError(f"period_s {period:g} makes more than {MOST:,} periods", hint=f"at least {least} will do")
    edges: Floats = period * np.arange(len(times) + 1, dtype=np.float64)
    brought: Floats = np.concatenate([[0.0], np.cumsum(times) * period])
    return Periods(edges, brought)


def unit(low: float, high: float, count: int, rng: np.random.Generator) -> Floats:
    """Draw uniformly between `low` and `high`, scaled to mean 1."""
    return np.asarray(rng.uniform(low, high, count) * (2 / (low + high)))
