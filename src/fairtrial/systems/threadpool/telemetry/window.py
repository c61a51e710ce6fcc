"""The ten numbers that a controller sees: what a pool did between two looks, the same code wherever rows come from."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from fairtrial.stats.quantile import quantiles
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.record import Adjustable, Look, Tasks

ROUNDING = 1e-9
"""Share of the window by which a look may be too young to be its start: instants are sums of steps."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A look, and the times of the tasks that ended since the one before."""

    look: Look
    latency_us: Floats
    size_us: Floats
    """CPU time."""


class Window:
    """The looks at one pool over the last `telemetry_s` seconds, and what they come to.

    The window reaches back to the newest look that is at least that old, or to the first look: whoever looks more
    often gets a window that is nearer to `telemetry_s`, and until that much time has passed it is shorter.
    """

    def __init__(self, telemetry_s: float) -> None:
        self._length_s = telemetry_s
        self._seen: deque[Seen] = deque()
        self._tasks: Tasks | None = None

    def features(self, look: Look, pool: Adjustable) -> Floats:
        """Add the newest look at the pool and return the features, (10,), in the order of `schema.FEATURES`.

        Every look at a pool must come here: it tells what ended since the one before. Undefined features are NaN:
        rates at the first look, and times where no task ended in the window.
        """
        self._seen.append(self._times(look, pool))
        oldest_s = look.at_s - self._length_s * (1 - ROUNDING)
        while len(self._seen) > 1 and self._seen[1].look.at_s <= oldest_s:
            self._seen.popleft()
        return _features(list(self._seen))

    def _times(self, look: Look, pool: Adjustable) -> Seen:
        if self._tasks is None:
            self._tasks = pool.records().tasks
        told = len(look.ended_s) == len(look.ended)
        end_s = look.ended_s if told else pool.records().end_s[look.ended]
        return Seen(look, (end_s - self._tasks.due_s[look.ended]) * 1e6, self._tasks.cpu_s[look.ended] * 1e6)


def _features(seen: list[Seen]) -> Floats:
    first, last = seen[0].look, seen[-1].look
    latency_us = np.concatenate([np.empty(0), *(one.latency_us for one in seen[1:])])
    size_us = np.concatenate([np.empty(0), *(one.size_us for one in seen[1:])])
    median_us, high_us = quantiles(np.sort(latency_us), (0.5, 0.95))
    span_s = last.at_s - first.at_s
    return np.array([
        last.queued,
        _over(last.arrived - first.arrived, span_s),
        _over(len(size_us), span_s),
        median_us,
        high_us,
        np.minimum(_over(last.busy_s - first.busy_s, last.worker_s - first.worker_s), 1.0),  # sums are rounded
        _over(last.switches - first.switches, span_s),
        size_us.mean() if len(size_us) else math.nan,
        size_us.var() if len(size_us) else math.nan,
        max(last.workers - last.busy, 0),
    ], dtype=np.float64)  # fmt: skip


def _over(amount: float, span: float) -> float:
    """Divide; NaN where no time has passed."""
    return amount / span if span > 0 else math.nan
