"""Waking at a given nanosecond: sleep until shortly before it, then look again in every turn of the event loop.

Timers of event loops count milliseconds. On Linux a timerfd wakes the loop instead; what is left is spun away without
holding the loop up, so that answers are still read. Spinning is the generator's work, and counts as its CPU. Where
the system lets it, an open loop runs ahead of ordinary processes: on a busy machine it would wake milliseconds late.
"""

from __future__ import annotations

import asyncio
import ctypes
import heapq
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any, Protocol

MARGIN_NS = 50_000
"""How long before the due time the sleep ends."""
SLACK_NS = 2_000_000
"""How far the timer of an event loop may be off."""
PR_SET_TIMERSLACK = 29
CLOCK_MONOTONIC = 1
TFD_TIMER_ABSTIME = 1


class Timer(Protocol):
    """Wakes once, at or after an instant that may be moved."""

    slack_ns: int
    """How late it may be: whoever needs more sets it earlier and spins."""

    def set(self, wake_ns: int) -> None:
        """Wake then, in place of what was set before."""

    def close(self) -> None:
        """Wake no more."""


class Pace:
    """Calls what is due when it is due, never before; the earliest first."""

    def __init__(self, clock: Callable[[], int], timer: Callable[[Callable[[], None]], Timer], margin_ns: int) -> None:
        """`timer` makes the timer from what it has to call."""
        self._clock, self._margin_ns = clock, margin_ns
        self._loop = asyncio.get_running_loop()
        self._waiting: list[tuple[int, int, Callable[[], None]]] = []
        self._number = count()
        self._spins = self._closed = False
        self._timer = timer(self._turn)

    def at(self, due_ns: int, call: Callable[[], None]) -> None:
        """Call it at that instant of the clock."""
        heapq.heappush(self._waiting, (due_ns, next(self._number), call))
        if self._waiting[0][0] == due_ns:
            self._arm()

    async def until(self, due_ns: int) -> None:
        """Wait for that instant."""
        reached = self._loop.create_future()
        self.at(due_ns, lambda: None if reached.done() else reached.set_result(None))
        await reached

    def close(self) -> None:
        """Forget what is waiting."""
        self._closed = True
        self._waiting.clear()
        self._timer.close()

    def _turn(self) -> None:
        self._spins = False
        waiting, clock = self._waiting, self._clock
        now, due = clock(), []
        while waiting and waiting[0][0] <= now:
            due.append(heapq.heappop(waiting)[2])
        for call in due:  # what they ask for comes in the next turn, even if it is overdue: answers are read in between
            call()
        if waiting and not self._closed:
            self._arm()

    def _arm(self) -> None:
        if self._spins:
            return
        wake_ns = self._waiting[0][0] - self._margin_ns - self._timer.slack_ns
        if wake_ns > self._clock():
            self._timer.set(wake_ns)
        else:
            self._spins = True
            self._loop.call_soon(self._turn)


def precise(clock: Callable[[], int], margin_ns: int = MARGIN_NS) -> Pace:
    """Make the best pace that this system has; `clock` must be `time.perf_counter_ns`."""
    if sys.platform == "linux":
        return Pace(clock, Descriptor, margin_ns)
    return Pace(clock, lambda call: Plain(clock, call, SLACK_NS), margin_ns)


class Plain:
    """The event loop's own timer: portable, and late by up to `slack_ns`."""

    def __init__(self, clock: Callable[[], int], call: Callable[[], None], slack_ns: int) -> None:
        self._clock, self._call, self.slack_ns = clock, call, slack_ns
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None

    def set(self, wake_ns: int) -> None:
        """Wake then."""
        self.close()
        self._handle = self._loop.call_later(max(0, wake_ns - self._clock()) * 1e-9, self._call)

    def close(self) -> None:
        """Wake no more."""
        if self._handle is not None:
            self._handle.cancel()


class Descriptor:
    """A timerfd(2) of the monotonic clock, set to absolute nanoseconds, that the event loop reads."""

    slack_ns = 0

    def __init__(self, call: Callable[[], None]) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._settime = self._libc.timerfd_settime
        self._settime.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
        self._descriptor = self._libc.timerfd_create(CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            number = ctypes.get_errno()
            raise OSError(number, f"timerfd_create: {os.strerror(number)}")
        self._spec = (ctypes.c_int64 * 4)()  # interval (s, ns), then the instant (s, ns)
        self._address = ctypes.addressof(self._spec)
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._ring)

    def set(self, wake_ns: int) -> None:
        """Wake then."""
        self._spec[2], self._spec[3] = divmod(wake_ns, 1_000_000_000)
        self._settime(self._descriptor, TFD_TIMER_ABSTIME, self._address, None)

    def close(self) -> None:
        """Wake no more."""
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _ring(self) -> None:
        try:
            os.read(self._descriptor, 8)
        except BlockingIOError:  # it was set anew since the loop saw it ring
            return
        self._call()


def tighten() -> None:
    """Let the kernel wake this thread within a nanosecond of its timers instead of 50 us (Linux; nothing elsewhere)."""
    if sys.platform == "linux":
        prctl: Any = ctypes.CDLL(None).prctl
        prctl(PR_SET_TIMERSLACK, ctypes.c_ulong(1), 0, 0, 0)


@contextmanager
def ahead(*, wanted: bool = True) -> Iterator[bool]:
    """Run this thread ahead of all ordinary ones meanwhile, where the system lets it; say whether it does.

    The lowest real-time priority of sched(7), taken in turns: it needs CAP_SYS_NICE (root) or RLIMIT_RTPRIO, and the
    kernel keeps some time for others. What this thread starts is ordinary.
    """
    done = False
    if wanted and sys.platform == "linux":
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
            done = True
    try:
        yield done
    finally:
        if done:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
