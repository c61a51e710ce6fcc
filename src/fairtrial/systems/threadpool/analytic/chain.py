"""The pool as a birth-death chain: how many tasks are in it, who waits, who is dropped."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fairtrial.stats.summary import Floats


@dataclass(frozen=True, slots=True)
class Chain:
    """What tasks meet that arrive at one rate."""

    waits: float
    """Share of the tasks that are let in and find no worker idle."""
    stay_s: float
    """Mean time with a worker of those who do not wait; NaN where all wait."""
    dropped: float
    """Share of all that arrive."""
    queue: Floats
    """With a bounded queue, of those who wait: chances to find 0, 1, … others waiting; empty without a bound."""


def chain(rate_per_s: float, throughputs: Floats, limit: int | None, stretch: float) -> Chain:
    """Return what tasks meet at a pool that does X(n) tasks a second with n of them, X(N) with more.

    Without a bound, and with one where `stretch` is 1, the steady state is that of the birth-death chain: M/M/c's and
    M/M/c/K's where X(n) = n mu. Else the chance of one more waiting falls by (lambda / X)^(1 / stretch) in place of
    lambda / X, as in the diffusion approximation of Whitt (2004), A diffusion approximation for the G/GI/n/m queue,
    Operations Research 52. The pool as one server with the rates of the closed one: Chandy, Herzog and Woo (1975),
    Parametric analysis of queuing networks, IBM Journal of Research and Development 19; exact where the closed
    network has a product form and arrivals are Poisson. Overloaded without a bound: all wait.
    """
    rho = rate_per_s / throughputs[-1]
    if rho >= 1 and limit is None:
        return Chain(1.0, math.nan, 0.0, np.empty(0))
    logs = np.concatenate([[0.0], np.cumsum(np.log(rate_per_s / throughputs))])
    states = np.exp(logs - logs.max())
    if limit is None:
        queue, whole = np.empty(0), float(states[-1]) / (1 - rho)
        dropped = 0.0
    else:
        places = np.arange(limit + 1) * math.log(rho) / max(stretch, 1e-6)
        scale = max(0.0, float(places.max()))
        states, queue = states * math.exp(-scale), states[-1] * np.exp(places - scale)
        whole, dropped, queue = float(queue.sum()), float(queue[-1]), queue[:-1]
    free = float(states[:-1].sum())
    everything = free + whole
    waits = (whole - dropped) / (everything - dropped)
    stay_s = float(states[1:] @ np.arange(1, len(states))) / (rate_per_s * free) if free else math.nan
    return Chain(waits, stay_s, dropped / everything, queue)
