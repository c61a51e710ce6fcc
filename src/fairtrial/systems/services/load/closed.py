"""A closed loop: virtual users, each with its connection, who send, wait for the answer, think, and send again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from fairtrial.systems.services.load.connection import close_all, connect_all, reconnect
from fairtrial.systems.services.load.failure import FAILURES, classify, lost
from fairtrial.systems.services.load.log import Log
from fairtrial.systems.services.load.pace import Pace
from fairtrial.systems.services.load.tasks import Task, Tasks
from fairtrial.systems.services.load.watchdog import Watchdog
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.record import Outcome, Records
from fairtrial.systems.services.target import Request, Session

GRACE_S = 0.5
"""The drain is this much longer than the time-out, so that what times out says so."""
PAUSE_S, LONGEST_PAUSE_S = 0.01, 0.25
"""Between two attempts to connect again: the first, and the longest."""


@dataclass(slots=True)
class User:
    """One virtual user: its connection, what it asks for, and what it wrote down."""

    number: int
    session: Session
    requests: Iterator[Request]
    rng: random.Random
    log: Log = field(init=False)

    def __post_init__(self) -> None:
        self.log = Log(self.number)


class Closed:
    """The users of one process."""

    def __init__(self, users: Sequence[User], load: Load, *, clock: Callable[[], int], pace: Pace) -> None:
        self._users, self._load = users, load
        self._clock, self._pace = clock, pace
        self._end_ns = 0

    async def connect(self) -> None:
        """Connect every user. Raises ServiceFailed."""
        await connect_all([user.session for user in self._users], self._load.timeout_s)

    async def run(self, begin_ns: int, end_ns: int, *, drain_s: float | None = None) -> None:
        """Send until `end_ns`, then follow what is under way for up to `drain_s` (the time-out unless given)."""
        self._end_ns = end_ns
        tasks, dogs = Tasks(), dict[Task, Watchdog]()
        for user in self._users:
            dog = Watchdog(self._clock, round(self._load.timeout_s * 1e9))
            dogs[tasks.start(self._live(user, dog, begin_ns))] = dog
        try:
            await tasks.watch(self._pace.until(end_ns))
            for task in tasks.running:
                if not dogs[task].since_ns:
                    task.cancel()
            await tasks.finish(self._load.timeout_s + GRACE_S if drain_s is None else drain_s)
        finally:
            await tasks.end()

    async def close(self) -> None:
        """Disconnect every user."""
        await close_all([user.session for user in self._users])

    def records(self, worker: int, ops: Sequence[str]) -> list[Records]:
        """Return the records, one entry a user."""
        return [user.log.records(worker, ops) for user in self._users]

    async def _live(self, user: User, dog: Watchdog, begin_ns: int) -> None:
        """Be a user from the begin to the end of the load."""
        await self._pace.until(begin_ns + self._offset_ns(user))
        dog.guard()
        try:
            await self._send(user, dog)
        finally:
            dog.leave()

    async def _send(self, user: User, dog: Watchdog) -> None:
        """Send one request after the other: the hot loop, in which every name is local and nothing is made."""
        clock, call, end_ns, log = self._clock, user.session.call, self._end_ns, user.log
        op_done, sent_done, done_done, hear = log.op.append, log.sent.append, log.done.append, log.hear
        settle = getattr(user.session, "settle", None)
        thinks = self._load.think_s > 0
        for op, prepared in user.requests:
            sent = dog.since_ns = clock()
            if sent >= end_ns:
                break
            try:
                reply = await call(prepared)
                done = clock()
            except (*FAILURES, asyncio.CancelledError) as problem:
                await self._failed(user, dog, (op, sent), problem)
                call = user.session.call  # connecting again may have made another
            else:
                op_done(op)
                sent_done(sent)
                done_done((reply and reply.done_ns) or done)
                if reply is not None and settle is None:
                    hear(reply)
                elif reply is not None and settle is not None:
                    log.settle(settle, prepared, reply)
            if thinks:
                dog.since_ns = 0
                await self._pace.until(clock() + round(1e9 * self._think_s(user)))
        dog.since_ns = 0

    async def _failed(self, user: User, dog: Watchdog, request: tuple[int, int], problem: BaseException) -> None:
        """Write down a request that did not succeed; connect again where the connection is gone."""
        done, dog.since_ns = self._clock(), 0
        how = classify(problem)
        if dog.expired:
            dog.forgive()
            how = Outcome.TIMEOUT, "timeout"
        elif isinstance(problem, asyncio.CancelledError):
            _miss(user.log, (*request, 0), (Outcome.CENSORED, ""))
            raise problem
        _miss(user.log, (*request, done), how)
        if how[0] == Outcome.TIMEOUT or lost(problem):
            await self._return(user, request[0])

    async def _return(self, user: User, op: int) -> None:
        """Connect again; every attempt that fails is a request that could not be made."""
        pause_s = PAUSE_S
        while (sent := self._clock()) < self._end_ns:
            problem = await reconnect(user.session, self._load.timeout_s)
            if problem is None:
                return
            _miss(user.log, (op, sent, self._clock()), classify(problem))
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _offset_ns(self, user: User) -> int:
        """Return when after the begin a user starts: spread over the ramp, then a first think time at random."""
        ramp_s = self._load.ramp_s * user.number / self._load.clients
        share = 1.0 if self._load.think == "exponential" else user.rng.random()
        return round(1e9 * (ramp_s + share * self._think_s(user)))

    def _think_s(self, user: User) -> float:
        mean = self._load.think_s
        return user.rng.expovariate(1 / mean) if mean and self._load.think == "exponential" else mean


def _miss(log: Log, request: tuple[int, int, int], how: tuple[Outcome, str]) -> None:
    op, sent, done = request
    log.op.append(op)
    log.sent.append(sent)
    log.done.append(done)
    log.fail(*how)
