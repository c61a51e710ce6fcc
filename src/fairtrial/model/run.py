"""A run and its trials as the book tells them: what reading verbs show and analyses read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fairtrial.model.outcome import Captured, Failure, Status, Usage
from fairtrial.model.trial import Role


@dataclass(frozen=True, slots=True)
class Run:
    """One recorded execution of a study."""

    number: int
    study: str
    state: str
    """open | finished | interrupted | cancelled | budget (open with a dead driver reads as interrupted)"""
    created: float
    updated: float
    document: Mapping[str, Any]
    """The study as last amended."""
    system: str
    """The system's name."""
    live: bool = False
    done: int = 0
    """Trials with a result."""
    failed: int = 0
    reused: int = 0
    """Of those done."""
    retired: int = 0
    planned: int | None = None
    """Trials of the plan; None where it is not counted."""
    tags: tuple[str, ...] = ()
    system_digest: bytes = b""
    """Digest of the system's identity: another one opens a new run."""
    pruned: int = 0
    """Trials that a strategy ended early: settled, without a result."""

    @property
    def settled(self) -> int:
        """Count the trials that are not run again: done, pruned or failed."""
        return self.done + self.pruned + self.failed


@dataclass(frozen=True, slots=True)
class TrialRow:
    """A trial as a member of a run."""

    run: int
    number: int
    """1, 2, 3 … within the run: `3.17` names trial 17 of run 3."""
    digest: bytes
    variant: str
    assignment: Mapping[str, Any]
    replicate: int
    seed: int
    status: Status | None
    """None: not settled yet."""
    attempt: int | None
    """The attempt that settled it."""
    reused_from: int | None = None
    """The run that measured it, where this one did not."""
    retired: bool = False
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """An attempt as the book keeps it."""

    id: int
    run: int
    trial: bytes
    number: int
    """1, 2, 3 … of its trial within the run."""
    role: Role
    status: Status
    started: float
    ended: float | None
    usage: Usage
    failure: Failure | None
    metrics: Mapping[str, float | None]
    pid: int
    cautions: tuple[str, ...] = ()
    captured: Captured = Captured()
    batch: int = 1


@dataclass(frozen=True, slots=True)
class Measurements:
    """The settled trials of a run, columnar: every sequence has one entry a trial, in trial-number order."""

    run: int
    number: Sequence[int]
    variant: Sequence[str]
    replicate: Sequence[int]
    seed: Sequence[int]
    status: Sequence[str]
    failure: Sequence[str]
    """Failure class, '' for none."""
    factors: Mapping[str, Sequence[Any]]
    """Path -> values; ABSENT where a trial lacks the factor."""
    metrics: Mapping[str, Sequence[float]]
    """Name -> float64 values, NaN where undefined or failed."""
    wall_s: Sequence[float] = ()
    cpu_s: Sequence[float] = ()
    peak_bytes: Sequence[int] = ()
    condition: Sequence[int] = ()
    """Numbers of conditions: trials of one number share variant and factors; empty where nobody numbered them."""
    attempt: Sequence[int | None] = ()
    """Ids of the attempts that settled the trials; empty where nobody knows them."""

    def __len__(self) -> int:
        return len(self.number)


Label = tuple[str, Mapping[str, Any]]
"""Variant and assignment of a condition."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A settled trial without a result: its place among the settled ones, from 0, and why."""

    place: int
    status: str
    failure: str = ""
    """Failure class, '' for none."""


@dataclass(frozen=True, slots=True)
class Results:
    """What the settled trials of a run came to, columnar, in trial-number order: all that ranks its conditions."""

    condition: Sequence[int]
    """Trials share a number exactly where they are of one condition."""
    metrics: Mapping[str, Sequence[float]]
    """Name -> float64 values, NaN where undefined or not done."""
    lost: Sequence[Lost]
    """The trials that are not done."""
    labels: Callable[[Sequence[int]], Sequence[Label]]
    """Give the labels of some conditions, in their order; asks the book, so only while it is open."""
    factors: Callable[[], Collection[str]]
    """Give the paths of all factors; asks the book too."""


@dataclass(frozen=True, slots=True)
class History:
    """What the book knows of how long a system's trials take and how much memory they need."""

    trials: int = 0
    wall_mean_s: float | None = None
    wall_sd_s: float | None = None
    peak_bytes: int | None = None
    """The 95th percentile of the peaks."""
