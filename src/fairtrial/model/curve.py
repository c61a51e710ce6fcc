"""How a metric runs along an ordered factor: thresholds, saturation, operating range, scaling, crossover."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fairtrial.model.effect import Contrast
from fairtrial.model.finding import Caution, Interval, Needed, Point, Verdict


@dataclass(frozen=True, slots=True)
class Jump:
    """Adjacent levels whose means differ by more than a share: descriptive, no test."""

    before: Any
    after: Any
    change: float
    """Relative to the mean before: 0.5 is 50 % more."""


@dataclass(frozen=True, slots=True)
class ThresholdFinding:
    """Whether a metric has a step along a factor, and where."""

    metric: str
    factor: str
    points: tuple[Point, ...]
    shape: str
    """step | trend | none | unknown"""
    verdict: Verdict
    """Of: there is a threshold."""
    place: tuple[float, float] | None
    """The levels between which the step lies."""
    place_interval: Interval | None
    step: float | None
    """Mean behind the step less mean before it."""
    step_interval: Interval | None
    p_step: float | None
    p_trend: float | None
    direction: str
    """increasing | decreasing | none: of the monotone trend."""
    isotonic: tuple[float, ...]
    """The monotone fit at each level."""
    jumps: tuple[Jump, ...]
    change: float
    """The share from which a jump is listed."""
    needed: Needed
    answer: str
    cautions: tuple[Caution, ...] = ()
    variant: str = ""
    """The arm, where arms were asked one by one."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A model fitted to the means of a curve."""

    model: str
    parameters: Mapping[str, float]
    criterion: float
    """The value that chooses (smaller is better)."""
    weight: float
    """Akaike weight among the models fitted (0 to 1)."""
    residual_sd: float
    r_squared: float | None = None
    intervals: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Curve:
    """A fitted curve to draw: the same length each; low and high may be empty."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class SaturationFinding:
    """Where a metric stops growing along a load-like factor."""

    metric: str
    factor: str
    points: tuple[Point, ...]
    fits: tuple[Fit, ...]
    """Best first."""
    chosen: str
    """flat | line | hinge (a line, then a plateau) | bend (a line, then another) | saturating | exponential | usl"""
    criterion: str
    """AICc or BIC."""
    knee: float | None
    """None: no knee in range."""
    knee_interval: Interval | None
    capacity: float | None
    """The plateau's height (X_max)."""
    capacity_interval: Interval | None
    saturation_level: float | None
    """The smallest level whose lower bound reaches 95 % of the capacity, where a higher one was tested."""
    asymptotic_knee: float | None
    """N* = X_max (R_min + Z) of a closed loop, where a response time was given."""
    asymptotic_interval: Interval | None
    peak: float | None
    """N_max of the Universal Scalability Law, only where retrograde throughput is seen in range."""
    peak_interval: Interval | None
    curve: Curve | None
    verdict: Verdict
    """Of: there is a knee in range, or a bracket with both ends."""
    answer: str
    cautions: tuple[Caution, ...] = ()
    variant: str = ""
    """The arm, where arms were asked one by one."""
    bracket: tuple[float | None, float | None] | None = None
    """Where the system says that levels were over-saturated: the highest that every replicate kept up with, and the
    lowest that, like all above it, none of several did; None where there is no such level. The capacity lies between
    them; levels that were over-saturated are in no fit."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a load-like factor against the service levels."""

    level: Any
    x: float
    safe: bool
    """Its lower bound meets every clause, and every lower level is safe."""
    failing: tuple[str, ...]
    """Clauses that are missed, or not shown to be met."""
    n: int
    missing: int
    bounds: Mapping[str, float | None] = field(default_factory=dict)
    """Clause -> confidence bound of the metric on the clause's bad side."""


@dataclass(frozen=True, slots=True)
class RangeFinding:
    """Up to which level every service level is kept."""

    factor: str
    clauses: tuple[str, ...]
    levels: tuple[Level, ...]
    edge: float | None
    """The largest level that is safe with every lower one; None: not even the lowest is."""
    reached: bool
    """A level that is not safe was tested: otherwise the edge was not reached."""
    first_failing: str
    """The clause that fails first, '' where none does."""
    headroom: Mapping[str, float] = field(default_factory=dict)
    """Clause -> share of the limit that is left at the edge."""
    recommended: float | None = None
    """0.8 of the edge."""
    verdict: Verdict = Verdict.INCONCLUSIVE
    answer: str = ""
    cautions: tuple[Caution, ...] = ()
    variant: str = ""
    """The arm, where arms were asked one by one."""
    needed: Needed = Needed(None)
    """Of the clause that decides at the level that ends the range: how far inside its limit a mean is shown to be with
    power 0.8, and the replicates that would show this one to be."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A size that a fit did not see, and what the fit said of it."""

    x: float
    predicted: float
    observed: float


@dataclass(frozen=True, slots=True)
class ScalingFinding:
    """How an error falls with a size."""

    metric: str
    factor: str
    variant: str
    points: tuple[Point, ...]
    fits: tuple[Fit, ...]
    """Best first."""
    chosen: str
    """power law | log-linear | exponential | flat"""
    parameters: Mapping[str, Interval]
    """Parameter -> bootstrap interval, of the chosen model (E, A, alpha of a power law)."""
    held_out: tuple[HeldOut, ...]
    extrapolation_error: float | None
    """Root mean square relative error on the held-out sizes."""
    plateau: float | None
    """The floor (or ceiling) E, where it is told from further growth."""
    plateau_interval: Interval | None
    curve: Curve | None
    verdict: Verdict
    """Of: the metric improves with the size over the range."""
    answer: str
    cautions: tuple[Caution, ...] = ()
    p: float | None = None
    """One-sided, of that improvement, by Kendall's trend within replicates; None where it cannot be tested."""
    needed: Needed = Needed(None)


@dataclass(frozen=True, slots=True)
class Exchange:
    """How much of the second arm is worth as much as some of the first."""

    first: float
    second: float | None
    """None: no amount in range."""
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a budget buys: the better arm and how much of it, by the fitted curves."""

    cost: float
    arm: str
    amount: float
    expected: float
    probability: float
    """Share of the bootstrap repeats in which this arm is the better buy."""


@dataclass(frozen=True, slots=True)
class CrossoverFinding:
    """Where the curves of two arms cross."""

    metric: str
    factor: str
    arms: tuple[str, str]
    points: tuple[tuple[Point, ...], tuple[Point, ...]]
    curves: tuple[Curve | None, Curve | None]
    place: float | None
    """None: none in range."""
    place_interval: Interval | None
    interpolated: float | None
    """Where the straight lines between the means cross, without a model."""
    p_none: float | None
    """Share of the bootstrap repeats without a crossing in range."""
    exchange: tuple[Exchange, ...]
    purchases: tuple[Purchase, ...]
    """Empty without prices."""
    verdict: Verdict
    answer: str
    cautions: tuple[Caution, ...] = ()
    needed: Needed = Needed(None)
    contrasts: tuple[Contrast, ...] = ()
    """First arm less second, at each level that both have; corrected as a screen."""
