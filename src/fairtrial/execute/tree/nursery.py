"""Where the parent forks: slots, memory groups, and the first steps of a child."""

from __future__ import annotations

import gc
import os
import sys
import time
from typing import Any, NoReturn

from fairtrial.execute.machine.limits import Cgroups, resident_bytes
from fairtrial.execute.machine.linux import Kernel
from fairtrial.execute.tree.running import Running, StepFile
from fairtrial.execute.tree.warm import Imports
from fairtrial.execute.trial import child as trial
from fairtrial.execute.trial import worker
from fairtrial.execute.trial.seeding import Seeds, replant
from fairtrial.execute.trial.slots import Slot
from fairtrial.execute.trial.wire import Wire, save


class Nursery:
    """Forks trials and persistent workers, each in a slot of its own."""

    def __init__(self, config: dict[str, Any], wire: Wire, kernel: Kernel, imports: Imports) -> None:
        self._config, self._wire, self._kernel, self._imports = config, wire, kernel, imports
        self._root: str = config["root"]
        self._load = worker.loader(config, now=not config["fresh"])
        self._stop = trial.Stop()
        self._seeds = Seeds()
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
        if job["watched"] and not running.program:
            read_end, running.answers = os.pipe()
        if job["m"]:
            self._seeds.plant(job["m"][0][1])
        job["began"] = time.monotonic()
        job["deadline"] = None if job["wall"] is None else job["began"] + job["wall"]
        running.pid = os.fork()
        if running.pid == 0:
            self._child(running, read_end, socket)
        if read_end >= 0:
            os.close(read_end)
        if socket is not None:
            os.close(socket)
        return running

    def release(self, running: Running) -> None:
        """Take a slot back."""
        self._free.append(running.slot)

    def _prepared(self, job: dict[str, Any]) -> Running:
        if not self._free:
            self._slots += 1
            self._free.append(Slot(self._root, str(self._slots)))
        running = Running(job, self._free.pop(), program=self._config["executes"] and "worker" not in job)
        if job["mem"] is not None:
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
            self._kernel.lead_trial()
            if os.getppid() != self._pid:
                os._exit(trial.CRASHED)
            running.slot.attach()
            if running.job.get("gpus"):
                os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, running.job["gpus"]))
            if running.group is not None:
                running.group.enter()
            gc.enable()
            self._work(running, answers if answers >= 0 else None, socket)
            code = 0
        except BaseException as problem:  # noqa: BLE001 printed on the trial's stderr
            sys.excepthook(type(problem), problem, problem.__traceback__)
        trial.leave(code)

    def _work(self, running: Running, answers: int | None, socket: int | None) -> None:
        job, channel = running.job, trial.SocketChannel(self._wire, self._stop, answers)
        if socket is not None:
            from fairtrial.execute.trial.persistent import serve

            self._kernel.rename("ft-worker")
            serve(self._load, Wire(socket, f"{self._root}/slots"), running.slot, root=self._root, stop=self._stop)
        elif running.program:
            trial.become_program(self._load, job, root=self._root, channel=channel)
        elif self._config["fresh"]:
            path = f"{self._root}/slots/{running.slot.name}.job"
            save(path, job)
            trial.become_interpreter(self._config["file"], path, self._wire, answers)
        else:
            trial.unblock_signals()
            replant(job["m"][0][1])
            records = trial.run_function(self._load, job, root=self._root, channel=channel)
            if len(sys.modules) != self._module_count and (missing := self._imports.missing()):
                records.append(["modules", missing])
            self._wire.send(records)
