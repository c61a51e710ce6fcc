"""The driver's view of its keepers: one for each key that tasks share, started when the first of them comes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from fairtrial.errors import FairtrialError, MissingPart, UserError
from fairtrial.execute.tree.root import Line, Tree
from fairtrial.execute.trial.slots import drop
from fairtrial.execute.trial.wire import Record, save
from fairtrial.model.trial import Task

TEAR_DOWN_S = 60.0
"""How long a keeper may take to stop what it kept, before it is killed."""
ANSWER_S = 5.0
"""How long a keeper may take to say whether what it keeps still works."""
REFUSALS: dict[int, type[FairtrialError]] = {UserError.exit_code: UserError, MissingPart.exit_code: MissingPart}
"""Exit code of a set-up's error -> what ends the run where it is the first set-up of the session."""
NAME = "keeper-{}"
FIRST = NAME.format(1)
LOST, TIRED = "its keeper died", "it failed a trial, and was replaced"

Then = Callable[[str], None]
"""Hears why a shared thing no longer works; '' where it does."""


@dataclass(slots=True)
class Keep:
    """One keeper."""

    name: str
    state: str = "starting"
    """starting | ready | failed"""
    handle: Any = None
    message: str = ""
    deadline: float | None = None
    line: Line | None = None
    last_used: float = field(default_factory=time.monotonic)
    tends: bool = False
    """It can say whether what it keeps still works."""
    asked: list[Then] = field(default_factory=list)
    """Who waits for it to say so."""
    answer_by: float = 0.0
    gone: bool = False
    """Its process has ended."""

    def answer(self, why: str) -> None:
        """Tell those who wait."""
        waiting, self.asked = self.asked, []
        for then in waiting:
            then(why)


class Keepers:
    """Starts keepers, and ends the idle ones that waited longest where more keys live than tasks run at once."""

    def __init__(self, tree: Tree, system: str) -> None:
        """`system` names the system's class, for targets that cannot set up themselves."""
        self.cautions: list[str] = []
        self.on_loss: Callable[[str, str], None] = lambda key, why: None
        """Called with a key, and the reason, when a keeper that was ready is gone."""
        self.refusal: FairtrialError | None = None
        """Why the first set-up of all failed, where that is the user's to mend: no trial can run."""
        self._tree, self._system = tree, system
        self._kept: dict[str, Keep] = {}
        self._leaving: dict[str, float] = {}
        """Keepers that tear down -> until when they may."""
        self._count = 0
        self._served = False

    def get(self, task: Task, *, busy: set[str], most: int) -> Keep:
        """Return the keeper of a task's key, starting it where there is none and room for it.

        `busy` are the keys of all tasks that have not ended; beyond `most` keys, idle keepers are ended. The next one
        starts when they are gone: two servers at once would disturb each other, or want the same port.
        """
        keep = self._kept.get(task.share)
        if keep is None:
            self._make_room(busy | {task.share}, most)
            if self._leaving and len(self._kept) + len(self._leaving) >= most:
                return Keep("")
            self._count += 1
            name = NAME.format(self._count)
            hear = partial(self._hear, task.share)
            keep = self._kept[task.share] = start(self._tree, task, name=name, system=self._system, hear=hear)
        if keep.state == "starting" and keep.deadline is not None and time.monotonic() > keep.deadline:
            self._tree.signal(keep.name, 9)
            keep.state, keep.message = "failed", "its set-up took longer than the wall-clock limit"
        if keep.state == "failed":
            self._leave(task.share)
        keep.last_used = time.monotonic()
        return keep

    def known(self, key: str) -> bool:
        """Say whether a key has a keeper, which may be starting."""
        return key in self._kept

    def ask(self, key: str, then: Then) -> bool:
        """Ask a keeper whether what it keeps still works, where it can say: `then` hears the answer."""
        keep = self._kept.get(key)
        if keep is None or keep.state != "ready" or not keep.tends or keep.line is None:
            return False
        keep.asked.append(then)
        keep.answer_by = time.monotonic() + ANSWER_S
        keep.line.send([["ask"]])
        return True

    def tick(self) -> None:
        """Wait no longer for what is overdue: answers, and tear-downs."""
        now = time.monotonic()
        for keep in list(self._kept.values()):
            if keep.asked and now > keep.answer_by:
                keep.answer("")
        for name in [name for name, until in self._leaving.items() if now > until]:
            del self._leaving[name]
            self._tree.signal(name, 9)

    def let_go(self, key: str) -> None:
        """End a keeper; the next task with its key gets another one."""
        keep = self._kept.get(key)
        if keep is not None and keep.line is not None:
            keep.line.send([["close"]])
            self._lose(key, TIRED)

    def died(self, name: str) -> None:
        """Hear from the guardian that one is gone; '' for all of them, with the guardian."""
        for key, keep in list(self._kept.items()):
            if name not in ("", keep.name):
                continue
            keep.gone = True
            if keep.line is not None:
                self._tree.disconnect(keep.line)
            if keep.state == "ready" and self._kept.get(key) is keep:
                self._lose(key, LOST)
            elif keep.state == "starting":
                keep.state, keep.message = "failed", "its keeper died during set-up"
        for gone in [name] if name else list(self._leaving):
            self._leaving.pop(gone, None)
        if name:  # also of one that was let go: what it wrote may be large
            drop(scratch_of(self._tree, name))
            Path(config_of(self._tree, name)).unlink(missing_ok=True)

    def _leave(self, key: str) -> Keep:
        keep = self._kept.pop(key)
        if not keep.gone:
            self._leaving[keep.name] = time.monotonic() + TEAR_DOWN_S
        return keep

    def _lose(self, key: str, why: str) -> None:
        keep = self._leave(key)
        keep.answer(why)
        self.on_loss(key, why)

    def _make_room(self, busy: set[str], most: int) -> None:
        idle = sorted((keep.last_used, key) for key, keep in self._kept.items() if key not in busy)
        for _, key in idle[: max(0, len(self._kept) + 1 - most)]:
            keep = self._leave(key)
            if keep.line is not None:
                keep.line.send([["close"]])

    def _hear(self, key: str, keep: Keep, records: list[Record]) -> None:
        for kind, *words in records:
            if kind == "tends":
                keep.tends = words[0]
            elif kind == "ready":
                keep.state, keep.handle, self._served = "ready", words[0], True
            elif kind == "well":
                keep.answer("")
            elif kind == "failed" and keep.state == "ready":
                self.cautions.append(words[0])
                if self._kept.get(key) is keep:  # trials use it at this moment
                    self._lose(key, words[0])
            elif kind == "failed":
                keep.state, keep.message = "failed", words[0]
                if keep.name == FIRST and not self._served and words[1:] and words[1] in REFUSALS:
                    self.refusal = REFUSALS[words[1]](words[0])
            else:
                self.cautions.append(f"tear-down of the shared resource failed: {words[0]}")


def start(tree: Tree, task: Task, *, name: str, system: str, hear: Callable[[Keep, list[Record]], None]) -> Keep:
    """Start the keeper of what a task shares."""
    keep = Keep(name)
    if task.wall_s is not None:
        keep.deadline = time.monotonic() + task.wall_s
    config = tree.config | {
        "name": name,
        "system": system,
        "parameters": task.members[0].parameters,
        "scratch": scratch_of(tree, name),
        "memory_bytes": task.memory_bytes,
    }
    path = config_of(tree, name)
    save(path, config)
    keep.line = tree.spawn(name, "tree.keeper", [path], partial(hear, keep))
    return keep


def config_of(tree: Tree, name: str) -> str:
    """Return where a keeper's configuration lies."""
    return f"{tree.root}/{name}.config"


def scratch_of(tree: Tree, name: str) -> str:
    """Return a keeper's folder."""
    return f"{tree.root}/scratch/{name}"
