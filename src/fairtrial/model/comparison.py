"""Two runs side by side: what changed, whether it is worse, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fairtrial.model.finding import Caution, Estimate, Interval, Needed


class Gate(StrEnum):
    """The verdict of a gate."""

    PASS = "PASS"  # noqa: S105
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"


class Status(StrEnum):
    """What became of one metric of one condition."""

    OK = "OK"
    REGRESS = "REGRESS"
    IMPROVED = "IMPROVED"
    UNCLEAR = "UNCLEAR"
    INVALID = "INVALID"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two runs."""

    run: int
    study: str
    created: float
    machine: str
    """Machine and processor in words; machines of one label are alike."""
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One metric of one condition, baseline against current."""

    metric: str
    variant: str
    assignment: Mapping[str, Any]
    gating: bool
    """It decides; otherwise it is shown and never fails anything."""
    baseline: Estimate
    current: Estimate
    difference: float | None
    """Current mean less baseline mean, in the metric's unit."""
    change: float | None
    """Relative to the baseline; None where that is not positive."""
    worse: Interval | None
    """How much worse the current run is, + is worse: a share (of ratios) or, where `absolute`, in the metric's unit."""
    absolute: bool
    margin: float
    """Practical margin: worse by no more than this is as good."""
    p: float | None
    """One-sided: no worse."""
    p_adjusted: float | None
    """Holm over the gating family; Benjamini-Hochberg over the others."""
    superiority: float | None
    """Probability that a current value is worse than a baseline one (0.5: no difference)."""
    rounds: int
    """Pairs, or the smaller number of replicates."""
    needed: Needed
    status: Status
    why: str = ""
    """Why it is invalid or unclear."""
    unit: str = ""
    """The metric's."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs compared: the verdict is the same whichever verb asks."""

    baseline: Side
    current: Side
    mode: str
    """interleaved | confirmed | cross-time"""
    changes: tuple[Change, ...]
    unlike: tuple[str, ...]
    """What differs between the machines or the software: a label, no reason to refuse."""
    verdict: Gate
    answer: str
    alpha: float
    looks: int = 1
    """Interim looks that shared the error rate."""
    false_alarms: FalseAlarms | None = None
    next_command: str = ""
    """The command that settles it; '' where it is settled."""
    cautions: tuple[Caution, ...] = ()


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """How often this gate fails an unchanged system here, by resampling the stored differences of the same thing."""

    alarms: int
    repeats: int
    interval: Interval
    pairs: int
    """Stored differences that it rests on."""
    band: float | None = None
    """95th percentile of the absolute mean difference of that many rounds."""


@dataclass(frozen=True, slots=True)
class Null:
    """Differences between two runs of the same thing, signed log ratios (or plain differences), + is worse."""

    machine: str
    system: str
    metric: str
    absolute: bool
    differences: tuple[float, ...]
    run: int


@dataclass(frozen=True, slots=True)
class Shift:
    """A change point in the history of a metric: advisory."""

    metric: str
    variant: str
    assignment: Mapping[str, Any]
    before: tuple[int, float]
    """Last run before it, and when that was made."""
    after: tuple[int, float]
    change: float
    """Relative change of the mean."""
    p: float
    p_adjusted: float
