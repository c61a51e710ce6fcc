"""One connection of an open loop: it serves one request after the other, and comes back when it was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from fairtrial.systems.services.load.connection import reconnect
from fairtrial.systems.services.load.failure import FAILURES, classify, lost
from fairtrial.systems.services.load.job import Job
from fairtrial.systems.services.load.log import Log
from fairtrial.systems.services.load.watchdog import Watchdog
from fairtrial.systems.services.record import Outcome
from fairtrial.systems.services.target import Session

PAUSE_S, LONGEST_PAUSE_S = 0.01, 0.25
"""Between two attempts to connect again: the first, and the longest."""


class Desk(Protocol):
    """Who has the requests, and writes down how they ended."""

    elastic: bool

    def take(self, line: Line) -> Job | None:
        """Give a line that is free the request that waits longest; without one, the line is idle."""

    def write(self, job: Job, client: int, done: int) -> Log:
        """Write a request down that came to an end; the log takes what else there is to say."""

    def cut(self, how: tuple[Outcome, str]) -> None:
        """Hear that a line cannot be connected again for now."""

    def gone(self, line: Line) -> None:
        """Hear that a line is given up."""


class Line:
    """A connection and the task that works with it."""

    def __init__(
        self, number: int, session: Session, desk: Desk, *, clock: Callable[[], int], timeout_s: float, fresh: bool
    ) -> None:
        """A `fresh` one is connected in the time of its first request, as that request found no other."""
        self.number, self.session, self.connected = number, session, not fresh
        self._desk, self._clock, self._timeout_s = desk, clock, timeout_s
        self._settle = getattr(session, "settle", None)  # a Protocol's isinstance takes 80 us
        self._dog = Watchdog(clock, round(timeout_s * 1e9))
        self._loop = asyncio.get_running_loop()
        self._given: asyncio.Future[Job] | None = None
        self._job: Job | None = None

    def give(self, job: Job) -> None:
        """Wake an idle line for a request."""
        self._job = job
        if self._given is not None:
            self._given.set_result(job)

    async def live(self, job: Job | None = None) -> None:
        """Serve requests, the given one first, until cancelled or given up."""
        self._dog.guard()
        self._job = job
        serves = True
        try:
            while serves:
                job = self._job or self._desk.take(self)
                if job is None:  # idle, until `give` comes
                    self._given = self._loop.create_future()
                    job = await self._given
                self._job = job
                serves = await self._serve(job)
        finally:
            self._dog.leave()
            if self._job is not None:
                self._desk.write(self._job, self.number, 0).fail(Outcome.CENSORED, "")

    async def _serve(self, job: Job) -> bool:
        """Send the request and write down how it ended; say whether the line is of further use."""
        clock, fresh = self._clock, not self.connected
        self._dog.begin(job.due)
        job.sent = clock()
        try:
            if fresh:
                await self.session.connect()
                self.connected = True
                job.wait, job.sent = clock() - job.sent, clock()
            reply = await self.session.call(job.prepared)
            done = clock()
        except (*FAILURES, asyncio.CancelledError) as problem:
            return await self._failed(job, problem, fresh=fresh and not self.connected)
        self._dog.since_ns = 0
        self._job = None
        log = self._desk.write(job, self.number, (reply and reply.done_ns) or done)
        if reply is not None and self._settle is None:
            log.hear(reply)
        elif reply is not None and self._settle is not None:
            log.settle(self._settle, job.prepared, reply)
        return True

    async def _failed(self, job: Job, problem: BaseException, *, fresh: bool) -> bool:
        done, self._dog.since_ns = self._clock(), 0
        if self._dog.expired:
            self._dog.forgive()
            how = Outcome.TIMEOUT, "timeout"
        elif isinstance(problem, asyncio.CancelledError):
            raise problem
        else:
            how = classify(problem)
        self._job = None
        self._desk.write(job, self.number, done).fail(*how)
        if how[0] != Outcome.TIMEOUT and not lost(problem):
            return True
        self.connected = False
        return await self._return(give_up=fresh)

    async def _return(self, *, give_up: bool) -> bool:
        """Connect again, in nobody's time; an elastic desk opens another one when it needs it instead."""
        pause_s = PAUSE_S
        while not give_up:
            problem = await reconnect(self.session, self._timeout_s)
            if problem is None:
                self.connected = True
                return True
            give_up = self._desk.elastic
            self._desk.cut(classify(problem))
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        self._desk.gone(self)
        return False
