"""The contract of an engine: where tasks run. Every engine runs the same worker on the same tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from fairtrial.contract.system import System, Target
from fairtrial.model.outcome import Outcome
from fairtrial.model.trial import Task


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What an engine is opened with."""

    jobs: int
    scratch: Path
    """Folder for slot files and scratch folders; the engine makes it and what lies below."""
    mark: str
    """Stands in every process's environment as FAIRTRIAL_MARK, so that orphans of this book can be found."""
    workers: str = "isolated"
    isolate: str = "auto"
    threads: int = 1
    """Cap for the thread pools of numeric libraries in each trial."""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Started:
    """A task got a process."""

    task: int
    pid: int
    pid_started: float


@dataclass(frozen=True, slots=True)
class Stepped:
    """A member logged a step."""

    attempt: int
    step: int
    metrics: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Ended:
    """A task ended, with an outcome for each member. Comes exactly once for each submitted task."""

    task: int
    outcomes: tuple[Outcome, ...]
    retry_alone: bool = False
    """A batch failed as a whole: its members are to run one by one, and this costs them no retry."""


Report = Started | Stepped | Ended


class Session(Protocol):
    """An engine at work on one target."""

    cautions: tuple[str, ...]
    """What the reader must know (such as 'the system started threads on import: fresh interpreters')."""

    def room(self) -> int:
        """Return how many more tasks it takes now (it may queue a few ahead of its jobs)."""

    def submit(self, task: Task) -> None:
        """Take a task. Never blocks on the task."""

    def poll(self, timeout_s: float) -> Sequence[Report]:
        """Return what happened since the last call, waiting up to the time-out for the first report."""

    def stop(self, task: int, reason: str) -> None:
        """End a task: reason is 'cancelled', 'pruned' (SIGTERM to a command) or 'timeout'. Unknown ids are ignored."""

    def answer(self, attempt: int, step: int, *, stop: bool) -> None:
        """Answer a watched member's step: go on, or be pruned."""

    def resize(self, jobs: int) -> None:
        """Change how many tasks run at once; running ones go on."""

    def fileno(self) -> int | None:
        """Return a descriptor that turns readable when `poll` has something; None where there is none."""

    def close(self, *, kill: bool) -> None:
        """End: wait for nothing when `kill`; leave no process and no resource behind. May be called twice."""


@runtime_checkable
class Gathers(Protocol):
    """A session that sends several submitted tasks at once: it may wait for `flush` (or `poll`) before it sends any."""

    def flush(self) -> None:
        """Send on what was submitted."""


@runtime_checkable
class Engine(Protocol):
    """Where tasks run."""

    name: str

    def open(self, system: System, target: Target, settings: EngineSettings) -> Session:
        """Start. Raises MissingPart where something it needs is not there."""
