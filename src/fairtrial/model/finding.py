"""What is concluded: estimates with their intervals, by condition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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


@dataclass(frozen=True, slots=True)
class ConditionFinding:
    """A condition with an estimate for each metric, and why trials are missing."""

    variant: str
    assignment: Mapping[str, Any]
    trials: int
    estimates: Mapping[str, Estimate]
    failures: Mapping[str, int] = field(default_factory=dict)
    """Failure class -> count."""
