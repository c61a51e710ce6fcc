"""How long those wait who wait: exponential, for one's turn in a bounded queue, or behind a backlog."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.analytic.law import condensed

PLACES = 48
"""Places in the queue, or backlogs, that stand for all of them."""
POINTS = 128
"""Waiting times between which the chance of a longer one is interpolated."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The wait of those who wait."""

    mean_s: float
    longer: Callable[[Floats], Floats]
    """P(wait > t), of the shape of t; 1 where t is negative."""
    most_s: float
    """Hardly anybody waits longer than this."""


def exponential(mean_s: float) -> Wait:
    """Return an exponential wait."""
    return Wait(mean_s, lambda seconds: np.exp(-np.maximum(seconds, 0.0) / mean_s), 40 * mean_s)


def turns(queue: Floats, most_per_s: float, stretch: float) -> Wait:
    """Return the wait for one's turn: with j others waiting, a chance of queue[j], that is j + 1 departures.

    Their times add up to a gamma distribution with mean (j + 1) / X and `stretch` times an exponential's variance
    each: Erlang's where `stretch` is 1.
    """
    from scipy.special import gammaincc

    if not queue.sum() > 0:
        return Wait(0.0, lambda seconds: np.asarray(seconds < 0, dtype=np.float64), 0.0)
    places, weights = condensed(np.arange(1.0, len(queue) + 1), queue / queue.sum(), PLACES)
    last = float(places[-1])
    most_s = (last + 8 * math.sqrt(last * stretch) + 20 * stretch) / most_per_s
    points = most_s * np.linspace(0.0, 1.0, POINTS) ** 2
    above = gammaincc(places / stretch, points[:, None] * most_per_s / stretch) @ weights
    return Wait(float(weights @ places) / most_per_s, _between(points, above), most_s)


def behind(backlogs_s: Floats, noise_s: Floats, weights: Floats) -> Wait:
    """Return the wait behind backlogs, with an exponential part of mean `noise_s` each; (n,) all, in any order."""
    shares = weights / weights.sum()
    mean_s = float(shares @ (backlogs_s + noise_s))
    most_s = float((backlogs_s + 30 * noise_s).max())
    points = most_s * np.linspace(0.0, 1.0, POINTS) ** 3
    left = np.maximum(points[:, None] - backlogs_s, 0.0)
    return Wait(mean_s, _between(points, np.exp(-left / noise_s) @ shares), most_s)


def _between(points: Floats, above: Floats) -> Callable[[Floats], Floats]:
    return lambda seconds: np.interp(seconds, points, above, left=1.0, right=0.0)
