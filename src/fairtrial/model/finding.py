"""What is concluded: estimates with their intervals, verdicts, and reasons to doubt them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What became of a claim or a question."""

    SUPPORTED = "supported"
    NOT_SUPPORTED = "not supported"
    INCONCLUSIVE = "inconclusive"


class CautionKind(StrEnum):
    """Why a conclusion may be wrong: a closed list."""

    FEW_REPLICATES = "few replicates"
    CENSORED = "failures censor the result"
    INCOMPLETE = "incomplete"
    DRIFT = "drift"
    ORDER = "order effect"
    HEAVY_TAILS = "heavy tails"
    NEAR_FLOOR = "near the harness's floor"
    NOISY_MACHINE = "noisy machine"
    INERT_FACTOR = "inert factor"
    SELECTION = "selection among many"
    EXTRAPOLATION = "extrapolation"
    UNBALANCED = "unbalanced design"
    EDGE = "at the edge of the range"
    DEGENERATE = "no variation"
    ECHO = "echo of the prompt"


@dataclass(frozen=True, slots=True)
class Caution:
    """A reason to doubt a conclusion, and what to do about it."""

    kind: CautionKind
    text: str
    """What was seen, with its number: one sentence."""
    advice: str
    """What to do: one sentence, a command where one exists."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval and the method that made it."""

    low: float
    high: float
    level: float
    method: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric over the replicates of a condition; numbers are None where too few values allow them."""

    metric: str
    n: int
    missing: int
    mean: float | None = None
    sd: float | None = None
    median: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    interval: Interval | None = None
    quantiles: Mapping[float, float] = field(default_factory=dict)
    """Probability -> quantile; empty unless they were asked for."""


@dataclass(frozen=True, slots=True)
class ConditionFinding:
    """A condition with an estimate for each metric, and why trials are missing."""

    variant: str
    assignment: Mapping[str, Any]
    trials: int
    estimates: Mapping[str, Estimate]
    failures: Mapping[str, int] = field(default_factory=dict)
    """Failure class -> count."""


@dataclass(frozen=True, slots=True)
class Point:
    """A metric at one level of a factor, the other factors averaged with equal weight; blocks are replicates."""

    level: Any
    x: float
    """The level as a number; its place 0, 1, … where levels are no numbers."""
    values: tuple[float, ...]
    """One value a replicate (mean over the other factors), in replicate order; NaN where one is missing."""
    n: int
    """Values that are numbers."""
    missing: int
    """Trials at this level without a value."""
    mean: float | None
    sd: float | None
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class Needed:
    """What would settle an open question."""

    smallest_effect: float | None
    """Smallest effect that this design detects with power 0.8, in the metric's unit; None where it cannot be said."""
    replicates: int | None = None
    """Replicates a condition that would settle it; None where nothing would, or none are needed."""


@dataclass(frozen=True, slots=True)
class Variation:
    """The same question with the analysis done a little differently."""

    what: str
    """'without replicate 2', 'median instead of mean'."""
    same: bool
    answer: str
    """The best condition then, in words."""
