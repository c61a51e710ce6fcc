"""Engine `local`: each trial in a process of its own on this machine, under a guardian."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from fairtrial.contract.engine import EngineSettings, Report, Session
from fairtrial.contract.system import System, Target
from fairtrial.errors import UserError
from fairtrial.execute.crew import Crew
from fairtrial.execute.slots import slot_paths
from fairtrial.model.trial import Task


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
        namespace = os.geteuid() == 0 if self._namespace is None else self._namespace
        crew = Crew(target, settings, namespace=namespace)
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
        return self._crew.desk.room()

    def submit(self, task: Task) -> None:
        """Take a task."""
        self._crew.desk.waiting.append(task)
        self._crew.dispatch()

    def poll(self, timeout_s: float) -> Sequence[Report]:
        """Return what happened, waiting up to the time-out for the first report."""
        limit = time.monotonic() + timeout_s
        reports = self._crew.desk.reports
        while True:
            self._crew.turn(0.0 if reports else limit - time.monotonic())
            self.cautions = self._crew.cautions
            if reports or time.monotonic() >= limit:
                return self._crew.desk.take_reports()

    def stop(self, task: int, reason: str) -> None:
        """End a task: 'cancelled', 'pruned' or 'timeout'."""
        if not self._crew.desk.drop(task, reason) and task in self._crew.desk.sent:
            self._crew.tell(["stop", task, reason])

    def answer(self, attempt: int, step: int, *, stop: bool) -> None:
        """Answer a watched member's step."""
        self._crew.tell(["answer", attempt, step, stop])

    def resize(self, jobs: int) -> None:
        """Change how many tasks run at once."""
        self._crew.desk.jobs = max(1, jobs)
        self._crew.tell(["jobs", max(1, jobs)])

    def fileno(self) -> int | None:
        """Return a descriptor that turns readable when `poll` has something."""
        return self._crew.fileno()

    def slot_paths(self, task: int) -> tuple[str, str]:
        """Return where a running task's stdout and stderr are being written; empty strings where it is not running."""
        sent = self._crew.desk.sent.get(task)
        return slot_paths(self._crew.root, sent.slot) if sent and sent.slot else ("", "")

    def close(self, *, kill: bool) -> None:
        """End: with `kill` at once, else when what it was given has ended. May be called twice."""
        while not kill and self._crew.desk.busy():
            self.poll(1.0)
        self._crew.close()
