"""An open loop: requests are sent when they are due, whatever became of those before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from fairtrial.systems.services.load.account import Account
from fairtrial.systems.services.load.connection import close_all, connect_all
from fairtrial.systems.services.load.job import Job
from fairtrial.systems.services.load.line import Line
from fairtrial.systems.services.load.pace import Pace
from fairtrial.systems.services.load.tasks import Tasks
from fairtrial.systems.services.record import Outcome, Records
from fairtrial.systems.services.target import Request, Session

GRACE_S = 0.5
"""The drain is this much longer than the time-out, so that what times out says so."""


TOGETHER = 64
"""Most requests that are sent before answers are read again."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one process may use."""

    connections: int
    in_flight: int
    timeout_s: float
    elastic: bool = False
    """A request that finds all connections busy gets another one; otherwise it waits for one."""
    numbers: Iterator[int] = field(default_factory=count)
    """The numbers of its connections."""


class Opened:
    """The dispatcher of one process: it never waits for a request, and sheds what is too much."""

    def __init__(
        self,
        make: Callable[[int], Session],
        requests: Iterator[Request],
        schedule: tuple[np.ndarray, np.ndarray],
        bounds: Bounds,
        *,
        clock: Callable[[], int],
        pace: Pace,
    ) -> None:
        """`make` gives the session of a connection by its number; the schedule is (index, ns after the begin)."""
        self._make, self._requests, self._bounds = make, requests, bounds
        self._seq: list[int] = schedule[0].tolist()
        self._due: list[int] = schedule[1].tolist()
        self._clock, self._pace = clock, pace
        self.elastic = bounds.elastic
        self._tasks = Tasks()
        self._account = Account(clock, round(bounds.timeout_s * 1e9), self._check_drained)
        self.write = self._account.write
        self._lines: dict[Line, None] = {}  # in the order of their numbers
        self._idle: list[Line] = []
        self._at = 0
        self._drained: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def connect(self) -> None:
        """Open the connections of the load. Raises ServiceFailed."""
        lines = [self._line(fresh=False) for _ in range(self._bounds.connections)]
        await connect_all([line.session for line in lines], self._bounds.timeout_s)

    async def run(self, begin_ns: int, end_ns: int, *, drain_s: float | None = None) -> None:
        """Send what the schedule says, then follow what is under way for up to `drain_s` (the time-out unless given).

        Time-outs count from the due time.
        """
        self._due = [begin_ns + after for after in self._due]
        self._upcoming = next(self._requests)
        for line in self._lines:
            self._tasks.start(line.live())
        try:
            if self._due:
                self._pace.at(self._due[0], self._dispatch)
            await self._tasks.watch(self._pace.until(end_ns))
            self._check_drained()
            await self._tasks.watch(self._drained, self._bounds.timeout_s + GRACE_S if drain_s is None else drain_s)
        finally:
            await self._tasks.end()
        self._give_up()

    async def close(self) -> None:
        """Close the connections."""
        await close_all([line.session for line in self._lines])

    def records(self, worker: int, ops: Sequence[str]) -> list[Records]:
        """Return the records, in one piece."""
        return [self._account.log.records(worker, ops)]

    def take(self, line: Line) -> Job | None:
        """Give a line that is free the request that waits longest; without one, the line is idle."""
        job = self._account.next()
        if job is None:
            self._idle.append(line)
        return job

    def cut(self, how: tuple[Outcome, str]) -> None:
        """Fail whatever waits for a connection when none is left, and none can be had."""
        if not any(line.connected for line in self._lines):
            self._account.refuse(how)

    def gone(self, line: Line) -> None:
        """Forget a line that is given up."""
        self._lines.pop(line, None)

    def _line(self, *, fresh: bool) -> Line:
        number = next(self._bounds.numbers)
        session, timeout_s = self._make(number), self._bounds.timeout_s
        line = Line(number, session, self, clock=self._clock, timeout_s=timeout_s, fresh=fresh)
        self._lines[line] = None
        return line

    def _dispatch(self) -> None:
        """Send what is due by now, some at a time; come again when the next one is due."""
        due, now = self._due, self._clock()
        limit = min(len(due), self._at + TOGETHER)
        while self._at < limit and due[self._at] <= now:
            job = Job(self._seq[self._at], due[self._at], self._clock(), *self._upcoming)
            self._at += 1
            self._accept(job)
            self._upcoming = next(self._requests)
        if self._at < len(due):
            self._pace.at(due[self._at], self._dispatch)

    def _accept(self, job: Job) -> None:
        if self._account.open() > self._bounds.in_flight:
            self.write(job, -1, 0).fail(Outcome.SHED, "")
        elif self._idle:
            self._idle.pop().give(job)
        elif self.elastic:
            self._tasks.start(self._line(fresh=True).live(job))
        else:
            self._account.wait(job)

    def _give_up(self) -> None:
        """Write down what the drain left: waiting for a connection, or not even dispatched."""
        self._account.leave()
        for at in range(self._at, len(self._due)):
            self.write(Job(self._seq[at], self._due[at], 0, 0, None), -1, 0).fail(Outcome.CENSORED, "")

    def _check_drained(self) -> None:
        if not self._account.under_way and self._at >= len(self._due) and not self._drained.done():
            self._drained.set_result(None)
