"""Engine `local`: each trial in a process of its own on this machine, under a guardian."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

from fairtrial.contract.engine import EngineSettings, Report, Session
from fairtrial.contract.system import System, Target
from fairtrial.errors import UserError
from fairtrial.execute.tree.crew import Crew
from fairtrial.execute.tree.pool import Pool
from fairtrial.execute.trial.slots import slot_paths
from fairtrial.model.trial import Task

TICK_S = 0.2
"""How often `poll` looks after time limits of its own while nothing is heard."""


class Local:
    """The engine. `namespace`: whether to use a PID namespace (by default where this user is root)."""

    name = "local"

    def __init__(self, *, namespace: bool | None = None) -> None:
        self._namespace = namespace

    def open(self, system: System, target: Target, settings: EngineSettings) -> Session:
        """Start guardian and parent, and wait until the system is imported. Raises UserError where it cannot be."""
        if not target.entry:
            raise UserError(
                f"system {system.name!r} cannot be imported by name, so other processes cannot load it",
                hint="define its class in a module, without constructor arguments, or use engine inline",
            )
        if sys.platform != "linux":
            from fairtrial.execute.portable import PortableSession

            return PortableSession(target, settings)
        namespace = os.geteuid() == 0 if self._namespace is None else self._namespace
        made = type(system)
        crew = Crew(target, settings, f"{made.__module__}:{made.__qualname__}", namespace=namespace)
        try:
            crew.begin()
        except BaseException:
            crew.close()
            raise
        return LocalSession(crew)


class LocalSession:
    """Tasks in isolated processes."""

    def __init__(self, crew: Crew) -> None:
        self.cautions = crew.cautions
        self._crew = crew

    def room(self) -> int:
        """Return how many more tasks it takes now."""
        return self._crew.work.room()

    def submit(self, task: Task) -> None:
        """Take a task; it leaves with its neighbours, at `flush` or `poll`. Raises UserError for what cannot be run."""
        if task.gpus and isinstance(self._crew.work, Pool):
            raise UserError("persistent workers keep the GPU that they saw first", hint="parallel.workers: isolated")
        self._crew.waiting.add(task)

    def flush(self) -> None:
        """Send on what was submitted."""
        self._crew.dispatch()

    def poll(self, timeout_s: float) -> Sequence[Report]:
        """Return what happened, waiting up to the time-out for the first report."""
        limit = time.monotonic() + timeout_s
        work = self._crew.work
        while True:
            self._crew.turn(0.0 if work.reports else min(TICK_S, limit - time.monotonic()))
            self.cautions = self._crew.cautions
            if work.reports or time.monotonic() >= limit:
                reports, work.reports = work.reports, []
                return reports

    def stop(self, task: int, reason: str) -> None:
        """End a task: 'cancelled', 'pruned' or 'timeout'."""
        self._crew.work.stop(task, reason, self._crew.parent)

    def answer(self, attempt: int, step: int, *, stop: bool) -> None:
        """Answer a watched member's step."""
        if self._crew.parent is not None:
            self._crew.work.answer(attempt, step, stop=stop, parent=self._crew.parent)

    def resize(self, jobs: int) -> None:
        """Change how many tasks run at once."""
        self._crew.work.jobs = max(1, jobs)
        if self._crew.parent is not None:
            self._crew.parent.send([["jobs", max(1, jobs)]])

    def fileno(self) -> int | None:
        """Return a descriptor that turns readable when `poll` has something."""
        return self._crew.tree.epoll.fileno()

    def slot_paths(self, task: int) -> tuple[str, str]:
        """Return where a running task's stdout and stderr are being written; empty strings where it is not running."""
        sent = self._crew.work.sent.get(task)
        return slot_paths(self._crew.tree.root, sent.slot) if sent and sent.slot else ("", "")

    def close(self, *, kill: bool) -> None:
        """End: with `kill` at once, else when what it was given has ended. May be called twice."""
        while not kill and not self._crew.closed and self._crew.busy:
            self.poll(1.0)
        self._crew.close()
