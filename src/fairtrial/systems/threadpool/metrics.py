"""What a trial of this system measures: names, units, and which of them a mode and an engine have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fairtrial.model.study import Direction, Metric
from fairtrial.systems.threadpool.telemetry.schema import FEATURES

DOWN, UP, NEITHER = Direction.MINIMIZE, Direction.MAXIMIZE, Direction.NONE


def _latencies() -> Iterator[Metric]:
    yield Metric("latency_mean_s", DOWN, "s", "From arrival to the end of a task, mean")
    for percent in (50, 95, 99):
        yield Metric(f"latency_p{percent}_s", DOWN, "s", f"From arrival to the end of a task, {percent}th percentile")
    yield Metric("wait_mean_s", DOWN, "s", "From arrival until a worker takes the task, mean")


def _load() -> Iterator[Metric]:
    yield Metric("rho", NEITHER, "", "Load: what arrives, as a share of what this size can do")
    yield Metric("stable", NEITHER, "", "1: it can do what arrives; 0: it cannot, and latencies have no bound")


def _work() -> Iterator[Metric]:
    yield Metric("throughput_per_s", UP, "1/s", "Tasks that ended in the window, a second")
    yield Metric("arrived", NEITHER, "", "Tasks that arrived in the window")
    yield Metric("dropped", DOWN, "", "Tasks of the window that found the queue full")
    yield Metric("switches_per_s", NEITHER, "1/s", "Context switches a second")
    yield Metric("idle_workers", NEITHER, "", "Workers without a task, mean over time")
    yield Metric("idle_share", NEITHER, "share", "Workers without a task, as a share of all")
    yield Metric("core_share", NEITHER, "share", "Cores in use, switching included, as a share of all")


def _real() -> Iterator[Metric]:
    yield Metric("floor_p50_s", NEITHER, "s", "Null tasks through the same pool: median latency")
    yield Metric("floor_p99_s", NEITHER, "s", "Null tasks through the same pool: 99th percentile")
    yield Metric("others_share", NEITHER, "share", "CPU time that others used meanwhile, of all processors' time")
    yield Metric("lateness_p99_s", NEITHER, "s", "How late tasks were submitted, 99th percentile")


def _costs() -> Iterator[Metric]:
    yield Metric("wake_s", NEITHER, "s", "From waking a thread to its running, on this machine")
    yield Metric("switch_s", NEITHER, "s", "A switch between two threads, on this machine")
    yield Metric("spawn_s", NEITHER, "s", "From starting a thread to its running, on this machine")


def _training() -> Iterator[Metric]:
    yield Metric("regret_mean", DOWN, "", "p95 of the chosen size over that of the best, less 1; mean over test rows")
    yield Metric("regret_p95", DOWN, "", "The same, 95th percentile over test rows")
    yield Metric("regret_max", DOWN, "", "The same, the worst test row")
    yield Metric("in_best_share", UP, "share", "Test rows whose chosen size is in the best set")
    yield Metric("unstable_share", DOWN, "share", "Test rows whose chosen size cannot do what arrives")
    yield Metric("between_share", NEITHER, "share", "Variance between sizes, of all within a row")
    yield Metric("rows_trained", NEITHER, "", "Rows that were learned from")
    yield Metric("rows_tested", NEITHER, "", "Rows that were tested")
    yield Metric("model_bytes", NEITHER, "B", "Size of the model file; undefined for formulas")


def _replay() -> Iterator[Metric]:
    yield Metric("decisions_per_s", NEITHER, "1/s", "Times that the policy was asked, a second")
    yield Metric("changes_per_s", DOWN, "1/s", "Times that the size was changed, a second")
    yield Metric("workers_mean", NEITHER, "", "Size of the pool, mean over time")
    yield Metric("spawned", NEITHER, "", "Workers that were added")
    yield Metric("resize_s", DOWN, "s", "Worker-seconds between adding workers and their being able to work")
    yield Metric("fallback_share", NEITHER, "share", "Decisions outside what the model was trained on")


def _features() -> Iterator[Metric]:
    yield Metric("family", NEITHER, "", "Family of the workload: steady 0, bursty 1, adversarial 2, blocking 3")
    yield Metric("cores", NEITHER, "", "Cores of the machine that the row was seen on")
    for feature in FEATURES:
        yield Metric(feature.name, NEITHER, feature.unit, f"Telemetry: {feature.help}")


GROUPS: Mapping[str, Mapping[str, Metric]] = {
    name: {metric.name: metric for metric in metrics}
    for name, metrics in {
        "latencies": _latencies(), "load": _load(), "work": _work(), "real": _real(), "costs": _costs(),
        "training": _training(), "replay": _replay(), "features": _features(),
    }.items()
}  # fmt: skip
METRICS: Mapping[str, Metric] = {name: metric for group in GROUPS.values() for name, metric in group.items()}


def measured(mode: str, engine: str, *, row: bool, costs: bool) -> frozenset[str]:
    """Return the names of what a trial measures; `row`: of a row of telemetry; `costs`: of this machine."""
    if mode == "train":
        return frozenset(GROUPS["training"])
    wanted = ["latencies", "load"]
    if engine != "analytic":
        wanted.append("work")
    if engine == "real":
        wanted.append("real")
    wanted += ["replay"] * (mode == "replay") + ["features"] * row + ["costs"] * costs
    return frozenset(name for group in wanted for name in GROUPS[group])
