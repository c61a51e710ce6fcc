"""Trials where Linux's means are missing (macOS): a fresh interpreter each, in a process group of its own.

A weaker promise than the process tree's, and untested on macOS itself (its tests run on Linux): what leaves its process
group survives, a killed driver leaves its running trials behind until the next start ends what carries its mark, memory
limits are not held and CPU time and peaks not measured, steps are not answered (a strategy stops a function by SIGTERM,
at its next step), and there are neither shared resources nor persistent workers.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Sequence

from fairtrial.contract.engine import EngineSettings, Report, Started, Stepped
from fairtrial.contract.system import Target
from fairtrial.errors import UserError
from fairtrial.execute.apart import Apart
from fairtrial.execute.machine.process import started
from fairtrial.execute.tree.desk import AHEAD_SHARED, as_job
from fairtrial.execute.tree.ending import Exit, ended
from fairtrial.execute.tree.root import as_config, environment
from fairtrial.execute.trial import worker
from fairtrial.execute.trial.slots import Slot, drop, prune
from fairtrial.execute.trial.wire import save
from fairtrial.model.trial import Task

TICK_S = 0.01


class PortableSession:
    """Tasks in interpreters of their own, watched by polling."""

    def __init__(self, target: Target, settings: EngineSettings) -> None:
        self.cautions = ("this platform lacks what isolation needs: process groups only, no memory limits",)
        self._jobs = settings.jobs
        self._root = str(settings.scratch.resolve())
        self._config = as_config(target, settings, "")
        self._config["file"] = f"{self._root}/portable.config"
        self._environment = environment(settings)
        self._queue: deque[Task] = deque()
        self._running: dict[int, tuple[Task, Apart]] = {}
        self._reports: list[Report] = []
        self._free: list[Slot] = []
        self._slots = 0
        os.makedirs(f"{self._root}/scratch", exist_ok=True)  # noqa: PTH103
        save(self._config["file"], self._config)
        worker.set_import_path(self._config["folder"])

    def room(self) -> int:
        """Return how many more tasks it takes now."""
        return max(0, self._jobs + AHEAD_SHARED - len(self._queue) - len(self._running))

    def submit(self, task: Task) -> None:
        """Take a task. Raises UserError for one that shares a resource."""
        if task.share:
            raise UserError("this platform has no shared resources between trials", hint="engine: inline")
        self._queue.append(task)
        self._fill()

    def poll(self, timeout_s: float) -> Sequence[Report]:
        """Return what happened, waiting up to the time-out for the first report."""
        limit = time.monotonic() + timeout_s
        while True:
            for task, child in list(self._running.values()):
                self._look(task, child)
            self._fill()
            if self._reports or time.monotonic() >= limit:
                reports, self._reports = self._reports, []
                return reports
            time.sleep(TICK_S)

    def stop(self, task: int, reason: str) -> None:
        """End a task."""
        for waiting in [one for one in self._queue if one.id == task]:
            self._queue.remove(waiting)
            self._reports.append(ended(waiting, None, Exit(why=reason), program=False))
        if task in self._running:
            self._running[task][1].stop(reason)

    def answer(self, attempt: int, step: int, *, stop: bool) -> None:
        """Stop a watched task where its strategy says so; it does not wait for its answers."""
        for task, child in self._running.values():
            if stop and any(member.attempt == attempt for member in task.members):
                child.stop("pruned")

    def resize(self, jobs: int) -> None:
        """Change how many tasks run at once."""
        self._jobs = max(1, jobs)

    def fileno(self) -> int | None:
        """There is no descriptor to wait on."""
        return None

    def close(self, *, kill: bool) -> None:
        """End: with `kill` at once, else when what it was given has ended. May be called twice."""
        while not kill and (self._queue or self._running):
            self.poll(1.0)
        for _, child in self._running.values():
            child.process.kill()
            child.finish()
        self._running.clear()
        for folder in ("slots", "scratch"):
            drop(f"{self._root}/{folder}")
        prune(self._root)

    def _fill(self) -> None:
        while self._queue and len(self._running) < self._jobs:
            if not self._free:
                self._slots += 1
                self._free.append(Slot(self._root, str(self._slots)))
            task = self._queue.popleft()
            child = Apart(as_job(task), self._config, self._free.pop(), self._environment)
            self._running[task.id] = (task, child)
            self._reports.append(Started(task.id, child.process.pid, started(child.process.pid)))

    def _look(self, task: Task, child: Apart) -> None:
        over = child.process.poll() is not None
        self._reports += [Stepped(*record[1:]) for record in child.check()]
        if over:
            exit_ = child.finish()
            del self._running[task.id]
            self._free.append(child.slot)
            self._reports.append(ended(task, child.answer, exit_, program=self._config["executes"]))
