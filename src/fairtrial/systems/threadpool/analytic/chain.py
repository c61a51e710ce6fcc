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

    The pool is one server with the rates of the closed one: Chandy, Herzog and Woo (1975), Parametric analysis of
    queuing networks, IBM Journal of Research and Development 19. Where `stretch` is 1 that is the birth-death chain:
    M/M/c's and M/M/c/K's where X(n) = n mu. Else a bounded queue falls by (lambda / X)^(1 / stretch) a place, from as
    many who would find all busy without a bound, as in the diffusion approximation of Whitt (2004), A diffusion
    approximation for the G/GI/n/m queue, Operations Research 52; what is not done is dropped. Without a bound
    lambda < X(N), and `stretch` changes nothing here.
    """
    rho = rate_per_s / float(throughputs[-1])
    logs = np.concatenate([[0.0], np.cumsum(np.log(rate_per_s / throughputs))])
    places = np.zeros(1) if limit is None else _places(math.log(rho), limit, stretch)
    scale = max(float(logs.max()), float(logs[-1] + places.max()))
    free, full = np.exp(logs[:-1] - scale), float(np.exp(logs[-1] + places - scale).sum())
    whole = full / (1 - rho) if limit is None else full
    every = float(free.sum()) + whole
    free, whole = free / every, whole / every
    if limit is None:
        return Chain(whole, free, 0.0, np.empty(0))
    done = (float(free[1:] @ throughputs[:-1]) + whole * float(throughputs[-1])) / rate_per_s
    dropped = min(max(0.0, 1 - done), whole)
    if not limit:
        return Chain(0.0, free, dropped, np.empty(0))
    waiting, queue = max(0.0, whole - dropped), np.exp(places[:-1] - places[:-1].max())
    return Chain(waiting / (1 - dropped), free, dropped, queue * (waiting / queue.sum()))


def _places(log_rho: float, limit: int, stretch: float) -> Floats:
    """Return the logarithms of the chances of 0, 1, … `limit` waiting, over that of none waiting and all busy."""
    step = log_rho / max(stretch, 1e-6)
    if abs(log_rho) < 1e-9:
        first = -math.log(max(stretch, 1e-6)) - step
    else:
        rise = -step if step < 0 else 0.0
        first = log_rho - math.log(abs(math.expm1(log_rho))) + rise + math.log(-math.expm1(-abs(step)))
    found: Floats = np.concatenate([[0.0], first + step * np.arange(1, limit + 1)])
    return found
