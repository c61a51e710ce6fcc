"""The processes under the parent of trials: their ticks, their ends, and whatever they leave behind."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

from fairtrial.execute.machine.limits import TICK_S, kernel_kills
from fairtrial.execute.machine.linux import Children, end_all, kill_strangers
from fairtrial.execute.tree.nursery import Nursery
from fairtrial.execute.tree.running import Running
from fairtrial.execute.trial import worker
from fairtrial.execute.trial.context import normal_metrics, scratch_path
from fairtrial.execute.trial.slots import drop
from fairtrial.execute.trial.wire import Outbox

STUBBORN_S = 5.0
"""How long a killed process may take to die before the next trial starts beside it."""

STEP_BYTES = 1 << 18
"""Steps of one program read at a tick: one that never stops writing must not keep its own limits from being held."""


class Reaper:
    """Knows what runs; reports an end once nothing that the ended ones left behind lives."""

    def __init__(self, config: dict[str, Any], nursery: Nursery, outbox: Outbox) -> None:
        self._root: str = config["root"]
        self._nursery, self._outbox = nursery, outbox
        self._load = worker.loader(config)
        self._children = Children()
        self._running: dict[int, Running] = {}
        self._ending: list[tuple[Running, int, Any, float]] = []
        self._tick_at = 0.0
        self._kernel_kills = (kernel_kills(), kernel_kills())
        self.trials = 0
        """How many trials run, persistent workers not counted."""

    def __iter__(self) -> Iterator[Running]:
        return iter(list(self._running.values()))

    @property
    def busy(self) -> bool:
        """Say whether anything runs or is about to be reported."""
        return bool(self._running or self._ending)

    def add(self, running: Running) -> None:
        """Look after a process that was just forked."""
        self._running[running.pid] = running
        self.trials += "worker" not in running.job

    def tick(self) -> None:
        """Hold limits and read steps, ten times a second."""
        now = time.monotonic()
        if now < self._tick_at:
            return
        self._tick_at = now + TICK_S
        self._kernel_kills = (self._kernel_kills[1], kernel_kills())
        for running in self._running.values():
            running.check(now, self._nursery.share_bytes)
            for record in running.new_steps(STEP_BYTES):
                self._outbox.add(record)
        self._settle()

    def reap(self) -> None:
        """Take in every end there is."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            running = self._running.pop(pid, None)
            if running is not None:
                self._ending.append((running, status, usage, time.monotonic()))
        self._settle()

    def end(self) -> None:
        """Kill everything, until there is no child left."""
        end_all(self._children)

    def _settle(self) -> None:
        if not self._ending:
            return
        late = time.monotonic() > self._ending[0][3] + STUBBORN_S
        if kill_strangers(self._children, self._running) and not late:
            return
        for running, status, usage, at in self._ending:
            if late:
                running.caution = "a process of the trial could not be killed"
            self._report(running, os.waitstatus_to_exitcode(status), usage, at)
        self._ending.clear()

    def _report(self, running: Running, code: int, usage: Any, at: float) -> None:
        """Tell the driver how a process ended."""
        job, slot = running.job, running.slot
        if code or running.group is not None:
            running.blame_memory(code, self._kernel_kills[0])
        if running.program:
            self._finish_program(running, code)
        running.close()
        for member in job["m"]:
            if os.access(path := scratch_path(self._root, member[0]), os.F_OK):
                drop(path)
        self.trials -= "worker" not in job
        inline, kept = slot.collect(job["id"])
        self._nursery.release(running)
        peak = running.peak_bytes(usage.ru_maxrss * 1024 - self._nursery.share_bytes)
        how = [code if code >= 0 else None, -code if code < 0 else None, running.why, running.limiter]
        spent = [running.overshoot_bytes, at - job["began"], usage.ru_utime + usage.ru_stime, peak]
        self._outbox.add(["exit", job["id"], *how, *spent, *inline, *kept, running.caution])

    def _finish_program(self, running: Running, code: int) -> None:
        for record in running.new_steps():
            self._outbox.add(record)
        if code == 0:
            self._collect(running)

    def _collect(self, running: Running) -> None:
        """Read the metrics of a program that exited 0."""
        from pathlib import Path

        attempt = running.job["m"][0][0]
        scratch = Path(scratch_path(self._root, attempt))
        try:
            metrics = self._load().collect(stdout_tail=running.slot.tail(), scratch=scratch)
            result = {"s": "done", "m": normal_metrics(metrics)}
        except Exception as problem:  # noqa: BLE001 a trial's failure is data, whatever it is
            result = worker.failed(problem)
        self._outbox.add(["result", running.job["id"], {"r": [result]}])
