"""What a book in memory holds: runs with their members, attempts with what came of them, actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fairtrial.model.event import Acted, AttemptStarted
from fairtrial.model.outcome import Outcome, Status
from fairtrial.model.run import Run
from fairtrial.model.trial import Trial


@dataclass(slots=True)
class Attempt:
    """An attempt and everything that came of it."""

    started: AttemptStarted
    driver: int
    number: int
    status: Status = Status.RUNNING
    ended: float | None = None
    outcome: Outcome | None = None
    steps: list[tuple[int, Mapping[str, float | None]]] = field(default_factory=list)


@dataclass(slots=True)
class Member:
    """A trial as a member of a run."""

    number: int
    trial: Trial
    status: Status | None = None
    attempt: int | None = None
    reused_from: int | None = None
    retired: bool = False


@dataclass(slots=True)
class Kept:
    """A run with its members."""

    run: Run
    identity: Mapping[str, Any]
    metrics: tuple[str, ...]
    members: dict[bytes, Member] = field(default_factory=dict)
    provenance: list[Mapping[str, Any]] = field(default_factory=list)
    driver: int = 0
    """The driver that may write; 0: none."""

    def join(self, trial: Trial) -> Member:
        """Make a trial a member, unless it is one."""
        if trial.digest not in self.members:
            self.members[trial.digest] = Member(len(self.members) + 1, trial)
        return self.members[trial.digest]


@dataclass(slots=True)
class Memory:
    """What a book in memory holds."""

    runs: dict[int, Kept] = field(default_factory=dict)
    attempts: dict[int, Attempt] = field(default_factory=dict)
    actions: list[Acted] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    drivers: int = 0

    def newest(self, study: str) -> Kept | None:
        """Return a study's newest run."""
        return next((kept for _, kept in sorted(self.runs.items(), reverse=True) if kept.run.study == study), None)

    def lose(self, driver: int) -> None:
        """Mark what a driver left running as lost."""
        for attempt in self.attempts.values():
            if attempt.driver == driver and attempt.status is Status.RUNNING:
                attempt.status = Status.LOST
