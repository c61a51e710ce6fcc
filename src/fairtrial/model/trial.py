"""What will be run: conditions and trials, the parts of their identity, and tasks as engines get them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fairtrial.model.identity import trial_digest


class Role(StrEnum):
    """Why an attempt is made: only a `trial` counts."""

    TRIAL = "trial"
    WARMUP = "warmup"
    SENTINEL = "sentinel"


@dataclass(frozen=True, slots=True)
class Condition:
    """One assignment of all factors, resolved to full parameters."""

    variant: str
    assignment: Mapping[str, Any]
    """Dotted path -> value, for the active factors, in declared order."""
    parameters: Mapping[str, Any]
    """The full resolved parameters (nested JSON); a secret stands as its reference, never as its value."""
    digest: bytes
    """Digest of the parameters that enter identity (16 bytes)."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Condition x replicate."""

    condition: Condition
    replicate: int
    seed: int
    system: bytes
    """Digest of what the system says of its own identity (name, version, code)."""
    inputs: bytes
    """Digest of the inputs' digests."""
    position: int = 0
    """Place in the plan, from 0."""
    digest: bytes = b""

    def __post_init__(self) -> None:
        if not self.digest:
            made = trial_digest(self.system, self.condition.digest, self.inputs, self.seed)
            object.__setattr__(self, "digest", made)


@dataclass(frozen=True, slots=True)
class Member:
    """One trial inside a task: its attempt's id, what to measure and with which seed."""

    attempt: int
    parameters: Mapping[str, Any]
    seed: int


@dataclass(frozen=True, slots=True)
class Task:
    """What an engine is given to run in one process: one member, or several for `run_many`."""

    id: int
    """The first member's attempt id."""
    members: tuple[Member, ...]
    wall_s: float | None = None
    memory_bytes: int | None = None
    cpus: float = 1.0
    gpus: tuple[int, ...] = ()
    """Indices of the GPUs that are this task's for its duration (CUDA_VISIBLE_DEVICES)."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Input name -> path."""
    share: str = ""
    """Key of the shared resource it needs ('' for none); the engine keeps one keeper per key."""
    share_scope: str = ""
    """'run' or 'condition': what the keeper serves."""
    watched: bool = False
    """A strategy judges its series: `context.log` waits for the answer."""
    timing: bool = False
    """Take the fixed CPU loop before and after, and report both (`Usage.spin_before_s`, `spin_after_s`)."""
