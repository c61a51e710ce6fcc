"""What the driver knows of its tasks: waiting here, sent to the parent, started; and the reports that follow."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fairtrial.contract.engine import Report, Started, Stepped
from fairtrial.execute.ending import Exit, ended, read_exit
from fairtrial.execute.wire import Record
from fairtrial.model.trial import Task

AHEAD = 2
"""Tasks that wait at the parent, so that the next one starts without asking the driver."""


@dataclass(slots=True)
class Sent:
    """A task that is at the parent."""

    task: Task
    slot: str = ""
    answer: dict[str, Any] | None = None
    early: list[Report] = field(default_factory=list)
    """Steps that overtook the parent's word of the start."""


class Desk:
    """Turns the parent's records into reports, each task ending exactly once."""

    def __init__(self, jobs: int, *, program: bool) -> None:
        self.jobs = jobs
        self.waiting: deque[Task] = deque()
        self.sent: dict[int, Sent] = {}
        self.reports: list[Report] = []
        self.results = 0
        """How many tasks came back with a result."""
        self._attempts: dict[int, int] = {}
        self._program = program

    def room(self) -> int:
        """Return how many more tasks may be added."""
        return max(0, self.jobs + AHEAD - len(self.waiting) - len(self.sent))

    def busy(self) -> bool:
        """Say whether any task has not ended."""
        return bool(self.waiting or self.sent)

    def sendable(self) -> int:
        """Return how many more tasks the parent takes."""
        return max(0, self.jobs + AHEAD - len(self.sent))

    def send(self, task: Task, handle: Any = None) -> Record:
        """Note that a task goes to the parent; return what to send."""
        self.sent[task.id] = Sent(task)
        for member in task.members[1:]:
            self._attempts[member.attempt] = task.id
        return ["task", as_job(task, handle)]

    def take_reports(self) -> list[Report]:
        """Hand over what has gathered."""
        reports, self.reports = self.reports, []
        return reports

    def hear(self, records: list[Record], blob: bytes) -> Iterator[Record]:
        """Take the parent's records about tasks; yield the others."""
        for record in records:
            kind = record[0]
            if kind == "exit":
                blob = self._exited(record, blob)
            elif kind == "result":
                self._answered(record)
            elif kind == "started":
                self._started(record)
            elif kind == "step":
                self._stepped(record)
            elif kind == "dropped":
                self.end(record[1], Exit(why=record[2]))
            elif kind == "returned":
                self.waiting.extendleft(self.sent.pop(ident).task for ident in reversed(record[1]))
            else:
                yield record

    def end(self, ident: int, exit_: Exit) -> None:
        """End a task that is at the parent."""
        sent = self.sent.pop(ident, None)
        if sent is None:
            return
        for member in sent.task.members[1:]:
            del self._attempts[member.attempt]
        self.results += sent.answer is not None
        self.reports += sent.early
        self.reports.append(ended(sent.task, sent.answer, exit_, program=self._program))

    def drop(self, ident: int, why: str) -> bool:
        """End a task that waits here; return whether it does."""
        for task in self.waiting:
            if task.id == ident:
                self.waiting.remove(task)
                self.reports.append(ended(task, None, Exit(why=why), program=self._program))
                return True
        return False

    def _started(self, record: Record) -> None:
        _, ident, pid, since, slot = record
        sent = self.sent.get(ident)
        if sent is None:
            return
        sent.slot = slot
        self.reports.append(Started(ident, pid, since))
        self.reports += sent.early
        sent.early = []

    def _stepped(self, record: Record) -> None:
        _, attempt, step, metrics = record
        sent = self.sent.get(self._attempts.get(int(attempt), int(attempt)))
        if sent is not None:
            (self.reports if sent.slot else sent.early).append(Stepped(attempt, step, metrics))

    def _answered(self, record: Record) -> None:
        sent = self.sent.get(record[1])
        if sent is not None and sent.answer is None:
            sent.answer = record[2]

    def _exited(self, record: Record, blob: bytes) -> bytes:
        exit_, rest = read_exit(record, blob)
        self.end(record[1], exit_)
        return rest


def as_job(task: Task, handle: Any = None) -> dict[str, Any]:
    """Turn a task into what travels to the worker."""
    return {
        "id": task.id,
        "m": [[member.attempt, member.seed, member.parameters] for member in task.members],
        "wall": task.wall_s,
        "mem": task.memory_bytes,
        "gpus": list(task.gpus),
        "inputs": dict(task.inputs),
        "handle": handle,
        "watched": task.watched,
        "timing": task.timing,
    }
