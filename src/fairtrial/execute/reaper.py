"""The processes under the parent of trials: their ticks, their ends, and whatever they leave behind."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

from fairtrial.execute import worker
from fairtrial.execute.context import normal_metrics, scratch_path
from fairtrial.execute.limits import TICK_S, kernel_kills
from fairtrial.execute.linux import Children, end_all, kill_strangers
from fairtrial.execute.nursery import Nursery
from fairtrial.execute.running import Running
from fairtrial.execute.slots import drop
from fairtrial.execute.wire import Outbox

STUBBORN_S = 5.0
"""How long a killed process may take to die before the next trial starts beside it."""


class Reaper:
    """Knows what runs; reports an end once nothing that the ended ones left behind lives."""

    def __init__(self, config: dict[str, Any], nursery: Nursery, outbox: Outbox) -> None:
        self._root: str = config["root"]
        self._nursery, self._outbox = nursery, outbox
        self._load = worker.loader(config)
        self._children = Children()
        self._running: dict[int, Running] = {}
        self._ending: list[Running] = []
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
            running.check(now)
            self._outbox.add(*running.new_steps())
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
                running.ended(
                    status, usage, share_bytes=self._nursery.share_bytes, kernel_kills_before=self._kernel_kills[0]
                )
                self._ending.append(running)
        self._settle()

    def end(self) -> None:
        """Kill everything, until there is no child left."""
        end_all(self._children)

    def _settle(self) -> None:
        if not self._ending:
            return
        late = time.monotonic() > self._ending[0].ended_at + STUBBORN_S
        if kill_strangers(self._children, self._running) and not late:
            return
        for running in self._ending:
            if late:
                running.caution = running.caution or "a process of the trial could not be killed"
            self._report(running)
        self._ending.clear()

    def _report(self, running: Running) -> None:
        self._outbox.add(*running.new_steps())
        if running.steps is not None:
            running.steps.close()
        if running.program and running.code == 0:
            self._collect(running)
        for member in running.job["m"]:
            drop(scratch_path(self._root, member[0]))
        self.trials -= "worker" not in running.job
        inline, kept = running.slot.collect(running.job["id"])
        self._nursery.release(running)
        self._outbox.add(running.exit_record(inline, kept), blobs=inline)

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
