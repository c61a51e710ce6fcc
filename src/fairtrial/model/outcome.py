"""What came back: metrics or a failure with its class, and what the attempt used. Failure is data, never a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Status(StrEnum):
    """How an attempt ended, or that it has not."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PRUNED = "pruned"
    LOST = "lost"
    """In flight when its driver died: neither a result nor the trial's fault; simply run again."""


class FailureClass(StrEnum):
    """Why an attempt failed; each class has its own retry budget."""

    OOM = "oom"
    TIMEOUT = "timeout"
    CRASH = "crash"
    EXCEPTION = "exception"
    BAD_RESULT = "bad_result"
    INFRA = "infra"
    INVALID = "invalid"
    """Measured, and not to be believed: the harness was late or starved, or its own cost is what was measured."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed."""

    kind: FailureClass
    message: str
    """One line."""
    detail: str = ""
    """The traceback, or the end of stderr."""
    exit_code: int | None = None
    signal: int | None = None
    limiter: str = ""
    """What acted: '' | 'wall' | 'cgroup2' | 'cgroup1' | 'watchdog' | 'kernel'"""
    overshoot_bytes: int = 0
    """How far past the memory limit it was seen."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What an attempt used. A member of a batch gets its share."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_bytes: int = 0
    """Peak memory of the process tree, the parent's share taken off."""
    spin_before_s: float | None = None
    spin_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Produced:
    """A file that an attempt left: a raw table or an artifact, still in its scratch folder."""

    kind: str
    """table | file"""
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Captured:
    """What a process wrote: the bytes where they are few, else the path of the file that was kept."""

    stdout: bytes = b""
    stderr: bytes = b""
    stdout_path: str = ""
    stderr_path: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one member of a task ended."""

    attempt: int
    status: Status
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    """None is an undefined value (NaN, infinite, or said to be missing): counted, never a number."""
    failure: Failure | None = None
    usage: Usage = Usage()
    captured: Captured = Captured()
    produced: tuple[Produced, ...] = ()
    cautions: tuple[str, ...] = ()
    batch: int = 1
    """How many members the process ran: limits held for all of them together."""
