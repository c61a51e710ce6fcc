"""k servers and one queue, first come first served, whose every arrival is told at once when it will end."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush, heapreplace
from math import exp

import numpy as np

from fairtrial.stats.summary import Floats
from fairtrial.systems.services.virtual.words import Shape, Stall


class Station:
    """The service. Its clock, in seconds, stands still while the service stalls."""

    def __init__(self, shape: Shape) -> None:
        self._free = [0.0] * shape.servers
        """When each server is free, a heap: the next arrival begins at the least of them."""
        self._queue = shape.queue
        self._waiting: deque[float] = deque()
        """When those begin that still wait."""
        self._cold, self._contention = shape.cold_start, shape.contention
        self._ends: list[float] = []
        """When those end that are in service, a heap."""

    def admit(self, now: float, work_s: float) -> tuple[float, float] | None:
        """Take an arrival of so much work, no earlier than the one before it; return its start and its end.

        None: the queue is full.
        """
        start = self._free[0]
        if start < now:
            start = now
        if self._queue is not None and not self._room(now, start):
            return None
        if self._contention is not None:
            work_s *= self._slower(start)
        if self._cold is not None:
            work_s += self._cold.extra_s * exp(-start / self._cold.decay_s)
        end = start + work_s
        heapreplace(self._free, end)
        if self._contention is not None:
            heappush(self._ends, end)
        return start, end

    def _room(self, now: float, start: float) -> bool:
        waiting = self._waiting
        while waiting and waiting[0] <= now:
            waiting.popleft()
        if start <= now:
            return True
        if self._queue is not None and len(waiting) >= self._queue:
            return False
        waiting.append(start)
        return True

    def _slower(self, start: float) -> float:
        """Return the factor of a request that begins now, by how many are in service with it.

        Starts never go back, so whoever ended before this start is out of service for all later ones.
        """
        ends, law = self._ends, self._contention
        while ends and ends[0] <= start:
            heappop(ends)
        n = len(ends) + 1
        return 1.0 if law is None else 1.0 + law.sigma * (n - 1) + law.kappa * n * (n - 1)


@dataclass(frozen=True, slots=True)
class Clock:
    """Time on the wall against time in which the service works: it stands still in a stall."""

    stall: Stall | None = None

    def worked(self, wall_s: float) -> float:
        """Return how long the service worked until then."""
        stall = self.stall
        if stall is None or wall_s <= stall.first_s:
            return wall_s
        since = wall_s - stall.first_s
        begun = since // stall.every_s
        return wall_s - begun * stall.for_s - min(since - begun * stall.every_s, stall.for_s)

    def wall(self, worked_s: float) -> float:
        """Return when it had worked so long: the end of the stall that begins right then."""
        stall = self.stall
        if stall is None:
            return worked_s
        return worked_s + stall.for_s * max(0.0, (worked_s - stall.first_s) // (stall.every_s - stall.for_s) + 1.0)

    def walls(self, worked_s: Floats) -> Floats:
        """Return the same of an array."""
        stall = self.stall
        if stall is None:
            return worked_s
        begun = (worked_s - stall.first_s) // (stall.every_s - stall.for_s) + 1.0
        return np.asarray(worked_s + stall.for_s * np.maximum(0.0, begun))
