"""The streaming twin of a signal, timed bin by bin against a budget."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fairtrial.errors import NothingMeasured
from fairtrial.systems.signals.record import Bin, Floats, Integers, Market
from fairtrial.systems.signals.signal import Signal

TAIL = 0.01
"""Share of the bins that may be over the budget."""
SAMPLES = 256
"""How often memory is looked at, about."""


@dataclass(frozen=True, slots=True)
class Timed:
    """What a stream took, bin by bin."""

    budget_ms: float
    step_ms: Floats
    """Of every bin, warm-up included, (n,)."""
    warmup_bins: int
    """Bins before the first finite value: in no percentile and no count."""
    without: int
    """Bins after it that had no value, such as those without a book: they count, and are quick."""
    retrained: Integers
    """Numbers of the bins in which it learnt anew, warm-up included."""
    rss_start_bytes: int
    """Resident memory of the process before the first bin, data included."""
    rss_steady_bytes: int
    """Its median after the warm-up."""
    rss_peak_bytes: int
    """The most that the process ever had, loading the data included."""

    @property
    def timed_ms(self) -> Floats:
        """Return the times of the bins that count."""
        return self.step_ms[self.warmup_bins :]

    def quantile_ms(self, share: float) -> float:
        """Return the time that at least this share of the bins kept to: one that was observed, not interpolated."""
        return float(np.quantile(self.timed_ms, share, method="inverted_cdf"))

    @property
    def max_ms(self) -> float:
        """Return the longest time of a bin."""
        return float(self.timed_ms.max())

    @property
    def over(self) -> int:
        """Return how many bins took longer than the budget."""
        return int(np.count_nonzero(self.timed_ms > self.budget_ms))

    @property
    def over_share(self) -> float:
        """Return the share of the bins that took longer than the budget."""
        return self.over / len(self.timed_ms)

    @property
    def stalls_ms(self) -> Floats:
        """Return the times of the bins in which it learnt anew."""
        return self.step_ms[self.retrained[self.retrained >= self.warmup_bins]]

    @property
    def passed(self) -> bool:
        """Say whether it keeps up: the p99 is within the budget, and at most 1 % of the bins are over it."""
        return self.quantile_ms(1 - TAIL) <= self.budget_ms and self.over_share <= TAIL


def simulate(
    signal: Signal,
    parameters: Any,
    market: Market,
    *,
    budget_ms: float,
    clock: Callable[[], int] = time.perf_counter_ns,
    seed: int = 0,
) -> Timed:
    """Step a signal's stream through a market and time every step; `clock` returns nanoseconds, twice a bin.

    It passes when the p99 is within the budget and at most 1 % of the bins are over it (one order statistic, hence one
    rule: of n bins at most 1 % of n, rounded down). The bins before the first finite value are warm-up and count
    nowhere. Everything that happens within a step is the stream's own: garbage collection, learning anew, imports.
    Only the compilation of kernels is not: another stream is run before, on copies of the first bins, up to its first
    finite value. Raises NothingMeasured where there is no finite value in the whole market.
    """
    _dry_run(signal, parameters, market, seed)
    return _timed(_stream(signal, parameters, market, seed), market, budget_ms, clock)


def _stream(signal: Signal, parameters: Any, market: Market, seed: int) -> Any:
    return signal.stream(parameters, tick_size=market.tick_size, bin_s=market.bin_s, seed=seed)


def _dry_run(signal: Signal, parameters: Any, market: Market, seed: int) -> None:
    stream = _stream(signal, parameters, market, seed)
    if not any(math.isfinite(stream.step(_copied(market.bin(number)))) for number in range(len(market))):
        hint = "more bins, or shorter windows"
        raise NothingMeasured(f"signal {signal.name!r} has no value in {len(market)} bins of {market.name}", hint=hint)


def _copied(now: Bin) -> Bin:
    columns = {name: np.array(values) for name, values in now.columns.items()}
    return Bin(now.number, now.ts_ns, now.mid_ticks, now.valid, columns)


def _timed(stream: Any, market: Market, budget_ms: float, clock: Callable[[], int]) -> Timed:
    n = len(market)
    step_ms, memory = np.empty(n), Memory(every=max(1, n // SAMPLES))
    warmup, valued, learnt, before = n, 0, [], getattr(stream, "retrained", 0)
    for number in range(n):
        now = market.bin(number)
        start = clock()
        value = stream.step(now)
        step_ms[number] = (clock() - start) / 1e6
        if math.isfinite(value):
            warmup, valued = min(warmup, number), valued + 1
        if getattr(stream, "retrained", 0) > before:
            learnt.append(number)
            before = stream.retrained
        memory.look(number)
    return Timed(
        budget_ms=budget_ms, step_ms=step_ms, warmup_bins=warmup, without=n - warmup - valued,
        retrained=np.array(learnt, dtype=np.int64),
        rss_start_bytes=memory.start, rss_steady_bytes=memory.steady(warmup), rss_peak_bytes=memory.peak(),
    )  # fmt: skip


class Memory:
    """Looks at the resident memory of this process from time to time, never within a step."""

    def __init__(self, every: int) -> None:
        from psutil import Process

        self._every, self._process = every, Process()
        self.start = self._now()
        self._seen: list[tuple[int, int]] = []

    def look(self, number: int) -> None:
        """Look, if it is this bin's turn; the last bin of each stretch is looked at."""
        if number % self._every == self._every - 1:
            self._seen.append((number, self._now()))

    def steady(self, since: int) -> int:
        """Return the median since a bin; where nothing was seen since, what there is now."""
        late = [seen for number, seen in self._seen if number >= since]
        return int(np.median(late)) if late else self._now()

    def peak(self) -> int:
        """Return the most that this process ever had: the kernel's count, which may lag behind what was seen."""
        import resource
        import sys

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        bytes_ = most if sys.platform == "darwin" else most * 1024  # kibibytes elsewhere
        return max(bytes_, self.start, *(seen for _, seen in self._seen), self._now())

    def _now(self) -> int:
        found: int = self._process.memory_info().rss
        return found
