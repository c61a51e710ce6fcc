"""The processes that serve one session: the tree, the parent of trials in it, and what replaces them when they die."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from typing import Protocol

from fairtrial.contract.engine import EngineSettings, Report
from fairtrial.contract.system import Target
from fairtrial.errors import FairtrialError, UserError
from fairtrial.execute.tree.desk import Desk
from fairtrial.execute.tree.ending import Exit
from fairtrial.execute.tree.inquest import Inquest
from fairtrial.execute.tree.keepers import Keepers
from fairtrial.execute.tree.pool import Pool
from fairtrial.execute.tree.root import Line, Tree
from fairtrial.execute.tree.waiting import Waiting
from fairtrial.execute.trial.wire import Record, save
from fairtrial.model.trial import Task

DEATHS = 3
"""Parents that may die in a row without a result."""
READY_S = 600.0


class Sent(Protocol):
    """A task that has left the driver."""

    task: Task
    slot: str
    lost: str


class Work(Protocol):
    """Who hands out tasks and hears of them: a desk for isolated trials, a pool for persistent workers."""

    jobs: int
    reports: list[Report]
    results: int
    inquest: Inquest

    @property
    def sent(self) -> Mapping[int, Sent]:
        """The tasks that have left the driver."""

    def room(self) -> int:
        """Return how many more tasks may be added."""

    def dispatch(self, parent: Line) -> None:
        """Send what can run."""

    def stop(self, ident: int, why: str, parent: Line | None) -> None:
        """End a task."""

    def answer(self, attempt: int, step: int, *, stop: bool, parent: Line) -> None:
        """Pass on a strategy's answer."""

    def hear(self, records: list[Record]) -> Iterator[Record]:
        """Take the parent's records about tasks; yield the others."""

    def lose(self, exit_: Exit) -> None:
        """End what was with a parent that died."""


class Crew:
    """Keeps a parent of trials at work."""

    def __init__(self, target: Target, settings: EngineSettings, system: str, *, namespace: bool) -> None:
        """`system` names the class that sets up what trials share, for targets that cannot do it themselves."""
        self.tree = Tree(settings, target, self._hear_guardian, namespace=namespace)
        self.keepers = Keepers(self.tree, system)
        self.keepers.on_loss = self._lose_shared
        self.waiting = Waiting(self.keepers)
        self.work: Work = Desk(self.waiting, settings.jobs, program=target.executes)
        if settings.workers == "persistent" and not target.executes:
            self.work = Pool(self.waiting, settings.jobs, self.tree)
        self.parent: Line | None = None
        self._cautions: tuple[str, ...] = ()
        self.closed = self._ready = False
        self._deaths = self._results = 0
        self._refusal = ""

    @property
    def cautions(self) -> tuple[str, ...]:
        """What the reader must know."""
        return (*self._cautions, *self.keepers.cautions)

    @property
    def busy(self) -> bool:
        """Say whether any task has not ended."""
        return bool(self.waiting or self.work.sent or self.work.inquest.open)

    def begin(self) -> None:
        """Start, and wait until the system is imported. Raises UserError where it does not import."""
        self.tree.start()
        self._start_parent()
        limit = time.monotonic() + READY_S
        while not self._ready:
            self.turn(1.0)
            if time.monotonic() > limit:
                raise FairtrialError(f"the parent of trials did not start: {self.tree.log_tail('parent')}")

    def turn(self, timeout_s: float) -> None:
        """Send what can be sent and hear what there is. Raises what cannot be mended."""
        self.dispatch()
        self.tree.poll(timeout_s)
        self.keepers.tick()
        if self._refusal:
            raise UserError(self._refusal)
        if self.keepers.refusal is not None:
            raise self.keepers.refusal
        if self._deaths >= DEATHS:
            raise FairtrialError(f"the parent of trials died {DEATHS} times: {self.tree.log_tail('parent')}")
        self.dispatch()

    def dispatch(self) -> None:
        """Send waiting tasks on, where there is somebody to take them."""
        if self._ready and self.parent is not None:
            self.work.dispatch(self.parent)

    def close(self) -> None:
        """End every process. May be called twice."""
        if not self.closed:
            self.closed = True
            self.tree.close()

    def _start_parent(self) -> None:
        self._ready = False
        path = f"{self.tree.root}/parent.config"
        save(path, self.tree.config | {"jobs": self.work.jobs})
        self.parent = self.tree.spawn("parent", "tree.parent", [path], self._hear)

    def _hear(self, records: list[Record]) -> None:
        for kind, *rest in self.work.hear(records):
            if kind == "ready":
                self._ready = True
                self._cautions = tuple(filter(None, rest))
            elif kind == "refused":
                self._refusal = f"the system does not import: {rest[0]}"
            elif kind == "modules" and self.parent is not None:
                self.parent.send([["import", rest[0]]])

    def _hear_guardian(self, records: list[Record]) -> None:
        for kind, *rest in records:
            if kind != "died" or self.closed or self._refusal:
                continue
            if rest[0] == "guardian":
                self._lose("guardian", None)
                self.keepers.died("")
                self.tree.start()
                self._start_parent()
            elif rest[0] == "parent":
                self._lose("parent of trials", rest[1])
                self._start_parent()
            else:
                self.keepers.died(rest[0])

    def _lose(self, who: str, status: int | None) -> None:
        if self.parent is not None:
            self.tree.disconnect(self.parent)
        self.work.lose(Exit(why="infra", message=f"the {who} died{_how(status)}"))
        self._deaths = 1 if self.work.results > self._results else self._deaths + 1
        self._results = self.work.results

    def _lose_shared(self, key: str, why: str) -> None:
        """Stop what uses it, first what has not begun: it would begin where another one ends."""
        users = [(ident, sent) for ident, sent in self.work.sent.items() if sent.task.share == key]
        for ident, sent in sorted(users, key=lambda user: bool(user[1].slot)):
            sent.lost = why
            self.work.stop(ident, "infra", self.parent)


def _how(status: int | None) -> str:
    if status is None:
        return ""
    if os.WIFSIGNALED(status):
        return f" (killed by {signal.Signals(os.WTERMSIG(status)).name})"
    return f" (exit code {os.waitstatus_to_exitcode(status)})"
