"""Ends requests that take too long, at the cost of one attribute a request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Watchdog:
    """Cancels a task whose request is older than the limit. Its timer is set again only when it rings."""

    __slots__ = ("_clock", "_handle", "_limit_ns", "_loop", "_rings_ns", "_task", "expired", "since_ns")

    def __init__(self, clock: Callable[[], int], limit_ns: int) -> None:
        self._clock, self._limit_ns = clock, limit_ns
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._rings_ns = 0
        self.since_ns = 0
        """Since when the request counts that is under way; 0: none is."""
        self.expired = False
        """The task was cancelled because of its request."""

    def guard(self) -> None:
        """Watch over the task that calls this."""
        self._task = asyncio.current_task()
        self._set(self._limit_ns)

    def begin(self, since_ns: int) -> None:
        """Begin a request that has counted since earlier than now: the timer may be set too late for it."""
        self.since_ns = since_ns
        if since_ns + self._limit_ns < self._rings_ns:
            self.leave()
            self._set(max(since_ns + self._limit_ns - self._clock(), 1000))

    def forgive(self) -> None:
        """Let the task go on after it met its cancellation."""
        self.expired = False
        if self._task is not None:
            self._task.uncancel()

    def leave(self) -> None:
        """Watch no more."""
        if self._handle is not None:
            self._handle.cancel()

    def _set(self, delay_ns: int) -> None:
        self._rings_ns = self._clock() + delay_ns
        self._handle = self._loop.call_later(delay_ns * 1e-9, self._ring)

    def _ring(self) -> None:
        now = self._clock()
        age_ns = now - self.since_ns if self.since_ns else 0
        if age_ns >= self._limit_ns and self._task is not None and not self.expired:
            self.expired = True
            self._task.cancel()
            age_ns = 0
        self._set(max(self._limit_ns - age_ns, 1000))
