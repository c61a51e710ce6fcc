"""How late and how busy a generator is while it issues requests: its CPU, its event loop's lag, stolen time."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from fairtrial.systems.services.load.pace import Pace
from fairtrial.systems.services.record import Host

STEP_NS = 10_000_000
"""Between two samples of the lag."""


class Gauge:
    """Watches its own process during the window."""

    def __init__(self, clock: Callable[[], int], pace: Pace) -> None:
        """`pace` should wake without spinning: this must cost nothing."""
        self._clock, self._pace = clock, pace
        self._lags: list[int] = []
        self._due = self._end_ns = 0
        self._before = self._after = (0, 0.0, (0, 0))

    def watch(self, begin_ns: int, end_ns: int) -> None:
        """Measure from the begin to the end of the window."""
        self._due, self._end_ns = begin_ns + STEP_NS, end_ns
        self._pace.at(begin_ns, self._open)
        self._pace.at(end_ns, self._shut)

    def host(self, floor_s: float) -> Host:
        """Say what was seen."""
        import numpy as np

        span_ns = max(1, self._after[0] - self._before[0])
        stolen, all_ = (after - before for after, before in zip(self._after[2], self._before[2], strict=True))
        return Host(
            cpu_share=(self._after[1] - self._before[1]) / (span_ns * 1e-9),
            loop_lag_p99_s=float(np.percentile(self._lags, 99)) * 1e-9 if self._lags else 0.0,
            steal_share=stolen / all_ if all_ else 0.0,
            floor_p50_s=floor_s,
        )

    def _open(self) -> None:
        self._before = self._after = self._now()
        self._pace.at(self._due, self._sample)

    def _sample(self) -> None:
        """Note how late this runs, also for the samples that were due meanwhile: a blocked loop must not hide them."""
        now = self._clock()
        while self._due <= now:
            self._lags.append(now - self._due)
            self._due += STEP_NS
        if self._due < self._end_ns:
            self._pace.at(self._due, self._sample)

    def _shut(self) -> None:
        self._after = self._now()

    def _now(self) -> tuple[int, float, tuple[int, int]]:
        return self._clock(), time.process_time(), ticks()


def ticks() -> tuple[int, int]:
    """Return (stolen, all) ticks of all CPUs since boot; zeros where the system does not say."""
    if sys.platform != "linux":
        return 0, 0
    values = [int(part) for part in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return values[7], sum(values)
