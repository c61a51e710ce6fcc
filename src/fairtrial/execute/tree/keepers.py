"""The driver's view of its keepers: one for each key that tasks share, started when the first of them comes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from fairtrial.execute.tree.root import Line, Tree
from fairtrial.execute.trial.slots import drop
from fairtrial.execute.trial.wire import Record, save
from fairtrial.model.trial import Task


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


class Keepers:
    """Starts keepers, and ends the idle ones that waited longest where more keys live than tasks run at once."""

    def __init__(self, tree: Tree, system: str) -> None:
        """`system` names the system's class, for targets that cannot set up themselves."""
        self.cautions: list[str] = []
        self.on_loss: Callable[[str], None] = lambda key: None
        """Called with a key when a keeper that was ready is gone."""
        self._tree, self._system = tree, system
        self._kept: dict[str, Keep] = {}
        self._count = 0

    def get(self, task: Task, *, busy: set[str], most: int) -> Keep:
        """Return the keeper of a task's key, starting it where there is none.

        `busy` are the keys of all tasks that have not ended; beyond `most` keys, idle keepers are ended.
        """
        keep = self._kept.get(task.share)
        if keep is None:
            self._make_room(busy | {task.share}, most)
            keep = self._kept[task.share] = self._start(task)
        if keep.state == "starting" and keep.deadline is not None and time.monotonic() > keep.deadline:
            self._tree.signal(keep.name, 9)
            keep.state, keep.message = "failed", "its set-up took longer than the wall-clock limit"
        if keep.state == "failed":
            del self._kept[task.share]
        keep.last_used = time.monotonic()
        return keep

    def died(self, name: str) -> None:
        """Hear from the guardian that one is gone; '' for all of them, with the guardian."""
        for key, keep in list(self._kept.items()):
            if name not in ("", keep.name):
                continue
            if keep.line is not None:
                self._tree.disconnect(keep.line)
            if keep.state == "ready":
                self._lose(key)
            elif keep.state == "starting":
                keep.state, keep.message = "failed", "its keeper died during set-up"
        if name:  # also of one that was let go: what it wrote may be large
            drop(self._scratch(name))
            Path(self._config(name)).unlink(missing_ok=True)

    def _lose(self, key: str) -> None:
        del self._kept[key]
        self.on_loss(key)

    def _make_room(self, busy: set[str], most: int) -> None:
        idle = sorted((keep.last_used, key) for key, keep in self._kept.items() if key not in busy)
        for _, key in idle[: max(0, len(self._kept) + 1 - most)]:
            keep = self._kept.pop(key)
            if keep.line is not None:
                keep.line.send([["close"]])

    def _start(self, task: Task) -> Keep:
        self._count += 1
        keep = Keep(f"keeper-{self._count}")
        if task.wall_s is not None:
            keep.deadline = time.monotonic() + task.wall_s
        config = self._tree.config | {
            "name": keep.name,
            "system": self._system,
            "parameters": task.members[0].parameters,
            "scratch": self._scratch(keep.name),
            "memory_bytes": task.memory_bytes,
        }
        path = self._config(keep.name)
        save(path, config)
        hear = partial(self._hear, task.share, keep)
        keep.line = self._tree.spawn(keep.name, "tree.keeper", [path], hear)
        return keep

    def _config(self, name: str) -> str:
        return f"{self._tree.root}/{name}.config"

    def _scratch(self, name: str) -> str:
        return f"{self._tree.root}/scratch/{name}"

    def _hear(self, key: str, keep: Keep, records: list[Record]) -> None:
        for kind, word in records:
            if kind == "ready":
                keep.state, keep.handle = "ready", word
            elif kind == "failed" and keep.state == "ready":  # at its memory limit: trials use it at this moment
                self.cautions.append(word)
                if self._kept.get(key) is keep:
                    self._lose(key)
            elif kind == "failed":
                keep.state, keep.message = "failed", word
            else:
                self.cautions.append(f"tear-down of the shared resource failed: {word}")
