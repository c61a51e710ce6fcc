"""Tasks that wait in the driver: for room, or for what they share to be set up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from fairtrial.execute.tree.keepers import Keepers
from fairtrial.model.trial import Task


class Waiting:
    """A queue in which a task may overtake another one whose shared resource is not ready."""

    def __init__(self, keepers: Keepers) -> None:
        self.keepers = keepers
        self.refused: list[tuple[Task, str]] = []
        """Tasks whose shared resource could not be set up, with the reason."""
        self.shares = False
        """Some of the tasks share something: each one that waits may start a keeper."""
        self._tasks: deque[Task] = deque()

    def __len__(self) -> int:
        return len(self._tasks) + len(self.refused)

    @property
    def memory_bytes(self) -> int | None:
        """The memory limit of the next task; a study has one for all."""
        return self._tasks[0].memory_bytes if self._tasks else None

    def add(self, task: Task) -> None:
        """Queue a task."""
        self.shares = self.shares or bool(task.share)
        self._tasks.append(task)

    def put_back(self, tasks: Iterable[Task]) -> None:
        """Queue tasks again, before all others, in their order."""
        self._tasks.extendleft(reversed(list(tasks)))

    def drop(self, ident: int) -> Task | None:
        """Take a task out."""
        for task in self._tasks:
            if task.id == ident:
                self._tasks.remove(task)
                return task
        return None

    def take(self, out: Callable[[], Iterable[Task]], *, most: int) -> tuple[Task, Any] | None:
        """Take the first task that can run, with its handle; `out` lists those at work, `most` how many at once."""
        if self._tasks and not self._tasks[0].share:
            return self._tasks.popleft(), None
        working = list(out()) if self._tasks else []
        busy = {task.share for task in (*working, *self._tasks)}
        for task in list(self._tasks):
            if not task.share:
                self._tasks.remove(task)
                return task, None
            if task.timing and working and not self.keepers.known(task.share):
                return None  # a server that starts would disturb what is being timed
            keep = self.keepers.get(task, busy=busy, most=most)
            if keep.state == "ready":
                self._tasks.remove(task)
                return task, keep.handle
            if keep.state == "failed":
                self._refuse(task.share, keep.message)
                return self.take(out, most=most)
            if task.timing:
                return None  # in the order of the design: none overtakes
        return None

    def _refuse(self, key: str, message: str) -> None:
        for task in [task for task in self._tasks if task.share == key]:
            self._tasks.remove(task)
            self.refused.append((task, f"set-up of the shared resource failed: {message}"))
