"""How unevenly tasks arrive at a rate that nobody changes on purpose: Poisson, constant, or as a trace has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairtrial.stats.summary import Floats

GRID = 192
"""Time scales that are looked at."""


@dataclass(frozen=True, slots=True)
class Uneven:
    """Counts of arrivals: variance over windows of some lengths, beside that of a Poisson process."""

    variation: float = 1.0
    """Squared variation of the gaps: 1 for Poisson, 0 for constant."""
    windows_s: Floats | None = None
    """Of a trace: lengths, ascending from 0."""
    excess_s2: Floats | None = None
    """Of a trace: (variance of the counts - their mean) / rate^2 at those lengths."""


def traced(due_s: Floats) -> Uneven:
    """Return how uneven the arrivals of a trace are, from counts in windows of 10 gaps up to an eighth of it.

    Variance above that of a Poisson process, or below where they come more evenly. Source: Cox and Lewis (1966), The
    Statistical Analysis of Series of Events, section 4.5.
    """
    span = float(due_s[-1] - due_s[0])
    rate = (len(due_s) - 1) / span
    windows = np.geomspace(10 / rate, max(span / 8, 20 / rate), 24)
    found = np.array([_excess(due_s, width) for width in windows]) / rate**2
    return Uneven(1.0, np.concatenate([[0.0], windows]), np.concatenate([[0.0], found]))


def _excess(due_s: Floats, width_s: float) -> float:
    windows = max(2, int((due_s[-1] - due_s[0]) // width_s))
    counts = np.diff(np.searchsorted(due_s, due_s[0] + width_s * np.arange(windows + 1)))
    return float(counts.var(ddof=1) - counts.mean())


def stretch(arrivals: Uneven, rate_per_s: float, capacity_per_s: float, services: float) -> float:
    """Return how many times longer than in M/M/c those wait who wait: (Ca^2 + Cs^2) / 2, `services` being Cs^2.

    Source: Allen (1990), Probability, Statistics and Queueing Theory, section 5.4. In a trace Ca^2 is the index of
    dispersion for counts, variance over mean, at the time scale x that matters: the one at which the backlog
    sup_x { -(X - lambda) x + sqrt(2 Var[work of x]) } is reached; with an index that is the same at all scales that is
    the same formula. Source: Whitt and You (2018), Using robust queueing to expose the impact of dependence in
    single-server queues, Operations Research 66.
    """
    plain = arrivals.variation + services
    if arrivals.windows_s is None or arrivals.excess_s2 is None or not np.isfinite(plain):
        return plain / 2
    spare = capacity_per_s - rate_per_s
    own_s = rate_per_s * plain / (2 * spare**2)
    scales = np.geomspace(own_s / 50, 4 * (own_s + arrivals.windows_s[-1]), GRID)
    more = np.interp(scales, arrivals.windows_s, arrivals.excess_s2)
    variance = rate_per_s * scales * plain + rate_per_s**2 * more
    backlog = np.sqrt(2 * np.maximum(variance, 0.0)) - spare * scales
    return max(float(backlog.max()) * spare / rate_per_s, services / 2)
