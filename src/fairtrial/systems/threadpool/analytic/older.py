"""The older analytic oracle, formula by formula as it was: a cost of a pool size made from telemetry alone."""

from __future__ import annotations

import numpy as np

from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.analytic.seen import seen
from fairtrial.systems.threadpool.analytic.terms import Terms
from fairtrial.systems.threadpool.words import SIZES

ALPHA, BETA, GAMMA = 1.0, 0.05, 0.1
"""The weights that were published with it."""
PER_WORKER = 200.0
"""Tasks a second of a worker where no size is known."""


def terms(features: Floats, sizes: tuple[int, ...] = SIZES) -> Terms:
    """Return the four terms, (rows, sizes), in microseconds, of rows of telemetry (rows, 10).

    With N workers, s = task_size_mean and lam = arrival_rate: cap = N 1e6 / s; the latency is task_time_p95_us plus
    1000 (lam - cap) / cap where cap < lam, else less min(50 runq_len, 500); switching costs 10 N, whatever switches;
    idle workers N (1 - min(1, lam / cap)) cost 50 each; and a penalty of 200 below 2 workers, of 20 for each above 48.
    """
    row = seen(features)
    n = np.asarray(sizes, dtype=np.float64)
    rate, size = row.arrival_rate[:, None], row.task_size_mean[:, None]
    with np.errstate(divide="ignore"):
        per_worker = np.where(size == 0, PER_WORKER, 1e6 / size)
    cap = n * per_worker
    backlog = 1000 * (rate - cap) / cap
    queue = np.where(cap < rate, backlog, -np.minimum(50 * row.runq_len, 500.0)[:, None] + 0 * cap)
    idle = n * (1 - np.minimum(1.0, rate / cap))
    fixed = np.where(n < 2, 200.0, np.where(n > 48, 20 * (n - 48), 0.0))
    switching = np.broadcast_to(10 * n, cap.shape)
    return Terms(row.task_time_p95_us[:, None] + queue, switching, 50 * idle, np.broadcast_to(fixed, cap.shape))


def costs(features: Floats, alpha: float = ALPHA, beta: float = BETA, gamma: float = GAMMA) -> Floats:
    """Return J of every size of SIZES, (rows, sizes); the first of the lowest is the oracle's choice."""
    return terms(features).cost(alpha, beta, gamma)
