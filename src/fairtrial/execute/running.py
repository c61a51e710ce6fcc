"""A process that the parent of trials has started: its limits, its end, and the steps that a program writes."""

# ruff: noqa: PTH108
# (no pathlib in what the parent of trials loads: every fork would copy its pages)

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

from fairtrial.execute.limits import Cgroup, Meter, kernel_kills
from fairtrial.execute.linux import kill, kill_session
from fairtrial.execute.slots import Slot
from fairtrial.execute.wire import Record

GRACE_S = 2.0
"""Between SIGTERM and SIGKILL."""
STEP_LINE_BYTES = 1 << 20


class Running:
    """One trial's process, or one persistent worker."""

    def __init__(self, job: dict[str, Any], slot: Slot, *, program: bool) -> None:
        self.job, self.slot, self.program = job, slot, program
        self.pid = 0
        self.answers = -1
        self.group: Cgroup | None = None
        self.meter: Meter | None = None
        self.steps: StepFile | None = None
        self.why = self.limiter = self.caution = ""
        self.overshoot_bytes = 0
        self.ended_at = self.cpu_s = 0.0
        self.code: int | None = None
        self.signal: int | None = None
        self.peak_bytes = 0
        self.group_kills = 0
        self._kill_at: float | None = None

    def stop(self, why: str, *, limiter: str = "", gently: bool = False) -> None:
        """End it: SIGTERM and a grace period where that is asked for or it is a program, else SIGKILL."""
        if self.why:
            return
        self.why, self.limiter = why, limiter
        if why == "oom" or not (gently or self.program):
            kill_session(self.pid, signal.SIGKILL)
            return
        self._kill_at = time.monotonic() + GRACE_S
        if self.program:
            kill_session(self.pid, signal.SIGTERM)
        else:
            kill(self.pid, signal.SIGTERM)

    def check(self, now: float) -> None:
        """Hold the limits: called ten times a second."""
        deadline = self.job.get("deadline")
        if self._kill_at is not None and now >= self._kill_at:
            kill_session(self.pid, signal.SIGKILL)
        elif deadline is not None and now >= deadline:
            self.stop("timeout", limiter="wall")
        if self.meter is not None:
            past = self.meter.overshoot()
            if past and not self.why:
                self.overshoot_bytes = past
                self.stop("oom", limiter="watchdog")

    def ended(self, status: int, usage: Any, *, share_bytes: int, kernel_kills_before: int) -> None:
        """Take note of the end that wait4 told.

        `kernel_kills_before` is how often the kernel had run out of memory a moment earlier.
        """
        self.ended_at = time.monotonic()
        self.code, self.signal = (
            (None, os.WTERMSIG(status)) if os.WIFSIGNALED(status) else (os.WEXITSTATUS(status), None)
        )
        self.cpu_s = usage.ru_utime + usage.ru_stime
        seen = self.meter.peak_bytes if self.meter else 0
        self.peak_bytes = max(usage.ru_maxrss * 1024 - share_bytes, seen, 0)
        if self.meter:
            self.meter.close()
        if self.answers >= 0:
            os.close(self.answers)
            self.answers = -1
        self._blame_memory(kernel_kills_before)

    def _blame_memory(self, kernel_kills_before: int) -> None:
        killed = self.signal == signal.SIGKILL and not self.why
        if self.group is not None and self.group.kills() > self.group_kills:
            self.limiter = self.group.limiter
            self.caution = "a process of the trial was killed at the memory limit"
            if killed or self.code != 0:
                self.why = self.why or "oom"
        elif killed and self.group is None and kernel_kills() > kernel_kills_before:
            self.why, self.limiter = "oom", "kernel"

    def new_steps(self) -> list[Record]:
        """Return a record for each step that a program has written since the last call."""
        return list(self.steps.read(self.job["m"][0][0])) if self.steps else []

    def exit_record(self, inline: list[bytes], kept: list[str]) -> Record:
        """Return what the driver is told of the end."""
        wall_s = self.ended_at - self.job["began"]
        lengths = [len(data) for data in inline]
        how = [self.code, self.signal, self.why, self.limiter, self.overshoot_bytes]
        return ["exit", self.job["id"], *how, wall_s, self.cpu_s, self.peak_bytes, *lengths, *kept, self.caution]


class StepFile:
    """Follows the file to which a program appends one JSON object a step."""

    def __init__(self, path: str) -> None:
        with open(path, "wb"):
            self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._rest = b""
        self._next = 0

    def read(self, attempt: int) -> Iterator[Record]:
        """Yield a record for each whole line that is new; what is no step is passed over."""
        while chunk := os.read(self._descriptor, STEP_LINE_BYTES):
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            for line in lines:
                metrics = _step(line)
                if metrics is not None:
                    step = metrics.pop("step", self._next)
                    self._next = int(step or 0) + 1
                    yield ["step", attempt, self._next - 1, metrics]

    def close(self) -> None:
        """Close and remove."""
        os.close(self._descriptor)
        os.unlink(self.path)


def _step(line: bytes) -> dict[str, float | None] | None:
    from fairtrial.errors import BadResult
    from fairtrial.execute.context import normal_metrics

    try:
        return normal_metrics(json.loads(line))
    except (ValueError, BadResult):
        return None
