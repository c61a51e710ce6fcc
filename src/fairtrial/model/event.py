"""What happened, in order: the events that a journal appends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fairtrial.model.outcome import Outcome
from fairtrial.model.trial import Role, Trial


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """A trial's attempt was handed to a process."""

    attempt: int
    run: int
    trial: Trial
    role: Role
    at: float
    """Unix time in seconds."""
    pid: int = 0
    pid_started: float = 0.0
    stdout_path: str = ""
    """Where its output can be followed while it runs, when known."""
    stderr_path: str = ""


@dataclass(frozen=True, slots=True)
class StepLogged:
    """One step of an attempt's series."""

    attempt: int
    step: int
    metrics: Mapping[str, float | None]
    at: float


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """An attempt ended; `counts` says whether its trial is settled by it (done, or failed with no retries left)."""

    run: int
    outcome: Outcome
    at: float
    settles: bool = True


@dataclass(frozen=True, slots=True)
class Acted:
    """Somebody did something: an entry of the action log."""

    verb: str
    at: float
    who: str = ""
    why: str = ""
    command: tuple[str, ...] = ()
    run: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


Event = AttemptStarted | StepLogged | AttemptEnded | Acted
