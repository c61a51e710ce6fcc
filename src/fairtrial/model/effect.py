"""What factors do: marginal means, main effects, interactions, importance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fairtrial.model.finding import Caution, Interval, Needed, Point, Verdict


@dataclass(frozen=True, slots=True)
class Marginal:
    """The means of a metric over the levels of a factor; the arms are the factor `variant`."""

    factor: str
    ordered: bool
    """Its levels are numbers."""
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """A main effect (one factor) or an interaction (two)."""

    factors: tuple[str, ...]
    statistic: float | None
    """F of the blocked analysis of variance."""
    p: float | None
    """By permutation within blocks; None where it cannot be tested."""
    p_adjusted: float | None
    size: float | None
    """Partial omega squared: the share of the variance that is not other factors', bias corrected (may be below 0)."""
    size_interval: Interval | None
    spread: float | None
    """Largest difference between level means (for an interaction: largest departure from additivity)."""
    spread_interval: Interval | None
    standardised: float | None
    """The spread over the residual sd (a Cohen's d with Hedges' correction)."""
    verdict: Verdict
    why: str = ""
    """Why it could not be tested, where it could not."""


@dataclass(frozen=True, slots=True)
class Importance:
    """The share of the variance of a metric that a factor explains on its own (binned, first order)."""

    factor: str
    share: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class EffectsFinding:
    """What each factor does to a metric."""

    metric: str
    effects: tuple[Effect, ...]
    """Main effects in declared order, then interactions."""
    marginals: tuple[Marginal, ...]
    importance: tuple[Importance, ...]
    """Most important first."""
    inert: tuple[str, ...]
    """Factors that changed no measurement at all, or whose effect is shown to be below the practical margin."""
    method: str
    adjustment: str
    needed: Needed
    verdict: Verdict
    answer: str
    cautions: tuple[Caution, ...] = ()


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two arms at one level of a factor."""

    level: Any
    estimate: float | None
    """Mean of the first arm less that of the second; None where one has no value."""
    interval: Interval | None
    p: float | None
    """Two-sided; None below two differences."""
    p_adjusted: float | None
    """Over the levels."""
    n: int
    """Pairs, or the smaller number of values where nothing pairs them."""
