"""`summary.json`: one level of load for people and scripts, with what the numbers rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fairtrial.systems.services.measure.known import METRICS
from fairtrial.systems.services.measure.metrics import WITHIN_RUN, Measured
from fairtrial.systems.services.record import Host

VERSION = 1
METHOD = (
    "linear interpolation between ranks (numpy's default) over the successes that were due in the window, pooled over "
    "all generator processes; requests that timed out, were shed or did not end rank above them all; told where at "
    "least 10 requests lie beyond, n (1 - p) >= 10"
)
CLOSED = "closed loop (coordinated): from sending, since a request is due when its client is free"
OPEN = "open loop: from the scheduled time, so that waiting to be sent counts"


def summary(
    measured: Measured, host: Host, *, invalid: Sequence[str] = (), cautions: Sequence[str] = (), begin_ns: int = 0
) -> dict[str, Any]:
    """Return what `summary.json` says: JSON, None for what is undefined.

    `begin_ns` is when the load began (times of the window are told from there). The first block has the names and
    units of simpler tools (success rate in per cent, latencies of successes), so that their readers find them.
    """
    metrics = dict(measured.metrics)
    closed = "little_residual" in metrics
    return {
        "summary_version": VERSION,
        **_plain(measured),
        "valid": not invalid,
        "invalid": list(invalid),
        "cautions": list(cautions),
        "metrics": metrics,
        "units": {name: METRICS[name].unit for name in metrics if name in METRICS},
        "window": _window(measured, begin_ns),
        "method": {"percentiles": METHOD, "response": CLOSED if closed else OPEN},
        "needs_more_requests": dict(measured.needs),
        "unbounded": list(measured.unbounded),
        "within_run_interval": {
            "note": WITHIN_RUN,
            "level": 0.95,
            "percentiles": {name: list(ends) for name, ends in measured.within.items()},
        },
        "per_operation": {name: dict(row) for name, row in measured.per_operation.items()},
        "latency_ladder": [list(step) for step in measured.ladder],
        "host": asdict(host),
    }


def _window(measured: Measured, begin_ns: int) -> dict[str, Any]:
    begin, end = measured.window
    return {
        "begin_s": (begin - begin_ns) * 1e-9,
        "end_s": (end - begin_ns) * 1e-9,
        "length_s": (end - begin) * 1e-9,
        "warmup_s": measured.metrics["warmup_s"],
        "cut_beyond_declared_s": measured.cut_s,
        "requests_belong_by": "scheduled time",
    }


def _plain(measured: Measured) -> dict[str, Any]:
    """Return the numbers under the names that most benchmark scripts give them."""
    metrics, spread = measured.metrics, measured.spread
    total = int(metrics["requests"] or 0)
    rate = metrics["success_rate"]
    failed = sum(measured.errors.values())
    plain: dict[str, Any] = {
        "total_requests": total,
        "successful_requests": total - failed,
        "failed_requests": failed,
        "success_rate": None if rate is None else 100 * rate,
        "requests_per_second": metrics["throughput_per_s"],
        "test_duration_s": (measured.window[1] - measured.window[0]) * 1e-9,
        "latency_s": {
            "avg": spread["mean"],
            "min": spread["min"],
            "max": spread["max"],
            "std": spread["sd"],
            **{name: metrics[f"latency_{name}_s"] for name in ("p50", "p90", "p95", "p99")},
        },
        "error_summary": dict(measured.errors),
        "operations": {name: _operation(row) for name, row in measured.per_operation.items()},
    }
    if "tokens_per_s" in metrics:
        plain["tokens_per_second"] = metrics["tokens_per_s"]
        plain["avg_output_tokens"] = metrics["tokens_out_mean"]
        plain["avg_input_tokens"] = metrics.get("tokens_in_mean")
    return plain


def _operation(row: Mapping[str, float | None]) -> dict[str, float | None]:
    return {
        "count": row["requests"],
        "throughput": row["throughput_per_s"],
        "avg": row["latency_mean_s"],
        "max": row["latency_max_s"],
        **{name: row[f"latency_{name}_s"] for name in ("p50", "p95", "p99")},
    }
