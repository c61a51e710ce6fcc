"""Isolated tasks in the driver: sent to the parent, started, ended; and the reports that follow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from fairtrial.contract.engine import Report, Started, Stepped
from fairtrial.execute.tree.ending import Exit, ended, read_exit
from fairtrial.execute.tree.inquest import Inquest
from fairtrial.execute.tree.root import Line
from fairtrial.execute.tree.waiting import Waiting
from fairtrial.execute.trial.wire import Record
from fairtrial.model.trial import Task

AHEAD, AHEAD_SHARED = 64, 2
"""Tasks that wait at the parent, so that the next ones start without asking the driver; fewer where each may need a
keeper of its own."""


@dataclass(slots=True)
class Sent:
    """A task that is at the parent."""

    task: Task
    slot: str = ""
    answer: dict[str, Any] | None = None
    doom: str = ""
    """Why it is to be stopped."""
    lost: str = ""
    """Why what it shares with others is gone."""
    early: list[Report] = field(default_factory=list)
    """Steps that overtook the parent's word of the start."""


class Desk:
    """Turns the parent's records into reports, each task ending exactly once."""

    def __init__(self, waiting: Waiting, jobs: int, *, program: bool) -> None:
        self.jobs = jobs
        self.reports: list[Report] = []
        self.results = 0
        """How many tasks came back with a result."""
        self._waiting, self._program = waiting, program
        self.sent: dict[int, Sent] = {}
        self._attempts: dict[int, int] = {}
        self.inquest = Inquest(waiting.keepers, self)

    def room(self) -> int:
        """Return how many more tasks may be added."""
        return max(0, most(self.jobs, self._waiting) - len(self._waiting) - len(self.sent))

    def dispatch(self, parent: Line) -> None:
        """Send what can run, as much as the parent is to hold."""
        records: list[Record] = []
        bound = most(self.jobs, self._waiting)

        def at_work() -> Iterator[Task]:
            return (sent.task for sent in self.sent.values())

        while len(self.sent) < bound and (taken := self._waiting.take(at_work, most=self.jobs)):
            task, handle = taken
            self.sent[task.id] = Sent(task)
            for member in task.members[1:]:
                self._attempts[member.attempt] = task.id
            records.append(["task", as_job(task, handle)])
        if records:
            parent.send(records)
        while self._waiting.refused:
            task, message = self._waiting.refused.pop()
            self.reports.append(ended(task, None, Exit(why="infra", message=message), program=self._program))

    def stop(self, ident: int, why: str, parent: Line | None) -> None:
        """End a task."""
        task = self._waiting.drop(ident)
        if task is not None:
            self.reports.append(ended(task, None, Exit(why=why), program=self._program))
        elif ident in self.sent and parent is not None:
            self.sent[ident].doom = self.sent[ident].doom or why
            parent.send([["stop", ident, why]])

    def answer(self, attempt: int, step: int, *, stop: bool, parent: Line) -> None:
        """Pass on a strategy's answer."""
        parent.send([["answer", attempt, step, stop]])

    def lose(self, exit_: Exit) -> None:
        """End what ran under a parent that died, with its result where that arrived; the rest waits for the next."""
        began = [ident for ident, sent in self.sent.items() if sent.slot or sent.answer]
        for ident in began:
            self._end(ident, exit_)
        self._take_back(list(self.sent))

    def hear(self, records: list[Record]) -> Iterator[Record]:
        """Take the parent's records about tasks; yield the others."""
        for record in records:
            kind = record[0]
            if kind == "exit":
                exit_ = read_exit(record)
                self._end(record[1], exit_)
            elif kind == "result":
                if record[1] in self.sent:  # the first counts: a forked child of the trial might send another
                    self.sent[record[1]].answer = self.sent[record[1]].answer or record[2]
            elif kind == "started":
                self._started(record)
            elif kind == "step":
                self._stepped(record)
            elif kind == "dropped":
                self._end(record[1], Exit(why=record[2]))
            elif kind == "returned":
                self._take_back(record[1])
            else:
                yield record

    def _take_back(self, idents: Sequence[int]) -> None:
        """Let tasks that never ran wait again; those that were to be stopped meanwhile end."""
        for ident in [ident for ident in idents if ident in self.sent and self.sent[ident].doom]:
            self._end(ident, Exit(why=self.sent[ident].doom))
        self._waiting.put_back(self._forget(ident).task for ident in idents if ident in self.sent)

    def _forget(self, ident: int) -> Sent:
        sent = self.sent.pop(ident)
        for member in sent.task.members[1:]:
            del self._attempts[member.attempt]
        return sent

    def _end(self, ident: int, exit_: Exit) -> None:
        if ident not in self.sent:
            return
        if self.sent[ident].lost and not self.sent[ident].slot and exit_.why == "infra":  # it waits for another one
            self.sent[ident].doom = ""
            self._take_back([ident])
            return
        sent = self._forget(ident)
        self.results += sent.answer is not None
        self.reports += sent.early
        self.inquest.hold(sent.task, ended(sent.task, sent.answer, exit_, program=self._program), sent.lost)

    def _started(self, record: Record) -> None:
        _, ident, pid, since, slot = record
        sent = self.sent.get(ident)
        if sent is not None:
            sent.slot = slot
            self.reports += [Started(ident, pid, since), *sent.early]
            sent.early = []

    def _stepped(self, record: Record) -> None:
        _, attempt, step, metrics = record
        sent = self.sent.get(self._attempts.get(int(attempt), int(attempt)))
        if sent is not None:
            (self.reports if sent.slot else sent.early).append(Stepped(attempt, step, metrics))


def most(jobs: int, waiting: Waiting) -> int:
    """Return how many tasks the parent is to hold."""
    return jobs + (AHEAD_SHARED if waiting.shares else AHEAD)


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
