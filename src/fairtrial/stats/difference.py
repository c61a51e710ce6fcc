"""Two samples: the difference of their means with its interval and p, and how large that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.errors import FairtrialError
from fairtrial.stats.summary import summarise


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference of means, in the metric's unit.

    Where too few values allow no interval it is infinite and p is 1: nothing is known, so nothing is shown. Where
    nothing varies the interval is a point and p is 0 or 1.
    """

    estimate: float
    """NaN where a sample is empty."""
    low: float
    high: float
    df: float
    """Degrees of freedom; 0 where there is no interval."""
    p_two_sided: float
    se: float
    """Standard error of the estimate; infinite where there is no interval."""
    level: float = 0.95


@dataclass(frozen=True, slots=True)
class Moments:
    """What a t test needs to know of a sample."""

    n: int
    mean: float
    """NaN for no values."""
    sd: float
    """NaN below two."""


def moments(values: Sequence[float]) -> Moments:
    """Return the moments of a sample. Raises FairtrialError for values that are not finite."""
    column = np.asarray(values, dtype=np.float64)
    if not np.isfinite(column).all():
        raise FairtrialError("a sample holds a value that is not finite: undefined values are removed and counted")
    found = summarise(column, np.zeros(len(column), dtype=np.int64), 1)
    return Moments(len(column), float(found.mean[0]), float(found.sd[0]))


def welch(a: Sequence[float], b: Sequence[float], level: float = 0.95) -> Difference:
    """Return mean(a) - mean(b) of two independent normal samples whose variances may differ.

    Source: Welch (1947), Biometrika 34. Raises FairtrialError for values that are not finite.
    """
    return between(moments(a), moments(b), level)


def between(left: Moments, right: Moments, level: float = 0.95) -> Difference:
    """Return the difference of the means of two independent samples of which only the moments are known (Welch)."""
    estimate, peak = left.mean - right.mean, max(left.sd, right.sd)
    if left.n < 2 or right.n < 2:
        return _unknown(estimate, level)
    if not peak:
        return student(estimate, 0.0, left.n + right.n - 2.0, level)
    one, other = ((sample.sd / peak) ** 2 / sample.n for sample in (left, right))
    df = (one + other) ** 2 / (one**2 / (left.n - 1) + other**2 / (right.n - 1))
    return student(estimate, peak * math.sqrt(one + other), df, level)


def paired(d: Sequence[float], level: float = 0.95) -> Difference:
    """Return the mean of paired differences (Student's t). Raises FairtrialError for values that are not finite.

    Source: Student (1908), The probable error of a mean, Biometrika 6.
    """
    sample = moments(d)
    if sample.n < 2:
        return _unknown(sample.mean, level)
    return student(sample.mean, sample.sd / math.sqrt(sample.n), sample.n - 1.0, level)


def one_sided(difference: Difference, margin: float = 0.0) -> float:
    """Return the p of: the difference is above `margin` (against: it is not)."""
    return tail(difference, difference.estimate - margin)


def tail(difference: Difference, above: float) -> float:
    """Return the chance that noise alone puts an estimate that far, `above`, or farther over its true value."""
    from scipy.special import stdtr

    if not difference.df or math.isnan(above):
        return 1.0
    if not difference.se:
        return 0.0 if above > 0 else 1.0
    return float(stdtr(difference.df, -above / difference.se))


def hedges_g(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Return the standardised difference of means (a less b), corrected for small samples; None where undefined.

    Source: Hedges (1981), Distribution theory for Glass's estimator of effect size, J. Educ. Statist. 6 (the exact
    correction).
    """
    left, right = moments(a), moments(b)
    peak, df = max(left.sd, right.sd), left.n + right.n - 2
    if left.n < 2 or right.n < 2 or not peak:
        return None
    pooled = sum((sample.n - 1) * (sample.sd / peak) ** 2 for sample in (left, right)) / df
    return (left.mean - right.mean) / (peak * math.sqrt(pooled)) * correction(df)


def correction(df: float) -> float:
    """Return Hedges' factor, which takes the bias out of a standardised difference with that many degrees of freedom.

    0 at one degree of freedom, where no standardised difference is unbiased.
    """
    if df <= 1:
        return 0.0
    return math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2)) / math.sqrt(df / 2)


def superiority(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Return the chance that a value of a is above one of b, ties counted half; None where a sample is empty.

    Source: McGraw and Wong (1992), A common language effect size statistic, Psychol. Bull. 111; ties after Vargha and
    Delaney (2000), J. Educ. Behav. Statist. 25.
    """
    if not len(a) or not len(b):
        return None
    column = np.sort(np.asarray(b, dtype=np.float64))
    places = [np.searchsorted(column, np.asarray(a, dtype=np.float64), side) for side in ("left", "right")]
    return float(sum(place.sum() for place in places)) / (2 * len(a) * len(b))


def cliffs_delta(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Return P(a above b) - P(a below b), from -1 to 1; None where a sample is empty.

    Source: Cliff (1993), Dominance statistics, Psychol. Bull. 114.
    """
    share = superiority(a, b)
    return None if share is None else 2 * share - 1


def student(estimate: float, se: float, df: float, level: float = 0.95) -> Difference:
    """Return the difference that an estimate with a standard error of so many degrees of freedom is."""
    from scipy.special import stdtr, stdtrit

    half = float(stdtrit(df, (1 + level) / 2)) * se
    p = min(1.0, 2 * float(stdtr(df, -abs(estimate) / se))) if se else float(estimate == 0)
    return Difference(estimate, estimate - half, estimate + half, df, p, se, level)


def _unknown(estimate: float, level: float) -> Difference:
    return Difference(estimate, -math.inf, math.inf, 0.0, 1.0, math.inf, level)
