"""The processes that serve one session: the tree, the parent of trials in it, and what replaces them when they die."""

from __future__ import annotations

import os
import signal
import time

from fairtrial.contract.engine import EngineSettings
from fairtrial.contract.system import Target
from fairtrial.errors import FairtrialError, UserError
from fairtrial.execute.desk import Desk
from fairtrial.execute.ending import Exit
from fairtrial.execute.tree import Line, Tree, write_config
from fairtrial.execute.wire import Record

DEATHS = 3
"""Parents that may die in a row without a result."""
READY_S = 600.0


class Crew:
    """Keeps a parent of trials at work on the desk's tasks."""

    def __init__(self, target: Target, settings: EngineSettings, *, namespace: bool) -> None:
        self.cautions: tuple[str, ...] = ()
        self.desk = Desk(settings.jobs, program=target.executes)
        self._tree = Tree(settings, target, self._hear_guardian, namespace=namespace)
        self._parent: Line | None = None
        self._ready = self._closed = False
        self._deaths = self._results = 0
        self._refusal = ""

    @property
    def root(self) -> str:
        """The folder of slots and scratch."""
        return self._tree.root

    def begin(self) -> None:
        """Start, and wait until the system is imported. Raises UserError where it does not import."""
        self._tree.start()
        self._start_parent()
        limit = time.monotonic() + READY_S
        while not self._ready:
            self.turn(1.0)
            if time.monotonic() > limit:
                raise FairtrialError(f"the parent of trials did not start: {self._tree.log_tail('parent')}")

    def turn(self, timeout_s: float) -> None:
        """Hear what there is and send what can be sent. Raises what cannot be mended."""
        self._tree.poll(timeout_s)
        if self._refusal:
            raise UserError(self._refusal)
        if self._deaths >= DEATHS:
            raise FairtrialError(f"the parent of trials died {DEATHS} times: {self._tree.log_tail('parent')}")
        self.dispatch()

    def dispatch(self) -> None:
        """Send waiting tasks to the parent, as many as it takes."""
        while self._ready and self._parent is not None and self.desk.waiting and self.desk.sendable():
            self._parent.send([self.desk.send(self.desk.waiting.popleft())])

    def tell(self, record: Record) -> None:
        """Send a record to the parent, if there is one."""
        if self._parent is not None:
            self._parent.send([record])

    def fileno(self) -> int:
        """Return the descriptor that turns readable when there is something to hear."""
        return self._tree.epoll.fileno()

    def close(self) -> None:
        """End every process. May be called twice."""
        if not self._closed:
            self._closed = True
            self._tree.close()

    def _start_parent(self) -> None:
        self._ready = False
        self._parent = self._tree.spawn("parent", "parent", [write_config(self._tree, self.desk.jobs)], self._hear)

    def _hear(self, records: list[Record], blob: bytes) -> None:
        for kind, *rest in self.desk.hear(records, blob):
            if kind == "ready":
                self._ready = True
                self.cautions = tuple(filter(None, rest))
            elif kind == "refused":
                self._refusal = f"the system does not import: {rest[0]}"
            elif kind == "modules":
                self.tell(["import", rest[0]])

    def _hear_guardian(self, records: list[Record], blob: bytes) -> None:
        for kind, *rest in records:
            if kind != "died" or self._closed or self._refusal:
                continue
            if rest[0] == "guardian":
                self._lose("guardian", None)
                self._tree.start()
                self._start_parent()
            elif rest[0] == "parent":
                self._lose("parent of trials", rest[1])
                self._start_parent()

    def _lose(self, who: str, status: int | None) -> None:
        """End what was in flight: with its result where that arrived, else as lost."""
        if self._parent is not None:
            self._tree.disconnect(self._parent)
        lost = Exit(why="infra", message=f"the {who} died{_how(status)}")
        for ident in list(self.desk.sent):
            self.desk.end(ident, lost)
        self._deaths = 1 if self.desk.results > self._results else self._deaths + 1
        self._results = self.desk.results


def _how(status: int | None) -> str:
    if status is None:
        return ""
    if os.WIFSIGNALED(status):
        return f" (killed by {signal.Signals(os.WTERMSIG(status)).name})"
    return f" (exit code {os.waitstatus_to_exitcode(status)})"
