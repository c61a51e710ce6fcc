"""Times of requests as percentiles: only where enough requests lie beyond, and never of what has no bound."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fairtrial.stats.effective import effective_size
from fairtrial.stats.quantile import BEYOND, least, quantiles, rank_interval
from fairtrial.stats.summary import Floats
from fairtrial.systems.services.record import Outcome, Records

ASKED: Mapping[str, Mapping[str, float]] = {
    "latency": {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999},
    "service": {"p50": 0.5, "p99": 0.99},
    "lateness": {"p99": 0.99},
    "ttft": {"p50": 0.5, "p95": 0.95, "p99": 0.99},
    "tpot": {"p50": 0.5, "p99": 0.99},
    "inter_chunk": {"p50": 0.5, "p99": 0.99},
}
"""Which percentiles of a time are metrics."""

LOST = (Outcome.TIMEOUT, Outcome.SHED, Outcome.CENSORED)
STEPS_A_DECADE = 20
SMALLEST_TAIL = 1e-4


@dataclass(frozen=True, slots=True)
class Known:
    """Times of requests: those that are known, and how many are only known to be longer."""

    ordered: Floats
    """Seconds, ascending."""
    above: int = 0

    @classmethod
    def of(cls, due: Records, times_s: Floats) -> Known:
        """Take the times of successes (NaN for the rest); what never ended took longer than any."""
        return cls(ascending(times_s), int(np.count_nonzero(np.isin(due.outcome, LOST))))

    def __len__(self) -> int:
        return len(self.ordered) + self.above

    def median(self) -> float | None:
        """Return the median of what is known; None of nothing."""
        return self.plain(0.5)

    def plain(self, p: float) -> float | None:
        """Return a quantile of what is known, however little that is; None of nothing."""
        return quantiles(self.ordered, [p])[0] if len(self.ordered) else None


@dataclass(frozen=True, slots=True)
class Latencies:
    """Percentiles of several times."""

    metrics: dict[str, float | None]
    needs: dict[str, int]
    unbounded: tuple[str, ...]

    @classmethod
    def of(cls, times: Mapping[str, Known], *, bounded: bool) -> Latencies:
        """Compute the percentiles; None where too few requests lie beyond, or where they have no bound.

        Where the service was left behind (`bounded` is False), all times but the lateness grow with the window.
        """
        metrics: dict[str, float | None] = {}
        needs: dict[str, int] = {}
        unbounded: list[str] = []
        for kind, known in times.items():
            finite = bounded or kind == "lateness"
            metrics |= _summary(kind, known, finite=finite)
            names = [f"{kind}_{name}_s" for name in ASKED[kind]]
            levels = list(ASKED[kind].values())
            for name, p, value in zip(names, levels, quantiles(known.ordered, levels, above=known.above), strict=True):
                missing = least(p) - len(known)
                metrics[name] = value if finite and missing <= 0 and math.isfinite(value) else None
                if finite and missing > 0:
                    needs[name] = missing
                elif metrics[name] is None:
                    unbounded.append(name)
        return cls(metrics, needs, tuple(unbounded))


def collect(due: Records) -> dict[str, Known]:
    """Return the times that these requests have: of LLMs where they have chunks and tokens."""
    times = {
        "latency": Known.of(due, due.response_s),
        "service": Known.of(due, due.service_s),
        "lateness": Known(ascending(due.lateness_s)),
    }
    if np.any(due.tokens_out >= 0) or len(due.gap):
        times["ttft"] = Known.of(due, due.first_s)
        times["tpot"] = Known(ascending(due.per_token_s))
        times["inter_chunk"] = Known(np.sort(due.gap[np.repeat(due.ok, due.gaps)] * 1e-9))
    return times


def ascending(times_s: Floats) -> Floats:
    """Sort times and drop those that are not known."""
    known = times_s[~np.isnan(times_s)]
    known.sort()
    return known


def ladder(known: Known) -> tuple[tuple[float, float], ...]:
    """Return (probability, seconds) at equal steps of log(1 - probability), as far as BEYOND requests lie beyond."""
    steps = int(-math.log10(SMALLEST_TAIL) * STEPS_A_DECADE)
    levels = [1 - 10 ** (-step / STEPS_A_DECADE) for step in range(steps + 1)]
    told = [p for p in levels if len(known) >= BEYOND and least(p) <= len(known)]
    values = quantiles(known.ordered, told, above=known.above)
    return tuple((p, value) for p, value in zip(told, values, strict=True) if math.isfinite(value))


def interval(series: Floats, known: Known, p: float, at: float) -> tuple[float | None, float | None]:
    """Return the 95 % interval of a percentile from one run, in which requests resemble their neighbours.

    `series` are the times in the order in which they were due. What counts is how long they stay above the percentile
    `at`, so that is the series whose effective size is taken.
    """
    size = effective_size((series > at).astype(float)) * len(known) / max(len(series), 1)
    levels = rank_interval(p, size)
    inside = [min(max(level, 0.0), 1.0) for level in levels]
    values = quantiles(known.ordered, inside, above=known.above)
    low = values[0] if levels[0] > 0 else None
    high = values[1] if levels[1] <= 1 and math.isfinite(values[1]) else None
    return low, high


def _summary(kind: str, known: Known, *, finite: bool) -> dict[str, float | None]:
    """Return the mean and the maximum, where they are metrics."""
    values = known.ordered if finite else known.ordered[:0]
    if kind == "latency":
        mean, high = (float(values.mean()), float(values[-1])) if len(values) else (None, None)
        return {"latency_mean_s": mean, "latency_max_s": high}
    if kind == "inter_chunk":
        return {"stall_max_s": float(values[-1]) if len(values) else None}
    return {}
