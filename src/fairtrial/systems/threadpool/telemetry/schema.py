"""The ten numbers of a row of telemetry: names, units, order, and the digest that a model file carries."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b


@dataclass(frozen=True, slots=True)
class Feature:
    """One column."""

    name: str
    unit: str
    help: str


FEATURES = (
    Feature("runq_len", "", "tasks that wait for a worker"),
    Feature("arrival_rate", "1/s", "arrivals a second, over the window"),
    Feature("completion_rate", "1/s", "tasks that ended a second, over the window"),
    Feature("task_time_p50_us", "us", "latency of the tasks that ended in the window, median"),
    Feature("task_time_p95_us", "us", "latency of the tasks that ended in the window, 95th percentile"),
    Feature("worker_util", "share", "worker time with a task, as a share, over the window"),
    Feature("ctx_switches_per_sec", "1/s", "context switches a second, over the window"),
    Feature("task_size_mean", "us", "CPU time of the tasks that ended in the window, mean"),
    Feature("task_size_var", "us^2", "CPU time of the tasks that ended in the window, variance"),
    Feature("idle_worker_count", "", "workers without a task"),
)
NAMES = tuple(feature.name for feature in FEATURES)


def digest() -> str:
    """Return 16 hexadecimal digits that change with a name, a unit or the order of the features."""
    return blake2b("\n".join(f"{one.name} {one.unit}" for one in FEATURES).encode(), digest_size=8).hexdigest()
