"""The requests of an open loop that are under way: those that wait for a connection, and what became of the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from fairtrial.systems.services.load.job import Job
from fairtrial.systems.services.load.log import Log
from fairtrial.systems.services.record import Outcome


class Account:
    """Every request enters by `open` and leaves by `write`; in between some `wait`, first come first served."""

    def __init__(self, clock: Callable[[], int], timeout_ns: int, settled: Callable[[], None]) -> None:
        """`settled` is called whenever none is under way any more."""
        self.log = Log()
        self.under_way = 0
        self._clock, self._timeout_ns, self._settled = clock, timeout_ns, settled
        self._waiting: deque[Job] = deque()

    def open(self) -> int:
        """Count one more; return how many are under way."""
        self.under_way += 1
        if self._waiting:
            self._drop_late()
        return self.under_way

    def write(self, job: Job, client: int, done: int) -> Log:
        """Write a request down that came to an end; the log takes what else there is to say."""
        log = self.log
        log.client.append(client)
        log.seq.append(job.seq)
        log.op.append(job.op)
        log.due.append(job.due)
        log.sent.append(job.sent)
        log.wait.append(job.wait)
        log.done.append(done)
        self.under_way -= 1
        if not self.under_way:
            self._settled()
        return log

    def wait(self, job: Job) -> None:
        """Let a request wait for a connection."""
        self._waiting.append(job)

    def next(self) -> Job | None:
        """Return the request that has waited longest, and note for how long; None where none waits."""
        if self._waiting:
            self._drop_late()
        if not self._waiting:
            return None
        job = self._waiting.popleft()
        job.wait = self._clock() - job.ready
        return job

    def refuse(self, how: tuple[Outcome, str]) -> None:
        """Fail all that wait: no connection can be had."""
        while (job := self.next()) is not None:
            job.sent = job.ready + job.wait
            self.write(job, -1, job.sent).fail(*how)

    def leave(self) -> None:
        """Write down what still waits when the drain is over."""
        self._drop_late()
        while self._waiting:
            self.write(self._waiting.popleft(), -1, 0).fail(Outcome.CENSORED, "")

    def _drop_late(self) -> None:
        """Give up what has waited for a connection beyond the time-out."""
        while self._waiting and self._waiting[0].due + self._timeout_ns <= self._clock():
            self.write(self._waiting.popleft(), -1, self._clock()).fail(Outcome.TIMEOUT, "timeout")
