"""The metrics of the services system: names, units, directions and what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fairtrial.model.study import Direction, Metric

UP, DOWN, NEITHER = Direction.MAXIMIZE, Direction.MINIMIZE, Direction.NONE

PERCENTILES = {"p50": "median", "p90": "90th", "p95": "95th", "p99": "99th", "p999": "99.9th"}


def _times() -> Iterator[Metric]:
    response = "response time, from when it was due (in a closed loop: sent) to its end"
    yield Metric("latency_mean_s", DOWN, "s", f"mean {response}, of successes")
    for name, words in PERCENTILES.items():
        yield Metric(f"latency_{name}_s", DOWN, "s", f"{_percentile(words)} of the {response}")
    yield Metric("latency_max_s", DOWN, "s", f"longest {response}, of successes")
    for kind, names, what in (
        ("service", ("p50", "p99"), "service time, from sending to the end"),
        ("lateness", ("p99",), "lateness of sending"),
        ("ttft", ("p50", "p95", "p99"), "time from when it was due to the first content"),
        ("tpot", ("p50", "p99"), "time per output token after the first"),
        ("inter_chunk", ("p50", "p99"), "time between chunks that bear content"),
    ):
        for name in names:
            yield Metric(f"{kind}_{name}_s", DOWN, "s", f"{_percentile(PERCENTILES[name])} of the {what}")
    yield Metric("stall_max_s", DOWN, "s", "longest time between two chunks of an answer")


def _percentile(words: str) -> str:
    return words if words == "median" else f"{words} percentile"


def _requests() -> Iterator[Metric]:
    yield Metric("throughput_per_s", UP, "1/s", "successes that end in the window, over its length")
    yield Metric("offered_per_s", NEITHER, "1/s", "requests that were due in the window, over its length")
    yield Metric(
        "achieved", UP, "share", "of the requests that were due, those the generator sent (or shed as declared)"
    )
    yield Metric("goodput_per_s", UP, "1/s", "requests that met the objective: attainment x offered")
    yield Metric("attainment", UP, "share", "of the requests that were due, those that succeeded and met the objective")
    yield Metric("success_rate", UP, "share", "of the requests that were due, those that succeeded")
    yield Metric("requests", NEITHER, "requests", "requests that were due in the window")
    yield Metric("errors", DOWN, "requests", "requests that failed")
    yield Metric("timeouts", DOWN, "requests", "requests that took longer than timeout_s")
    yield Metric("shed", DOWN, "requests", "requests not sent, since max_in_flight were under way")
    yield Metric("censored", DOWN, "requests", "requests unfinished when the drain ended")
    yield Metric("warmup_s", NEITHER, "s", "what was left out before the window, ramp and later cuts included")
    yield Metric("in_flight_mean", NEITHER, "requests", "mean number of requests under way")
    yield Metric("stable", UP, "", "open loop: 1 where the service kept up, 0 where its backlog grew")
    yield Metric("little_residual", DOWN, "share", "closed loop: |X (R + Z) - N| / N, by Little's law 0")


def _contents() -> Iterator[Metric]:
    yield Metric("tokens_per_s", UP, "1/s", "output tokens of successes that end in the window, by the server's usage")
    yield Metric("tokens_out_mean", NEITHER, "", "mean output tokens of a success")
    yield Metric("tokens_in_mean", NEITHER, "", "mean prompt tokens of a success")
    yield Metric("cached_share", NEITHER, "share", "of the prompt tokens, those that the server had cached")
    yield Metric("recall_mean", UP, "share", "mean share of the true neighbours that were returned")


def _machine() -> Iterator[Metric]:
    yield Metric("generator_cpu_share", NEITHER, "share", "CPU of the busiest generator process, of a core")
    yield Metric("loop_lag_p99_s", DOWN, "s", "99th percentile of the lag of the generator's event loop")
    yield Metric("steal_share", DOWN, "share", "of the CPU time, what the hypervisor gave to others")
    yield Metric("server_cpu_cores", NEITHER, "cores", "CPU of the server's processes")
    yield Metric("server_rss_bytes", DOWN, "bytes", "peak memory of the server's processes, shared pages once")
    yield Metric("client_rss_bytes", NEITHER, "bytes", "peak memory of the generator's processes, shared pages once")


METRICS: Mapping[str, Metric] = {
    metric.name: metric for family in (_times, _requests, _contents, _machine) for metric in family()
}
"""Name -> metric, of everything that a service can be measured by."""

COMMON: frozenset[str] = (
    frozenset(METRICS)
    - {metric.name for metric in _contents()}
    - {name for name in METRICS if name.startswith(("ttft_", "tpot_", "inter_chunk_", "stall_"))}
)
"""The metrics that do not hang on the target."""
