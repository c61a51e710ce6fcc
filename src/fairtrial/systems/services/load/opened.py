"""An open loop: requests are sent when they are due, whatever became of those before."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from fairtrial.systems.services.load.connection import close_all, connect_all
from fairtrial.systems.services.load.line import Job, Line
from fairtrial.systems.services.load.log import Log
from fairtrial.systems.services.load.pace import Pace
from fairtrial.systems.services.load.tasks import Tasks
from fairtrial.systems.services.record import Outcome, Records
from fairtrial.systems.services.target import Request, Session

GRACE_S = 0.5
"""The drain is this much longer than the time-out, so that what times out says so."""


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
        self._log, self._tasks = Log(), Tasks()
        self._lines: dict[Line, None] = {}  # in the order of their numbers
        self._idle: list[Line] = []
        self._queue: deque[Job] = deque()
        self._under_way = self._at = 0
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
        return [self._log.records(worker, ops)]

    def take(self, line: Line) -> Job | None:
        """Give a line that is free the request that waits longest; without one, the line is idle."""
        if self._queue:
            self._drop_late()
        if self._queue:
            job = self._queue.popleft()
            job.wait = self._clock() - job.ready
            return job
        self._idle.append(line)
        return None

    def write(self, job: Job, client: int, done: int) -> Log:
        """Write a request down that came to an end; the log takes what else there is to say."""
        log = self._log
        log.client.append(client)
        log.seq.append(job.seq)
        log.op.append(job.op)
        log.due.append(job.due)
        log.sent.append(job.sent)
        log.wait.append(job.wait)
        log.done.append(done)
        self._under_way -= 1
        if not self._under_way:
            self._check_drained()
        return log

    def cut(self, how: tuple[Outcome, str]) -> None:
        """Fail whatever waits for a connection when none is left, and none can be had."""
        while self._queue and not any(line.connected for line in self._lines):
            job = self._queue.popleft()
            job.sent = self._clock()
            job.wait = job.sent - job.ready
            self.write(job, -1, job.sent).fail(*how)

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
        """Send all that is due by now; come again when the next one is."""
        due, now = self._due, self._clock()
        while self._at < len(due) and due[self._at] <= now:
            job = Job(self._seq[self._at], due[self._at], self._clock(), *self._upcoming)
            self._at += 1
            self._accept(job)
            self._upcoming = next(self._requests)
        if self._at < len(due):
            self._pace.at(due[self._at], self._dispatch)

    def _accept(self, job: Job) -> None:
        self._under_way += 1
        if self._queue:
            self._drop_late()
        if self._under_way > self._bounds.in_flight:
            self.write(job, -1, 0).fail(Outcome.SHED, "")
        elif self._idle:
            self._idle.pop().give(job)
        elif self.elastic:
            self._tasks.start(self._line(fresh=True).live(job))
        else:
            self._queue.append(job)

    def _drop_late(self) -> None:
        """Give up what has waited for a connection beyond the time-out."""
        while self._queue and self._queue[0].due + round(self._bounds.timeout_s * 1e9) <= self._clock():
            self.write(self._queue.popleft(), -1, self._clock()).fail(Outcome.TIMEOUT, "timeout")

    def _give_up(self) -> None:
        """Write down what the drain left: waiting for a connection, or not even dispatched."""
        self._drop_late()
        rest = [Job(self._seq[at], self._due[at], 0, 0, None) for at in range(self._at, len(self._due))]
        for job in (*self._queue, *rest):
            self.write(job, -1, 0).fail(Outcome.CENSORED, "")

    def _check_drained(self) -> None:
        if not self._under_way and self._at >= len(self._due) and not self._drained.done():
            self._drained.set_result(None)
