"""Phases of a running study, met from outside: wait for one, stop the processes that matter, and look again.

- fork: the parent has a child that is not yet in the subject's code
- run: a trial is in the subject's code
- result: a trial has computed its result, and the book does not have it
- commit: the driver holds the book's write lock
- cleanup: a trial is gone and what it left behind is not, or all is settled and the driver is still there
- any: whatever it is at a drawn delay within the time that the study takes undisturbed
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable

import processes as ps
from evidence import Evidence

PHASES = ("fork", "run", "result", "commit", "cleanup", "any")
TRIALS = 40
LATEST_START = 24
"""A phase is waited for after so many trials began at most: enough are left to meet it."""

WRITE_LOCK_BYTE = 120
"""SQLite's WAL_WRITE_LOCK in the -shm file: held by a connection that is inside a write transaction."""


class Watch:
    """Watches one driver and what is below it."""

    def __init__(self, driver: int, evidence: Evidence, rng: random.Random, *, span_s: float) -> None:
        self.driver = driver
        self.chain: tuple[int, ...] = ()
        """What stands between driver and trials, the parent last; empty before the first trial began."""
        self.target = 0
        """The trial that is in the phase; 0 where there is none."""
        self._evidence = evidence
        self._rng = rng
        self._span_s = span_s
        self._seen: tuple[int, ...] = ()

    @property
    def parent(self) -> int:
        """The process that forks trials; 0 before it is known."""
        return self.chain[-1] if self.chain else 0

    def hunt(self, phase: str, over: Callable[[], bool]) -> bool:
        """Wait until a phase is met and stands still; False where the study is over before."""
        if phase == "any":
            time.sleep(self._rng.random() * self._span_s)
            self._find_chain()
            return not over()
        skip = self._rng.randrange(1, LATEST_START)
        meets: Callable[[], bool] = getattr(self, f"_in_{phase}")
        while not over():
            if len(self._evidence.side("began")) < skip:
                time.sleep(0.002)
            elif not ps.alive(self.parent):
                self._find_chain()
            elif meets():
                return True
            else:
                ps.send(signal.SIGCONT, {self.driver, *self.chain, self.target} - {0})
        return False

    def adopted(self) -> list[int]:
        """Return what parent or guardian adopted from a trial that is gone, and did not kill yet."""
        left = {line[0] for line in self._evidence.side("grand")}
        sessions = {ps.session_of(keeper) for keeper in self.chain}
        found = [pid for keeper in self.chain for pid in ps.children(keeper) if pid not in self.chain and ps.alive(pid)]
        return [pid for pid in found if ps.inner(pid) in left or ps.session_of(pid) not in {pid, 0, *sessions}]

    def _find_chain(self) -> None:
        """Find the ancestors of a trial, up to the driver: a process that began a trial and leads a session."""
        began = {line[0] for line in self._evidence.side("began")[-4:]}
        self.chain = ()
        for pid in ps.descendants(self.driver):
            if ps.inner(pid) in began and ps.session_of(pid) not in (0, ps.session_of(ps.parent_of(pid))):
                line = ps.ancestors(pid, self.driver)
                if len(line) > 1:
                    self.chain = tuple(line)
                    return

    def _inside(self) -> list[int]:
        """Return the trials that are in the subject's code: began, not ended."""
        ended = {line[0] for line in self._evidence.side("ended")}
        inside = {line[0] for line in self._evidence.side("began")} - ended
        return [pid for pid in ps.children(self.parent) if ps.inner(pid) in inside]

    def _in_fork(self) -> bool:
        began = {line[0] for line in self._evidence.side("began")}
        young = [pid for pid in ps.children(self.parent) if ps.inner(pid) not in began]
        if not young or not ps.stop([self.parent, young[-1]]):
            return False
        self.target = young[-1]
        known = {line[0] for word in ("began", "grand") for line in self._evidence.side(word)}
        return ps.alive(self.target) and ps.inner(self.target) not in known and self.target not in self.adopted()

    def _in_run(self) -> bool:
        running = self._inside()
        if not running or not ps.stop([self._rng.choice(running)]):
            return False
        self.target = next((pid for pid in running if ps.state(pid) == "T"), 0)
        return self.target in self._inside()

    def _in_result(self) -> bool:
        ended = self._evidence.side("ended")
        if not ended or ended[-1] == self._seen:
            return False
        self._seen = pid, x, seed = ended[-1]
        if not ps.stop([self.driver]) or not ps.alive(self.driver):
            return False
        self.target = next((child for child in ps.children(self.parent) if ps.inner(child) == pid), 0)
        return (x, seed) not in self._evidence.settled()

    def _in_commit(self) -> bool:
        book = self._evidence.folder / ".fairtrial/book.db"
        wal, shared = book.with_name("book.db-wal"), book.with_name("book.db-shm")
        try:
            before, end = wal.stat(), time.monotonic() + 0.05
            while (now := wal.stat()).st_mtime_ns == before.st_mtime_ns and now.st_size == before.st_size:
                if time.monotonic() > end:
                    return False
            lock = (shared.stat().st_ino, WRITE_LOCK_BYTE, "WRITE")
        except FileNotFoundError:
            return False
        time.sleep(self._rng.random() * 2e-4)
        return ps.stop([self.driver]) and lock in ps.locks(self.driver)

    def _in_cleanup(self) -> bool:
        if self.adopted() and ps.stop(self.chain):
            return bool(self.adopted())
        if len(self._evidence.side("ended")) >= TRIALS and ps.stop([self.driver]):
            return ps.alive(self.driver) and len(self._evidence.settled()) == TRIALS
        return False
