"""What a pool can do at most: its throughput when tasks are always waiting, and with fewer tasks in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.simulate.rates import rates
from fairtrial.systems.threadpool.words import Machine, Workload

ROWS = 128
"""Pools whose product forms are summed at once: 65 x 65 terms each at 64 workers."""


@dataclass(frozen=True, slots=True)
class Closed:
    """Pools with k = 1..N tasks always in them: shape (rows, N) each."""

    throughput_per_s: Floats
    crowded: Floats
    """Share of time in which more workers want to compute than there are cores."""


def capacity(workload: Workload, machine: Machine, workers: int) -> float:
    """Return X(N), the tasks a second that `workers` can do: the throughput of the pool that is never without tasks."""
    return float(throughputs(workload, machine, workers)[-1])


def load(workload: Workload, machine: Machine, workers: int) -> float:
    """Return rho, the tasks that arrive as a share of those that can be done; 1 or more has no steady state."""
    return workload.arrivals.rate_per_s / capacity(workload, machine, workers)


def throughputs(workload: Workload, machine: Machine, workers: int, *, woken: bool = False) -> Floats:
    """Return X(k), tasks a second with k tasks always in the pool, for k = 1..`workers`.

    `woken`: as if a worker had to be woken for each task, as it is where tasks arrive at a pool with idle workers.
    """
    delay = delay_s(workload, machine) + (machine.wake_us * 1e-6 if woken else 0.0)
    cpu = np.array([workload.cpu.mean_s])
    found: Floats = closed(cpu, np.array([delay]), machine, workers).throughput_per_s[0]
    return found


def delay_s(workload: Workload, machine: Machine) -> float:
    """Return the mean seconds in which a task keeps its worker from the cores: blocked, and being woken after it."""
    return workload.blocking.mean_s + machine.wake_us * 1e-6 if workload.blocking.mean_us else 0.0


def closed(cpu_s: Floats, delay_s: Floats, machine: Machine, workers: int) -> Closed:
    """Return throughput and crowding of pools that compute and block so long a task, (rows,) each, in the mean.

    Two stations: the cores, shared by R runnable workers at R r(R) CPU-seconds a second, and a delay. With k tasks the
    chance of R runnable ones is a(R) d(k - R) / G(k), where a(R) = S^R / (1 r(1) … R r(R)) and d(j) = Z^j / j!, and
    X(k) = G(k - 1) / G(k): exact whatever the distributions, since both stations are insensitive to them. Summed as
    logarithms, without a difference anywhere, so 1024 workers lose no digits. Source: Baskett, Chandy, Muntz and
    Palacios (1975), Open, closed, and mixed networks of queues, Journal of the ACM 22; the ratio of normalising
    constants: Buzen (1973), Communications of the ACM 16.
    """
    speeds = np.arange(1, workers + 1) * rates(machine, workers)[1:]
    k = np.arange(1, workers + 1)
    rows = np.broadcast_shapes(np.shape(cpu_s), np.shape(delay_s))
    throughput, crowded = np.empty((*rows, workers)), np.empty((*rows, workers))
    only = delay_s <= 0
    throughput[only] = speeds / cpu_s[only, None]
    crowded[only] = k > machine.cores
    blocks = (cpu_s <= 0) & ~only
    throughput[blocks] = k / delay_s[blocks, None]
    crowded[blocks] = 0.0
    both = np.flatnonzero((cpu_s > 0) & ~only)
    for at in range(0, len(both), ROWS):
        some = both[at : at + ROWS]
        throughput[some], crowded[some] = _mixed(cpu_s[some], delay_s[some], speeds, machine.cores)
    return Closed(throughput, crowded)


def _mixed(cpu_s: Floats, delay_s: Floats, speeds: Floats, cores: int) -> tuple[Floats, Floats]:
    """Return X(k) and the share of time with more than `cores` runnable, (rows, N) each, where tasks do both."""
    from scipy.special import gammaln

    states = np.arange(len(speeds) + 1)
    computing = states * np.log(cpu_s)[:, None] - np.concatenate([[0.0], np.cumsum(np.log(speeds))])
    blocked = states * np.log(delay_s)[:, None] - gammaln(states + 1)
    left = states[:, None] - states  # of k tasks, R runnable: k - R are blocked
    terms = np.where(left >= 0, computing[:, None, :] + blocked[:, np.maximum(left, 0)], -np.inf)
    most = terms.max(axis=2)
    weights = np.exp(terms - most[:, :, None])
    whole = weights.sum(axis=2)
    constants = most + np.log(whole)
    crowded = weights[:, :, cores + 1 :].sum(axis=2) / whole
    return np.exp(constants[:, :-1] - constants[:, 1:]), crowded[:, 1:]
