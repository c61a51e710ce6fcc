"""A persistent worker: a long-lived child of the parent, one task after the other over a socket of its own.

What a task leaves running (a process pool, a daemon) lives until the worker ends: that is the price of speed.
"""

from __future__ import annotations

import os
import resource
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from fairtrial.execute.machine.limits import PAGE_BYTES
from fairtrial.execute.trial import worker
from fairtrial.execute.trial.child import Stop, unblock_signals
from fairtrial.execute.trial.context import scratch_path
from fairtrial.execute.trial.seeding import Seeds
from fairtrial.execute.trial.slots import Slot, drop
from fairtrial.execute.trial.wire import Closed, Record, Wire


class WorkerChannel:
    """Steps and tasks over one socket: an answer may come behind the next task."""

    def __init__(self, wire: Wire, stop: Stop) -> None:
        self.backlog: deque[Record] = deque()
        self.watched = self.ended = False
        self._wire, self._stop = wire, stop

    def step(self, attempt: int, step: int, metrics: Mapping[str, float | None]) -> bool:
        """Send a step; wait for the answer where a strategy watches."""
        self._wire.send([["step", attempt, step, metrics]])
        while self.watched and not self._stop.wanted:
            for record in self._wire.receive()[0]:
                if record[0] == "answer" and record[1] == attempt:
                    return bool(record[3])
                if record[0] in ("task", "close"):
                    self.backlog.append(record)
        self.ended = self._stop.wanted
        return self.ended

    def next_task(self) -> dict[str, Any]:
        """Return the next task, waiting for it. Raises Closed when there will be none."""
        while not self.backlog:
            self.backlog.extend(record for record in self._wire.receive()[0] if record[0] in ("task", "close"))
        kind, *rest = self.backlog.popleft()
        if kind == "close":
            raise Closed
        job: dict[str, Any] = rest[0]
        return job


def serve(load: Callable[[], Any], wire: Wire, slot: Slot, *, root: str, stop: Stop) -> None:
    """Run tasks until the driver closes the socket. The target is loaded once."""
    channel = WorkerChannel(wire, stop)
    unblock_signals()
    persistent = _Worker(cache(load), channel, slot, root=root)
    try:
        while not stop.wanted:
            wire.send(persistent.run(channel.next_task()))
        wire.send([["left"]])
    except Closed:
        return


class _Worker:
    """What stays from one task to the next."""

    def __init__(self, load: Callable[[], Any], channel: WorkerChannel, slot: Slot, *, root: str) -> None:
        self._load, self._channel, self._slot, self._root = load, channel, slot, root
        self._meter, self._seeds = _PeakMeter(), Seeds()

    def run(self, job: dict[str, Any]) -> list[Record]:
        """Run a task; return its result and how it ended, as the parent does for an isolated trial."""
        begun, used = time.monotonic(), _cpu_s()
        job["deadline"] = None if job["wall"] is None else begun + job["wall"]
        self._channel.watched = bool(job["watched"])
        self._meter.start()
        self._seeds.plant(job["m"][0][1])
        answer = worker.perform(self._load, job, root=self._root, channel=self._channel)
        spent = [0, time.monotonic() - begun, _cpu_s() - used, self._meter.peak_bytes()]
        for member in job["m"]:
            drop(scratch_path(self._root, member[0]))
        inline, kept = self._slot.copy(job["id"])
        return [["result", job["id"], answer], ["exit", job["id"], 0, None, "", "", *spent, *inline, *kept, ""]]


class _PeakMeter:
    """Peak of this process's resident memory since `start`, less what it held then."""

    def __init__(self) -> None:
        try:
            self._reset = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)
        except OSError:  # a kernel or container without it: the largest peak so far then counts
            self._reset = -1
        self._sizes = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        self._before = 0

    def start(self) -> None:
        """Forget the peak so far."""
        if self._reset >= 0:
            os.write(self._reset, b"5")
        self._before = int(os.pread(self._sizes, 128, 0).split()[1]) * PAGE_BYTES

    def peak_bytes(self) -> int:
        """Return the peak's rise."""
        return max(0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - self._before)


def _cpu_s() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system
