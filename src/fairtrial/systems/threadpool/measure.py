"""From records to metrics: what the tasks of the window saw, and what the pool did meanwhile."""

from __future__ import annotations

import math

import numpy as np

from fairtrial.stats.quantile import least, quantiles
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.record import Records

PERCENTS = (50, 95, 99)


def latencies(records: Records, first: int = 0) -> dict[str, float | None]:
    """Return mean and percentiles in seconds of the tasks from number `first` on; None where there are too few.

    A percentile p needs n (1 - p) >= 10 tasks. Dropped tasks count as later than all others, so that a pool does not
    look better by dropping; where a percentile falls among them it is None. Means are of the tasks that were served.
    """
    served = ~records.dropped[first:]
    latency = np.sort(records.latency_s[first:][served])
    found: dict[str, float | None] = {
        "latency_mean_s": _mean(latency),
        "wait_mean_s": _mean(records.wait_s[first:][served]),
    }
    shares = [percent / 100 for percent in PERCENTS]
    values = quantiles(latency, shares, above=int((~served).sum()))
    for percent, share, value in zip(PERCENTS, shares, values, strict=True):
        known = len(served) >= least(share) and math.isfinite(value)
        found[f"latency_p{percent}_s"] = value if known else None
    return found


def work(records: Records, *, first: int, cores: int) -> dict[str, float | None]:
    """Return what the pool did from the arrival of task `first` to that of the last one."""
    tally = records.tally
    window_s = tally.until_s - tally.since_s
    idle_s = max(tally.worker_s - tally.busy_s, 0.0)  # sums are rounded
    ended = (records.end_s > tally.since_s) & (records.end_s <= tally.until_s)
    return {
        "throughput_per_s": float(ended.sum()) / window_s,
        "arrived": float(len(records.tasks) - first),
        "dropped": float(records.dropped[first:].sum()),
        "switches_per_s": tally.switches / window_s,
        "idle_workers": idle_s / window_s,
        "idle_share": idle_s / tally.worker_s,
        "core_share": tally.core_s / window_s / cores,
    }


def _mean(values: Floats) -> float | None:
    return float(values.mean()) if len(values) else None
