"""What a level of load came to: from the records of its requests to metrics, and what is needed to doubt them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fairtrial.stats.quantile import least
from fairtrial.systems.services.load.words import Load, Objective
from fairtrial.systems.services.measure.known import COMMON, METRICS
from fairtrial.systems.services.measure.latency import Known, Latencies, collect, interval, ladder
from fairtrial.systems.services.measure.steady import Steady, settle
from fairtrial.systems.services.measure.window import Window, in_flight_mean
from fairtrial.systems.services.record import Host, Outcome, Records

__all__ = ["COMMON", "METRICS", "WITHIN_RUN", "Measured", "kept", "measure", "of_host"]

WITHIN_RUN = "within-run; does not include run-to-run variation"


@dataclass(frozen=True, slots=True)
class Measured:
    """One level of load, measured. None is a metric that is undefined; one that does not apply is missing."""

    metrics: Mapping[str, float | None]
    steady: Steady
    window: tuple[int, int]
    """Requests belong to it that were due from its begin to before its end, in nanoseconds of the records."""
    service_p50_s: float | None
    """Median service time of the successes, however few they are."""
    lateness_p99_s: float | None
    """How late requests were sent, however few they are: what the gate looks at."""
    per_operation: Mapping[str, Mapping[str, float | None]]
    """Operation -> requests, success_rate, throughput_per_s, latency_*_s."""
    needs: Mapping[str, int]
    """Percentile that is undefined -> how many more requests it needs."""
    unbounded: tuple[str, ...]
    """Percentiles that lie among requests that never ended, or of a service that was left behind."""
    errors: Mapping[str, int]
    """Class of a failure, `timeout`, `shed`, `censored` -> requests."""
    spread: Mapping[str, float | None]
    """min, max, mean and sd of the response time in seconds."""
    ladder: tuple[tuple[float, float], ...]
    """(probability, response time in seconds) towards the tail."""
    within: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    """Percentile -> 95 % interval from this run alone (see WITHIN_RUN); None where the run is too short for an end."""

    @property
    def cut_s(self) -> float:
        """Return how much of the declared window was still warm-up."""
        return self.steady.cut_s


def measure(records: Records, *, load: Load, objective: Objective) -> Measured:
    """Measure the steady window of a load.

    Requests belong to the window by when they were due; throughput counts the successes that end in it. Failures,
    time-outs, shed and censored requests are misses of attainment and success rate. Percentiles (linear interpolation)
    are of successes, with those that never ended ranked above them all. A metric of LLMs or of neighbours is there
    where its records are. Raises Invalid where the load ended within its warm-up.
    """
    steady = settle(records, load=load)
    window = steady.window
    due = records.take(window.holds(records.t_sched_ns))
    found = collect(due)
    bounded = steady.stable is not False
    latencies = Latencies.of(found, bounded=bounded)
    metrics = _counts(due, window) | _rates(records, due, window, objective) | latencies.metrics
    metrics |= _tokens(records, due, window) | _recall(due)
    metrics |= {
        "warmup_s": (window.begin_ns - records.begin_ns) * 1e-9,
        "in_flight_mean": in_flight_mean(records, window),
    }
    metrics |= _open(steady) if load.mode == "open" else _little(records, window, load)
    response = found["latency"]
    return Measured(
        metrics=metrics,
        steady=steady,
        window=(window.begin_ns, window.end_ns),
        service_p50_s=found["service"].median(),
        lateness_p99_s=found["lateness"].plain(0.99),
        per_operation=_operations(records, due, window, bounded),
        needs=latencies.needs,
        unbounded=latencies.unbounded,
        errors=_errors(due),
        spread=_spread(response if bounded else Known(response.ordered[:0])),
        ladder=ladder(response) if bounded else (),
        within=_within(due, response, latencies.metrics),
    )


def of_host(host: Host) -> dict[str, float | None]:
    """Return the metrics that the generator saw of itself."""
    return {
        "generator_cpu_share": host.cpu_share,
        "loop_lag_p99_s": host.loop_lag_p99_s,
        "steal_share": host.steal_share,
    }


def _counts(due: Records, window: Window) -> dict[str, float | None]:
    kinds = np.bincount(due.outcome, minlength=len(Outcome))
    sent = len(due) - int(kinds[Outcome.SHED]) - int(np.count_nonzero(_forgotten(due)))
    return {
        "requests": float(len(due)),
        "errors": float(kinds[Outcome.ERROR]),
        "timeouts": float(kinds[Outcome.TIMEOUT]),
        "shed": float(kinds[Outcome.SHED]),
        "censored": float(kinds[Outcome.CENSORED]),
        "offered_per_s": len(due) / window.length_s,
        "achieved": _share(sent + int(kinds[Outcome.SHED]), len(due)),
        "success_rate": _share(int(kinds[Outcome.OK]), len(due)),
    }


def _forgotten(due: Records) -> np.ndarray:
    """Say which requests the generator never got round to: neither sent, nor shed, nor waiting for a connection."""
    nothing = (due.t_send_ns == 0) & (due.t_done_ns == 0) & (due.wait_ns == 0)
    return np.asarray(nothing & (due.outcome != Outcome.SHED))


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _rates(records: Records, due: Records, window: Window, objective: Objective) -> dict[str, float | None]:
    good = int(np.count_nonzero(kept(due, objective)))
    ended = int(np.count_nonzero(records.ok & window.holds(records.t_done_ns)))
    return {
        "attainment": _share(good, len(due)),
        "goodput_per_s": good / window.length_s,
        "throughput_per_s": ended / window.length_s,
    }


def kept(due: Records, objective: Objective) -> np.ndarray:
    """Say which requests succeeded and kept every clause of the objective (boolean).

    An answer of one token has no TPOT and an operation without neighbours no recall: they keep that clause.
    """
    good = due.ok
    if objective.response_s is not None:
        good = good & (due.response_s <= objective.response_s)
    if objective.ttft_s is not None:
        good = good & (due.first_s <= objective.ttft_s)
    if objective.tpot_s is not None:
        good = good & ((due.per_token_s <= objective.tpot_s) | (due.tokens_out == 1))
    if objective.recall is not None:
        good = good & ((due.recall >= objective.recall - 1e-6) | np.isnan(due.recall))  # float32
    return good


def _tokens(records: Records, due: Records, window: Window) -> dict[str, float | None]:
    told = due.ok & (due.tokens_out >= 0)
    if not told.any():
        return {}
    ended = records.ok & window.holds(records.t_done_ns) & (records.tokens_out >= 0)
    metrics: dict[str, float | None] = {
        "tokens_per_s": int(records.tokens_out[ended].sum(dtype=np.int64)) / window.length_s,
        "tokens_out_mean": _mean(due.tokens_out[told]),
    }
    read = due.tokens_in[due.ok & (due.tokens_in >= 0)]
    return metrics | ({"tokens_in_mean": _mean(read)} if len(read) else {})


def _recall(due: Records) -> dict[str, float | None]:
    found = due.recall[due.ok & ~np.isnan(due.recall)]
    return {"recall_mean": _mean(np.sort(found))} if len(found) else {}


def _mean(values: np.ndarray) -> float:
    return float(values.sum(dtype=np.float64)) / len(values)


def _open(steady: Steady) -> dict[str, float | None]:
    return {"stable": None if steady.stable is None else float(steady.stable)}


def _little(records: Records, window: Window, load: Load) -> dict[str, float | None]:
    """Compare the clients with throughput x (time in the system + think time): |X (R + Z) - N| / N."""
    ended = (records.t_done_ns > 0) & window.holds(records.t_done_ns)
    if not ended.any():
        return {"little_residual": None}
    busy_s = float((records.t_done_ns - records.t_send_ns)[ended].sum()) * 1e-9
    clients = (busy_s + np.count_nonzero(ended) * load.think_s) / window.length_s
    return {"little_residual": float(abs(clients - load.clients) / load.clients)}


def _errors(due: Records) -> dict[str, int]:
    """Count the failures of each class, the most frequent first."""
    counts: dict[str, int] = {}
    for outcome in (Outcome.ERROR, Outcome.TIMEOUT, Outcome.SHED, Outcome.CENSORED):
        codes = due.error[due.outcome == outcome]
        for code, count in zip(*np.unique(codes, return_counts=True), strict=True):
            name = due.errors[code] if 0 <= code < len(due.errors) else outcome.name.lower()
            counts[name] = counts.get(name, 0) + int(count)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _operations(records: Records, due: Records, window: Window, bounded: bool) -> dict[str, dict[str, float | None]]:
    ended = np.bincount(records.op[records.ok & window.holds(records.t_done_ns)], minlength=len(records.ops))
    table: dict[str, dict[str, float | None]] = {}
    for code, name in enumerate(records.ops):
        own = due if len(records.ops) == 1 else due.take(due.op == code)
        if not len(own):
            continue
        found = Latencies.of({"latency": Known.of(own, own.response_s)}, bounded=bounded)
        table[name] = {
            "requests": float(len(own)),
            "success_rate": _share(int(np.count_nonzero(own.ok)), len(own)),
            "throughput_per_s": int(ended[code]) / window.length_s,
            **found.metrics,
        }
    return table


def _spread(response: Known) -> dict[str, float | None]:
    values = response.ordered
    if not len(values):
        return dict.fromkeys(("min", "max", "mean", "sd"))
    sd = float(values.std(ddof=1)) if len(values) > 1 else None
    return {"min": float(values[0]), "max": float(values[-1]), "mean": float(values.mean()), "sd": sd}


def _within(
    due: Records, response: Known, metrics: Mapping[str, float | None]
) -> dict[str, tuple[float | None, float | None]]:
    """Return the intervals of the percentiles that are defined, by order statistics of the effective sample."""
    order = np.lexsort((due.t_done_ns, due.t_sched_ns))
    series = due.response_s[order]
    series = series[np.isfinite(series)]
    asked = {f"latency_{name}_s": p for name, p in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))}
    return {
        name: interval(series, response, p, at)
        for name, p in asked.items()
        if (at := metrics[name]) is not None and len(response) >= least(p)
    }
