"""The ten numbers that a controller sees: what a pool did between two looks, the same code wherever rows come from."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from fairtrial.errors import FairtrialError
from fairtrial.stats.quantile import quantiles
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.record import Look, Tasks

ROUNDING = 1e-9
"""Share of the window by which a look may be too young to be its start: instants are sums of steps."""


class Window:
    """The looks of the last `telemetry_s` seconds, and what they come to.

    The window reaches back to the newest look that is at least that old, or to the first look: whoever looks more
    often gets a window that is nearer to `telemetry_s`, and until that much time has passed it is shorter.
    """

    def __init__(self, tasks: Tasks, telemetry_s: float) -> None:
        self._tasks, self._length_s = tasks, telemetry_s
        self._looks: deque[Look] = deque()

    def see(self, look: Look) -> Floats:
        """Add a look, later than those before, and return the features, (10,), in the order of `schema.FEATURES`.

        Undefined ones are NaN: rates at the first look, and times where no task ended in the window.
        """
        if len(look.ended) != len(look.ended_s):
            raise FairtrialError(f"a look tells of {len(look.ended)} ended tasks and of {len(look.ended_s)} ends")
        self._looks.append(look)
        oldest_s = look.at_s - self._length_s * (1 - ROUNDING)
        while len(self._looks) > 1 and self._looks[1].at_s <= oldest_s:
            self._looks.popleft()
        return self._features()

    def _features(self) -> Floats:
        first, last = self._looks[0], self._looks[-1]
        looks = list(self._looks)[1:]
        ended = np.concatenate([np.empty(0, dtype=np.int64), *(look.ended for look in looks)])
        ends_s = np.concatenate([np.empty(0), *(look.ended_s for look in looks)])
        span_s, worker_s = last.at_s - first.at_s, last.worker_s - first.worker_s
        median_us, high_us = quantiles(np.sort((ends_s - self._tasks.due_s[ended]) * 1e6), (0.5, 0.95))
        size_us = self._tasks.cpu_s[ended] * 1e6
        return np.array([
            last.queued,
            _over(last.arrived - first.arrived, span_s),
            _over(len(ended), span_s),
            median_us,
            high_us,
            _over(last.busy_s - first.busy_s, worker_s),
            _over(last.switches - first.switches, span_s),
            size_us.mean() if len(ended) else math.nan,
            size_us.var() if len(ended) else math.nan,
            max(last.workers - last.busy, 0),
        ], dtype=np.float64)  # fmt: skip


def _over(amount: float, span: float) -> float:
    """Divide; NaN where no time has passed."""
    return amount / span if span > 0 else math.nan
