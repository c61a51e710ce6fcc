"""Persistent workers in the driver: each has a socket of its own, and the more tasks in flight the shorter they are."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fairtrial.contract.engine import Report, Started, Stepped
from fairtrial.errors import FairtrialError
from fairtrial.execute.tree.desk import as_job
from fairtrial.execute.tree.ending import Exit, ended, read_exit
from fairtrial.execute.tree.inquest import Inquest
from fairtrial.execute.tree.root import Line, Tree
from fairtrial.execute.tree.waiting import Waiting
from fairtrial.execute.trial.wire import Record, pair
from fairtrial.model.trial import Task

DEPTH, DEPTH_SHORT = 2, 256
"""Tasks in flight at one worker: while the driver records one result, the next task runs; and how many at most."""
AHEAD_S = 0.03
"""How much work a worker has before it, by the durations seen: what waits there waits for this worker."""
SMOOTHING = 0.3
"""Weight of the newest duration."""


@dataclass(slots=True)
class Given:
    """A task that a worker has."""

    task: Task
    slot: str = ""
    answer: dict[str, Any] | None = None
    doom: str = ""
    """Why it is to be stopped as soon as it runs."""
    lost: str = ""
    """Why what it shares with others is gone."""


@dataclass(slots=True)
class Hand:
    """One worker and what it has, the running task first."""

    name: str
    line: Line
    given: deque[Given] = field(default_factory=deque)
    unsent: list[Record] = field(default_factory=list)
    early: list[Record] = field(default_factory=list)
    """What overtook the parent's word of its start."""
    pid: int = 0
    since: float = 0.0
    slot: str = ""
    deadline: float | None = None
    leaving: bool = False
    """It was told to stop, and gets no more tasks."""
    left: bool = False
    """It stopped between two tasks: what it has has not begun."""

    def give(self, task: Task, handle: Any) -> Given:
        """Give it a task, to be sent by `flush`."""
        self.given.append(Given(task))
        self.unsent.append(["task", as_job(task, handle)])
        return self.given[-1]

    def flush(self) -> None:
        """Send what it was given."""
        if self.unsent:
            self.line.send(self.unsent)
            self.unsent = []

    def begin(self, started: set[int]) -> Iterator[Started]:
        """Note that the first of its tasks runs now, and say so if `started` does not hold it yet."""
        if not self.given or not self.pid or self.given[0].slot:
            return
        given = self.given[0]
        given.slot = self.slot
        self.deadline = None if given.task.wall_s is None else time.monotonic() + given.task.wall_s
        if given.task.id not in started:
            started.add(given.task.id)
            yield Started(given.task.id, self.pid, self.since)

    def obey(self, parent: Line | None) -> None:
        """Have the parent stop the worker where the task that it runs is doomed."""
        if self.given and self.given[0].doom and not self.leaving and self.pid and parent is not None:
            self.leaving = True
            parent.send([["stop", self.name, self.given[0].doom]])

    def release(self) -> None:
        """Let the worker go when it has nothing to do."""
        self.leaving = True
        self.line.send([["close"]])


class Pool:
    """Hands tasks to persistent workers, replaces those that die, and ends each task exactly once."""

    def __init__(self, waiting: Waiting, jobs: int, tree: Tree) -> None:
        self.jobs = jobs
        self.reports: list[Report] = []
        self.results = 0
        self.sent: dict[int, Given] = {}
        self._waiting, self._tree = waiting, tree
        self._hands: dict[str, Hand] = {}
        self._started: set[int] = set()
        self._count = 0
        self._usual_s = AHEAD_S
        """How long a task takes, the newest ones weighing most."""
        self.inquest = Inquest(waiting.keepers, self)

    def room(self) -> int:
        """Return how many more tasks may be added."""
        return max(0, self.jobs * self._depth() - len(self._waiting) - len(self.sent))

    def dispatch(self, parent: Line) -> None:
        """Give out what can run, end workers that are too many, refuse what cannot be set up."""
        while (hand := self._free_hand(parent)) and (
            taken := self._waiting.take(lambda: (given.task for given in self.sent.values()), most=self.jobs)
        ):
            self.sent[taken[0].id] = hand.give(*taken)
            self.reports += hand.begin(self._started)
        while self._waiting.refused:
            task, message = self._waiting.refused.pop()
            self.reports.append(ended(task, None, Exit(why="infra", message=message), program=False))
        now = time.monotonic()
        for hand in self._hands.values():
            hand.flush()
            if hand.deadline is not None and now >= hand.deadline:
                hand.given[0].doom = hand.given[0].doom or "timeout"
            hand.obey(parent)

    def stop(self, ident: int, why: str, parent: Line | None) -> None:
        """End a task; where it runs, its worker ends with it."""
        task = self._waiting.drop(ident)
        if task is not None:
            self.reports.append(ended(task, None, Exit(why=why), program=False))
        for hand in self._hands.values():
            for given in hand.given:
                if given.task.id == ident:
                    given.doom = given.doom or why
                    hand.obey(parent)

    def answer(self, attempt: int, step: int, *, stop: bool, parent: Line) -> None:
        """Pass on a strategy's answer."""
        for hand in self._hands.values():
            if hand.given and any(member.attempt == attempt for member in hand.given[0].task.members):
                hand.line.send([["answer", attempt, step, stop]])

    def hear(self, records: list[Record]) -> Iterator[Record]:
        """Take the parent's records about workers; yield the others."""
        for record in records:
            hand = self._hands.get(record[1]) if isinstance(record[1], str) else None
            if record[0] == "started" and hand is not None:
                hand.pid, hand.since, hand.slot = record[2:5]
                self.reports += hand.begin(self._started)
                self._hear_worker(hand.name, hand.early)
            elif record[0] == "exit":
                exit_ = read_exit(record)
                if hand is not None:
                    self._gone(hand, exit_)
            else:
                yield record

    def lose(self, exit_: Exit) -> None:
        """End what ran under a parent that died."""
        for hand in list(self._hands.values()):
            self._gone(hand, exit_)

    def _depth(self) -> int:
        if self._waiting.shares:
            return DEPTH
        return max(DEPTH, min(DEPTH_SHORT, int(AHEAD_S / max(self._usual_s, 1e-6))))

    def _free_hand(self, parent: Line) -> Hand | None:
        """Return the worker with the least to do, starting one where that is better."""
        if not len(self._waiting):
            return None
        able = [hand for hand in self._hands.values() if not hand.leaving]
        for hand in able[self.jobs :]:
            hand.release()
        able = able[: self.jobs]
        least = min(able, key=lambda hand: len(hand.given), default=None)
        if least is not None and (not least.given or len(able) >= self.jobs):
            return least if len(least.given) < self._depth() else None
        self._count += 1
        ours, theirs = pair()
        name = f"worker-{self._count}"
        line = self._tree.connect(ours, lambda records: self._hear_worker(name, records))
        hand = self._hands[name] = Hand(name, line)
        parent.send([["worker", name, self._waiting.memory_bytes]], give_fd=theirs)
        return hand

    def _hear_worker(self, name: str, records: list[Record]) -> None:
        hand = self._hands[name]
        if not hand.pid:
            hand.early += records
            return
        for record in records:
            if record[0] == "step":
                self.reports.append(Stepped(*record[1:]))
            elif record[0] == "left":
                hand.leaving = hand.left = True
            elif record[1] != hand.given[0].task.id:
                raise FairtrialError(f"{name} answered task {record[1]} while it had {hand.given[0].task.id}")
            elif record[0] == "result":
                hand.given[0].answer = record[2]
            else:
                exit_ = read_exit(record)
                exit_.why = hand.given[0].doom
                self._end(hand, exit_)
                self.reports += hand.begin(self._started)

    def _gone(self, hand: Hand, exit_: Exit) -> None:
        """End the task that a dead worker ran, and those to be stopped; give the others to somebody else.

        What has not begun and lost what it shares is among the others: there will be another one.
        """
        self._tree.disconnect(hand.line)
        del self._hands[hand.name]
        if hand.given and not hand.left and (exit_.why in ("", "oom", "infra") or hand.given[0].doom):
            self._end(hand, exit_)
        for given in hand.given:
            del self.sent[given.task.id]
            if given.doom not in ("", "infra"):
                self.reports.append(ended(given.task, None, Exit(why=given.doom), program=False))
        self._waiting.put_back(given.task for given in hand.given if given.doom in ("", "infra"))

    def _end(self, hand: Hand, exit_: Exit) -> None:
        given = hand.given.popleft()
        del self.sent[given.task.id]
        hand.deadline = None
        self._started.discard(given.task.id)
        self.results += given.answer is not None
        self._usual_s += SMOOTHING * (min(exit_.wall_s, AHEAD_S) - self._usual_s)
        self.inquest.hold(given.task, ended(given.task, given.answer, exit_, program=False), given.lost)
