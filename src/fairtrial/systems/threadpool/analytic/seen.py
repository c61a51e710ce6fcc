"""What formulas read of telemetry, by name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairtrial.errors import FairtrialError
from fairtrial.stats.summary import Floats


@dataclass(frozen=True, slots=True)
class Seen:
    """The ten numbers of rows of telemetry, (rows,) each, in the order of their schema."""

    runq_len: Floats
    arrival_rate: Floats
    completion_rate: Floats
    task_time_p50_us: Floats
    task_time_p95_us: Floats
    worker_util: Floats
    ctx_switches_per_sec: Floats
    task_size_mean: Floats
    task_size_var: Floats
    idle_worker_count: Floats


def seen(features: Floats) -> Seen:
    """Return the columns of features, (rows, 10). Raises FairtrialError for another shape."""
    columns = np.asarray(features, dtype=np.float64)
    if columns.ndim != 2 or columns.shape[1] != len(Seen.__slots__):
        raise FairtrialError(f"features have shape (rows, 10), not {columns.shape}")
    return Seen(*columns.T)


def blocking_us(row: Seen) -> Floats:
    """Return how long tasks seem to block, in microseconds: median latency less mean CPU time, less the time in queue.

    The time in queue is its length over the arrival rate (Little). Never below 0; a median of skewed times is below
    their mean, so this is on the low side. NaN where a number is missing or nothing arrives, and where no worker is
    idle and the queue explains more than the whole latency: it grows, and hides how long tasks block. A
    formula that read 0 there would shrink the pool, and never see otherwise.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        queued = np.where(row.runq_len > 0, row.runq_len / row.arrival_rate * 1e6, row.runq_len * 0.0)
    left = row.task_time_p50_us - row.task_size_mean - queued
    hidden = (queued > row.task_time_p50_us) & (row.idle_worker_count == 0)
    found: Floats = np.where(hidden, np.nan, np.maximum(left, 0.0))
    return found
