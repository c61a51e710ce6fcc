"""A process that the parent of trials has started: its limits, its end, and the steps that a program writes."""

# ruff: noqa: PTH108
# (no pathlib in what the parent of trials loads: every fork would copy its pages)

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

from fairtrial.execute.machine.limits import Cgroup, Meter, kernel_kills
from fairtrial.execute.machine.linux import kill, kill_session
from fairtrial.execute.trial.context import LAST_STEP
from fairtrial.execute.trial.slots import Slot
from fairtrial.execute.trial.wire import Record

GRACE_S = 2.0
"""Between SIGTERM and SIGKILL."""
STEP_LINE_BYTES = 1 << 20


class Running:
    """One trial's process, or one persistent worker."""

    __slots__ = (
        "answers",
        "caution",
        "group",
        "group_kills",
        "job",
        "kill_at",
        "limiter",
        "meter",
        "overshoot_bytes",
        "pid",
        "program",
        "slot",
        "steps",
        "why",
    )

    def __init__(self, job: dict[str, Any], slot: Slot, *, program: bool) -> None:
        self.job, self.slot, self.program = job, slot, program
        self.pid = self.group_kills = self.overshoot_bytes = 0
        self.answers = -1
        self.why = self.limiter = self.caution = ""
        self.group: Cgroup | None = None
        self.meter: Meter | None = None
        self.steps: StepFile | None = None
        self.kill_at: float | None = None

    def stop(self, why: str, *, limiter: str = "", gently: bool = False) -> None:
        """End it: SIGTERM and a grace period where that is asked for or it is a program, else SIGKILL."""
        if self.why:
            return
        self.why, self.limiter = why, limiter
        if why == "oom" or not (gently or self.program):
            kill_session(self.pid, signal.SIGKILL)
            return
        self.kill_at = time.monotonic() + GRACE_S
        if self.program:
            kill_session(self.pid, signal.SIGTERM)
        else:
            kill(self.pid, signal.SIGTERM)

    def check(self, now: float, share_bytes: int) -> None:
        """Hold the limits: called ten times a second."""
        deadline = self.job["deadline"]
        if self.kill_at is not None and now >= self.kill_at:
            kill_session(self.pid, signal.SIGKILL)
        elif deadline is not None and now >= deadline:
            self.stop("timeout", limiter="wall")
        if self.meter is None:
            limit = None if self.group else self.job["mem"]
            self.meter = Meter(self.pid, share_bytes=share_bytes, limit_bytes=limit)
        past = self.meter.overshoot()
        if past and not self.why:
            self.overshoot_bytes = past
            self.stop("oom", limiter="watchdog")

    def close(self) -> None:
        """Close what is kept open for a process that is gone."""
        if self.meter is not None:
            self.meter.close()
        if self.steps is not None:
            self.steps.close()
        if self.answers >= 0:
            os.close(self.answers)
            self.answers = -1

    def blame_memory(self, code: int, kernel_kills_before: int) -> None:
        """Find out whether the kernel ended it, or a part of it, for want of memory.

        `kernel_kills_before` is how often the kernel had done so to anybody a moment earlier.
        """
        killed = code == -signal.SIGKILL and not self.why
        if self.group is not None and self.group.kills() > self.group_kills:
            self.limiter = self.group.limiter
            self.caution = "a process of the trial was killed at the memory limit"
            if killed or code != 0:
                self.why = self.why or "oom"
        elif killed and self.group is None and kernel_kills() > kernel_kills_before:
            self.why, self.limiter = "oom", "kernel"

    def peak_bytes(self, largest_bytes: int) -> int:
        """Return the peak: of its largest process, or of the tree as far as it was seen."""
        return max(0, largest_bytes, self.meter.peak_bytes if self.meter else 0)

    def new_steps(self, most: int | None = None) -> list[Record]:
        """Return a record for each step that a program has written since the last call, in at most so many bytes."""
        return list(self.steps.read(self.job["m"][0][0], most=most)) if self.steps else []


class StepFile:
    """Follows the file to which a program appends one JSON object a step."""

    def __init__(self, path: str) -> None:
        with open(path, "wb"):
            self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._rest = b""
        self._next = 0

    def read(self, attempt: int, *, most: int | None = None) -> Iterator[Record]:
        """Yield a record for each whole line that is new, of at most so many bytes; what is no step is passed over."""
        left = sys.maxsize if most is None else most
        while left > 0 and (chunk := os.read(self._descriptor, min(left, STEP_LINE_BYTES))):
            left -= len(chunk)
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            if len(self._rest) > STEP_LINE_BYTES:
                self._rest = b""
            for line in lines:
                metrics = _step(line)
                if metrics is None:
                    continue
                step = int(metrics.pop("step", self._next) or 0)
                if abs(step) < LAST_STEP:
                    self._next = step + 1
                    yield ["step", attempt, step, metrics]

    def close(self) -> None:
        """Close and remove."""
        os.close(self._descriptor)
        os.unlink(self.path)


def _step(line: bytes) -> dict[str, float | None] | None:
    import json

    from fairtrial.errors import BadResult
    from fairtrial.execute.trial.context import normal_metrics

    try:
        return normal_metrics(json.loads(line))
    except (ValueError, BadResult):
        return None
