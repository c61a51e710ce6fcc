"""What a study expects and asks for beyond its trials: claims, service levels, margins, confirmation, replication."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fairtrial.model.rule import Rule


class ClaimKind(StrEnum):
    """The closed grammar of `expect`."""

    INCREASES = "increases"
    DECREASES = "decreases"
    FLAT = "is flat"
    EXCEEDS = "exceeds"
    """A.M > B.M [by X | X%]"""
    THRESHOLD = "has a threshold"
    BELOW = "is below"
    """M < X [when RULE]"""
    CROSS = "cross"


@dataclass(frozen=True, slots=True)
class Margin:
    """A size of difference: a share (0.05 is 5 %) where `relative`, else in the metric's unit."""

    value: float
    relative: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """One line of `expect`. Which fields are filled follows from the kind."""

    text: str
    """As the study says it."""
    kind: ClaimKind
    metric: str = ""
    """'' for `A and B cross in F` in a study with one directed metric: that one."""
    factor: str = ""
    arms: tuple[str, ...] = ()
    """The one with the larger value, then the other; for a crossing the two."""
    margin: Margin | None = None
    near: float | None = None
    limit: float | None = None
    when: Rule | None = None


@dataclass(frozen=True, slots=True)
class Clause:
    """A service level: a metric and the bound that it keeps."""

    metric: str
    bound: str
    """max | min"""
    limit: float

    def __str__(self) -> str:
        return f"{self.metric} {'<=' if self.bound == 'max' else '>='} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """A metric that gates, and by how much it may be worse."""

    metric: str
    worse_by: Margin


@dataclass(frozen=True, slots=True)
class Confirm:
    """How many of the best conditions are measured again, and how often each."""

    top: int = 3
    replicates: int = 10


@dataclass(frozen=True, slots=True)
class Until:
    """Adaptive replication: replicate a condition until its interval is narrow enough."""

    least: int
    most: int
    metric: str
    half_width: Margin


@dataclass(frozen=True, slots=True)
class Place:
    """A study's place in a programme."""

    phase: str = ""
    item: int | None = None
    stage: str = ""
    source: str = ""
