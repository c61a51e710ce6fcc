"""What is best: the optimum, what cannot be told from it, searches, and what a second measurement says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fairtrial.model.finding import Caution, Estimate, Interval, Needed, Verdict


@dataclass(frozen=True, slots=True)
class Candidate:
    """A condition that may be the best."""

    variant: str
    assignment: Mapping[str, Any]
    estimate: Estimate
    shrunken: float | None
    """Empirical Bayes estimate of its mean: the raw mean drawn towards the grand mean by its noise."""
    gap: Interval | None
    """Simultaneous interval of how much worse than the best it is (0 or more)."""
    best: bool
    """It cannot be told from the best."""
    feasible: bool | None = None
    """It keeps the service levels (None: not shown either way, or there are none)."""
    pareto: bool = False
    """No other condition is better in every metric with a direction."""
    others: Mapping[str, float] = field(default_factory=dict)
    """Means of the other metrics with a direction, of a condition of the Pareto set."""


@dataclass(frozen=True, slots=True)
class Again:
    """A candidate measured again on fresh seeds."""

    variant: str
    assignment: Mapping[str, Any]
    first: Estimate
    again: Estimate
    regression: float | None
    """First mean less second mean, signed so that + means that the first was too good; None where one is missing."""
    interval: Interval | None
    run: int
    """The run that measured it again."""


@dataclass(frozen=True, slots=True)
class OptimumFinding:
    """Which condition is best."""

    metric: str
    direction: str
    candidates: tuple[Candidate, ...]
    """Best raw mean first, infeasible and incomplete ones last."""
    told: int
    """Conditions that are told from the best."""
    curse: float | None
    """By how much the raw best is expected to be too good (raw less shrunken, signed so that + is too good)."""
    pareto: tuple[int, ...]
    """Indices of the candidates of the Pareto set, where several metrics have a direction."""
    infeasible: int
    again: tuple[Again, ...]
    needed: Needed
    verdict: Verdict
    """Of: one condition is the best."""
    answer: str
    cautions: tuple[Caution, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """The values of a parameter over the near-best conditions."""

    low: float | None
    high: float | None
    levels: tuple[Any, ...] = ()
    """For a parameter without order."""


@dataclass(frozen=True, slots=True)
class SearchFinding:
    """The summary of a search."""

    metric: str
    direction: str
    completed: int
    pruned: int
    failed: Mapping[str, int]
    """Failure class -> count."""
    best: Candidate | None
    top: int
    top_mean: float | None
    top_sd: float | None
    all_mean: float | None
    all_sd: float | None
    """Over completed trials only."""
    peak_gap: float | None
    """Best less the mean of the top."""
    margin: float
    """What counts as near the best, in the metric's unit."""
    near: tuple[Candidate, ...]
    ranges: Mapping[str, Span]
    """Parameter -> its span over the near-best set."""
    importance: Mapping[str, float] = field(default_factory=dict)
    """Parameter -> its share of the variance; without those of which too few conditions tell."""
    again: tuple[Again, ...] = ()
    verdict: Verdict = Verdict.INCONCLUSIVE
    answer: str = ""
    cautions: tuple[Caution, ...] = ()
    needed: Needed = Needed(None)
    """Of: one condition is the best."""
    importance_interval: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the answers at a level mention a keyword."""

    level: Any
    mentions: int
    answers: int
    share: float | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class TextFinding:
    """The share of answers that mention a keyword, as a whole word, per level of a factor."""

    keyword: str
    table: str
    column: str
    factor: str
    shares: tuple[Share, ...]
    p: float | None
    """Permutation of trials between levels; None where it cannot be tested."""
    verdict: Verdict
    answer: str
    cautions: tuple[Caution, ...] = ()
    needed: Needed = Needed(None)
    """Between the shares of two levels: the smallest difference seen with power 0.8; replicates that settle it."""


@dataclass(frozen=True, slots=True)
class ClaimFinding:
    """A claim of `expect:` and its verdict."""

    claim: str
    """As the study says it."""
    verdict: Verdict
    answer: str
    estimate: float | None = None
    interval: Interval | None = None
    p: float | None = None
    p_adjusted: float | None = None
    """Holm over the claims of the study."""
    needed: Needed = Needed(None)
