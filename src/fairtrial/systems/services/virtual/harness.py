"""A generator that is not perfect: late, starved of CPU, or with a floor of its own; and what it sees of itself."""

from __future__ import annotations

import numpy as np

from fairtrial.stats.resample import generator
from fairtrial.stats.summary import Floats
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.record import Host
from fairtrial.systems.services.virtual.words import Generator


def ready(model: Generator, due: Floats, processes: int, seed: int) -> tuple[Floats, Floats]:
    """Return when each request of a schedule leaves its process, at the earliest, and how long that kept it waiting.

    Requests go round the processes; all is in seconds.
    """
    late = due
    if model.lateness_s:
        late = due + model.lateness_s * generator(seed, "lateness").standard_exponential(len(due))
    if not model.cpu_per_request_s:
        return late, np.zeros(len(due))
    left = np.empty_like(late)
    for process in range(processes):
        own = late[process::processes]
        order = np.argsort(own, kind="stable")
        queued = np.empty_like(own)
        queued[order] = spaced(own[order], model.cpu_per_request_s / model.cpu)
        left[process::processes] = queued
    return left, left - late


def spaced(times: Floats, gap: float) -> Floats:
    """Delay ascending times until each is at least `gap` after the one before."""
    steps = gap * np.arange(len(times))
    return np.asarray(np.maximum.accumulate(times - steps) + steps)


def host(model: Generator, load: Load, *, worker: np.ndarray, backlog: Floats) -> Host:
    """Return what the generator saw of itself in the window.

    Of each request that it sent: the process (`worker`), and for how many seconds that had kept it waiting (`backlog`).
    """
    sent = int(np.bincount(worker, minlength=1).max(initial=0))
    lag = float(np.quantile(backlog, 0.99)) if len(backlog) else 0.0
    return Host(
        cpu_share=min(sent * model.cpu_per_request_s / load.duration_s, model.cpu),
        loop_lag_p99_s=max(model.loop_lag_s, lag),
        steal_share=model.steal,
        floor_p50_s=model.overhead_s,
    )
