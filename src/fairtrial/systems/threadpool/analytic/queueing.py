"""An oracle from queueing theory: what telemetry says of the tasks, turned into the latency of every pool size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.analytic.capacity import closed
from fairtrial.systems.threadpool.analytic.seen import Seen, blocking_us, seen
from fairtrial.systems.threadpool.analytic.terms import Terms
from fairtrial.systems.threadpool.simulate.rates import switching
from fairtrial.systems.threadpool.words import SIZES, Machine

TAIL = 0.05
"""Of the latency that counts: the p95."""
IDLE_US = 50.0
"""What an idle worker costs, in microseconds of latency: the older oracle's price, so that weights mean the same."""
HORIZON_S = 1.0
"""For how long the load is as it was seen: a backlog grows no longer, and a queue near a load of 1 not further."""
NODES, P95 = 48, 45
"""Sizes of tasks that stand for all, and the place of their 95th percentile."""
HALVINGS = 40


def terms(features: Floats, machine: Machine, sizes: tuple[int, ...] = SIZES) -> Terms:
    """Return the terms of J, (rows, sizes), in microseconds, of rows of telemetry (rows, 10).

    Latency: the p95 of a pool with Poisson arrivals at arrival_rate, CPU times with mean and variance of task_size
    (taken as log-normal), blocking as long as `seen.blocking_us` (taken as constant), sharing the cores of `machine`:
    the closed pool's rates, the share that waits from the birth-death chain, waits by Allen and Cunneen; at most, and
    from a load of 1 on, what a backlog is after a second: its drift and 1.96 standard deviations. Switching: CPU
    time lost in switches, in microseconds a task: (switches a second) x switch_us / arrival_rate, where a worker that
    blocks or falls idle switches once, and all cores do each quantum while more want to compute than there are.
    Idle: 50 microseconds x workers without a task. No penalty. NaN where a number is missing or nothing arrives.
    """
    row = seen(features)
    shape = (len(row.arrival_rate), len(sizes))
    latency, lost, idle = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
    known = readable(features)
    some = seen(np.asarray(features, dtype=np.float64)[known])
    blocked_us = blocking_us(some)
    delay_us = np.where(blocked_us > 0, blocked_us + machine.wake_us, 0.0)
    most = closed(some.task_size_mean * 1e-6, delay_us * 1e-6, machine, max(sizes))
    for place, workers in enumerate(sizes):
        able = most.throughput_per_s[:, :workers]
        chain = _chain(some.arrival_rate, able)
        latency[known, place] = _p95_us(some, delay_us, able, chain=chain, machine=machine)
        crowded = (chain.states[:, 1:] * most.crowded[:, :workers]).sum(axis=1)
        idles = chain.states @ np.arange(workers, -1, -1)
        each = (blocked_us > 0) + (1 - chain.waits)
        switches = switching(machine) * crowded / some.arrival_rate + each
        lost[known, place] = switches * machine.switch_us
        idle[known, place] = IDLE_US * idles
    return Terms(latency, lost, idle, np.zeros(shape))


def readable(features: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Say which rows have what the formulas read: tasks that arrive and compute, no number missing or hidden."""
    row = seen(features)
    read = (row.arrival_rate, row.task_size_mean, row.task_size_var, row.task_time_p50_us, row.runq_len)
    finite = np.all([np.isfinite(column) for column in read], axis=0)
    with np.errstate(invalid="ignore"):
        there = (row.arrival_rate > 0) & (row.task_size_mean > 0) & (row.task_size_var >= 0)
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = finite & there & np.isfinite(blocking_us(row))
    return found


@dataclass(frozen=True, slots=True)
class _Chain:
    """The birth-death chain of every row."""

    states: Floats
    """P(so many workers have a task), (rows, N + 1)."""
    waits: Floats
    """Share that waits, (rows,)."""
    stay_s: Floats
    """Mean time with a worker of those who do not wait, (rows,); that of a full pool where all wait."""


def _chain(rate: Floats, able: Floats) -> _Chain:
    """Return the chain at X(n) tasks a second, `able` (rows, N). Overloaded: all workers have a task, all wait."""
    rho, count = rate / able[:, -1], np.arange(able.shape[1] + 1)
    logs = np.concatenate([np.zeros((len(rate), 1)), np.cumsum(np.log(rate[:, None] / able), axis=1)], axis=1)
    states = np.exp(logs - logs.max(axis=1, keepdims=True))
    free = states[:, :-1].sum(axis=1)
    stay_s = np.where(free > 0, states @ count / np.maximum(rate * free, 1e-300), count[-1] / able[:, -1])
    over = rho >= 1
    states[:, -1] /= np.where(over, 1.0, 1 - rho)
    states[over] = count == count[-1]
    states /= states.sum(axis=1, keepdims=True)
    return _Chain(states, states[:, -1], stay_s)


def _p95_us(row: Seen, delay_us: Floats, able: Floats, *, chain: _Chain, machine: Machine) -> Floats:
    """Return the p95 of waiting and time with a worker, in microseconds, (rows,)."""
    rho = row.arrival_rate / able[:, -1]
    busy_us = able.shape[1] / able[:, -1] * 1e6
    variation = row.task_size_var / row.task_size_mean**2
    sizes = _lognormal(row.task_size_mean, variation)
    slow = ((chain.stay_s * 1e6 - delay_us) / row.task_size_mean)[:, None]
    full = ((busy_us - delay_us) / row.task_size_mean)[:, None]
    services = (1 - delay_us / busy_us) ** 2 * variation
    wait_us = (1 + services) / 2 / np.where(rho < 1, able[:, -1] - row.arrival_rate, np.inf) * 1e6
    free = slow * sizes + delay_us[:, None] + machine.wake_us
    busy = full * sizes + delay_us[:, None]
    stable = _quantile(free, busy, waits=chain.waits, wait_us=np.maximum(wait_us, 1e-6))
    spread = 1.96 * np.sqrt((1 + services) * row.arrival_rate * HORIZON_S) / able[:, -1] * 1e6
    growing = np.maximum(rho - 1, 0.0) * HORIZON_S * 1e6 + busy[:, P95] + spread
    found: Floats = np.where(rho < 1, np.minimum(stable, growing), growing)
    return found


def _lognormal(mean: Floats, variation: Floats) -> Floats:
    """Return the middles of cells of equal probability, (rows, NODES), of a log-normal with this mean and variance."""
    from scipy.special import ndtri

    spread = np.log1p(variation)[:, None]
    found: Floats = mean[:, None] * np.exp(np.sqrt(spread) * ndtri((np.arange(NODES) + 0.5) / NODES) - spread / 2)
    return found


def _quantile(free: Floats, busy: Floats, *, waits: Floats, wait_us: Floats) -> Floats:
    """Return t that 5 % of the tasks take longer than, (rows,), by bisection.

    Those who do not wait take one of `free`, (rows, NODES); the others an exponential wait and one of `busy`.
    """
    low, high = np.zeros(len(waits)), np.maximum(free[:, -1], busy[:, -1] + 40 * wait_us)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        left = np.maximum(middle[:, None] - busy, 0.0)
        late = np.exp(-left / wait_us[:, None]).mean(axis=1)
        above = (1 - waits) * (free > middle[:, None]).mean(axis=1) + waits * late
        low, high = np.where(above > TAIL, middle, low), np.where(above > TAIL, high, middle)
    return high
