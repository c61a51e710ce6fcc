"""Where the parent forks: slots, memory groups, and the first steps of a child."""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from typing import Any, NoReturn

from fairtrial.execute import trial, worker
from fairtrial.execute.limits import Cgroups, Meter, resident_bytes
from fairtrial.execute.linux import Kernel
from fairtrial.execute.running import Running, StepFile
from fairtrial.execute.slots import Slot
from fairtrial.execute.warm import Imports
from fairtrial.execute.wire import Record, Wire


class Nursery:
    """Forks trials and persistent workers, each in a slot of its own."""

    def __init__(self, config: dict[str, Any], wire: Wire, kernel: Kernel, imports: Imports) -> None:
        self._config, self._wire, self._kernel, self._imports = config, wire, kernel, imports
        self._root: str = config["root"]
        self._load = worker.loader(config)
        self._free: list[Slot] = []
        self._slots = 0
        self._groups: Cgroups | None = None
        self._pid = os.getpid()
        self.measure()

    def measure(self) -> None:
        """Freeze what is loaded, so that children share it, and note how much that is."""
        gc.collect()
        gc.freeze()
        self._module_count = self._imports.count
        self._resident_bytes = resident_bytes()

    @property
    def share_bytes(self) -> int:
        """The parent's resident size, which a child that stays forked shares; 0 where it execs something else."""
        return 0 if self._config["executes"] or self._config["fresh"] else self._resident_bytes

    def fork(self, job: dict[str, Any], socket: int | None = None) -> Running:
        """Start a trial, or with a socket a persistent worker."""
        running = self._prepared(job)
        read_end = -1
        if job.get("watched") and not running.program:
            read_end, running.answers = os.pipe()
        job["began"] = time.monotonic()
        job["deadline"] = None if job.get("wall") is None else job["began"] + job["wall"]
        running.pid = os.fork()
        if running.pid == 0:
            self._child(running, read_end, socket)
        if read_end >= 0:
            os.close(read_end)
        if socket is not None:
            os.close(socket)
        limit = None if running.group else job.get("mem")
        running.meter = Meter(running.pid, share_bytes=self.share_bytes, limit_bytes=limit)
        return running

    def release(self, running: Running) -> None:
        """Take a slot back."""
        self._free.append(running.slot)

    def _prepared(self, job: dict[str, Any]) -> Running:
        if not self._free:
            self._slots += 1
            self._free.append(Slot(self._root, str(self._slots)))
        running = Running(job, self._free.pop(), program=self._config["executes"] and "worker" not in job)
        if job.get("mem") is not None:
            running.group = self._group(running.slot.name, job["mem"])
            running.group_kills = running.group.kills() if running.group else 0
        if running.program:
            job["folder"] = self._config["folder"]
            running.steps = StepFile(f"{self._root}/slots/{running.slot.name}.steps")
            job["steps"] = running.steps.path
        return running

    def _group(self, slot: str, limit_bytes: int) -> Any:
        if self._groups is None:
            self._groups = Cgroups(self._config["groups"])
        group = self._groups.slot(slot)
        if group is not None:
            group.limit(limit_bytes)
        return group

    def _child(self, running: Running, answers: int, socket: int | None) -> NoReturn:
        code = trial.CRASHED
        try:
            trial.own_process(self._kernel, self._pid, "ft-worker" if socket is not None else "ft-trial")
            trial.own_slot(running.slot, running.job.get("gpus") or [])
            if running.group is not None:
                running.group.enter()
            gc.enable()
            self._work(running, answers if answers >= 0 else None, socket)
            code = 0
        except BaseException as problem:  # noqa: BLE001 printed on the trial's stderr
            sys.excepthook(type(problem), problem, problem.__traceback__)
        trial.leave(code)

    def _work(self, running: Running, answers: int | None, socket: int | None) -> None:
        job = running.job
        if socket is not None:
            from fairtrial.execute.persistent import serve

            serve(self._load, Wire(socket, f"{self._root}/slots"), running.slot, root=self._root)
        elif running.program:
            trial.become_program(self._load, job, root=self._root, wire=self._wire)
        elif self._config["fresh"]:
            path = f"{self._root}/slots/{running.slot.name}.job"
            with open(path, "w", encoding="utf-8") as file:
                json.dump(job, file)
            trial.become_interpreter(self._config["file"], path, self._wire, answers)
        else:
            records = trial.run_function(self._load, job, root=self._root, wire=self._wire, answers=answers)
            self._wire.send(records + self._news())

    def _news(self) -> list[Record]:
        """Name the modules that this child had to import itself."""
        if self._imports.count == self._module_count:
            return []
        return [["modules", missing]] if (missing := self._imports.missing()) else []
