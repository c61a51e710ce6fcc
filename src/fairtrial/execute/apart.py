"""One trial in a fresh interpreter and a process group of its own, with files in place of sockets (see `portable`)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fairtrial.execute.tree.ending import Exit
from fairtrial.execute.tree.running import GRACE_S, StepFile
from fairtrial.execute.trial import worker
from fairtrial.execute.trial.child import BOOT, package_root
from fairtrial.execute.trial.context import normal_metrics, scratch_path
from fairtrial.execute.trial.slots import Slot, drop
from fairtrial.execute.trial.wire import Frames, Record, save
from fairtrial.model.outcome import Captured


class Apart:
    """A running trial."""

    def __init__(self, job: dict[str, Any], config: Mapping[str, Any], slot: Slot, env: Mapping[str, str]) -> None:
        self.slot = slot
        self.answer: dict[str, Any] | None = None
        self._job, self._config, self._root = job, config, str(config["root"])
        self._why = ""
        self._kill_at: float | None = None
        base = f"{self._root}/slots/{slot.name}"
        self._steps, self._frames = StepFile(f"{base}.steps"), Frames(f"{base}.{job['id']}.frames")
        job |= {"steps": f"{base}.steps", "folder": config["folder"], "began": time.monotonic()}
        job["deadline"] = None if job["wall"] is None else job["began"] + job["wall"]
        save(f"{base}.job", job)
        gpus = {"CUDA_VISIBLE_DEVICES": ",".join(map(str, job["gpus"]))} if job["gpus"] else {}
        arguments = [str(config["file"]), f"{base}.job", f"{base}.{job['id']}.frames", ""]
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", BOOT.format("trial.fresh"), package_root(), *arguments],
            env=dict(env) | gpus,
            stdin=subprocess.DEVNULL,
            stdout=slot.descriptors[0],
            stderr=slot.descriptors[1],
            start_new_session=True,
        )

    def stop(self, why: str) -> None:
        """End it: SIGTERM and a grace period, but SIGKILL for a function past its deadline."""
        if self._why:
            return
        self._why = why
        gently = self._config["executes"] or why != "timeout"
        self._kill_at = time.monotonic() + GRACE_S
        self._signal(signal.SIGTERM if gently else signal.SIGKILL)

    def check(self) -> Iterator[Record]:
        """Hold the limit; yield the steps that are new."""
        now, deadline = time.monotonic(), self._job["deadline"]
        if self._kill_at is not None and now >= self._kill_at:
            self._signal(signal.SIGKILL)
        elif deadline is not None and now >= deadline:
            self.stop("timeout")
        for record in self._frames.receive():
            if record[0] == "result":
                self.answer = record[2]
            else:
                yield record
        if self._config["executes"]:
            yield from self._steps.read(self._job["m"][0][0])

    def finish(self) -> Exit:
        """After its end: kill its process group, and say how it ended."""
        code = self.process.wait()
        self._signal(signal.SIGKILL)
        if self._config["executes"] and code == 0 and not self._why and self.answer is None:
            self.answer = {"r": [self._collected()]}
        self._steps.close()
        self._frames.close()
        for member in self._job["m"]:
            drop(scratch_path(self._root, member[0]))
        inline, kept = self.slot.collect(self._job["id"])
        return Exit(
            code if code >= 0 else None,
            -code if code < 0 else None,
            self._why,
            "wall" if self._why == "timeout" else "",
            wall_s=time.monotonic() - self._job["began"],
            captured=Captured(inline[0], inline[1], kept[0], kept[1]),
        )

    def _collected(self) -> dict[str, Any]:
        try:
            scratch = Path(scratch_path(self._root, self._job["m"][0][0]))
            runner = worker.loader(self._config)()
            return {"s": "done", "m": normal_metrics(runner.collect(stdout_tail=self.slot.tail(), scratch=scratch))}
        except Exception as problem:  # noqa: BLE001 a trial's failure is data, whatever it is
            return worker.failed(problem)

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):
            return
