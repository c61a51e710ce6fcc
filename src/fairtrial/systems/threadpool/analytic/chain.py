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
    free: Floats
    """Chances to find 0, 1, … N - 1 workers with a task, of all that arrive."""
    dropped: float
    """Share of all that arrive."""
    queue: Floats
    """With a bounded queue, chances to find 0, 1, … others waiting; empty without a bound."""


def chain(rate_per_s: float, throughputs: Floats, limit: int | None, stretch: float = 1.0) -> Chain:
    """Return what tasks meet at a pool that does X(n) tasks a second with n of them, X(N) with more; (N,) throughputs.

    Without a bound, and with one where `stretch` is 1, the steady state is that of the birth-death chain: M/M/c's and
    M/M/c/K's where X(n) = n mu. Else the chance of one more waiting falls by (lambda / X)^(1 / stretch) in place of
    lambda / X, as in the diffusion approximation of Whitt (2004), A diffusion approximation for the G/GI/n/m queue,
    Operations Research 52. The pool as one server with the rates of the closed one: Chandy, Herzog and Woo (1975),
    Parametric analysis of queuing networks, IBM Journal of Research and Development 19. Without a bound lambda < X(N).
    """
    rho = rate_per_s / throughputs[-1]
    logs = np.concatenate([[0.0], np.cumsum(np.log(rate_per_s / throughputs))])
    places = np.zeros(1) if limit is None else np.arange(limit + 1) * math.log(rho) / max(stretch, 1e-6)
    scale = max(float(logs.max()), float(logs[-1] + places.max()))
    free, queue = np.exp(logs[:-1] - scale), np.exp(logs[-1] + places - scale)
    whole = float(queue.sum()) / (1 - rho) if limit is None else float(queue.sum())
    dropped = 0.0 if limit is None else float(queue[-1])
    every = float(free.sum()) + whole
    waits = (whole - dropped) / (every - dropped)
    return Chain(waits, free / every, dropped / every, queue[:-1] / every)
