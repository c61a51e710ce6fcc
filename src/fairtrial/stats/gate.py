"""The numbers of a gate: how much worse one sample is than another, and how often the rule fails what is unchanged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fairtrial.stats.difference import Difference, one_sided, paired, tail, welch
from fairtrial.stats.resample import TIE
from fairtrial.stats.summary import Floats


@dataclass(frozen=True, slots=True)
class Worse:
    """How much worse, on the scale of the differences: + is worse."""

    estimate: float
    low: float
    high: float
    """Each end is a one-sided bound at 1 - alpha: infinite where the sample allows none."""
    p: float
    """One-sided, against: not worse. 1 where nothing can be tested."""
    p_better: float
    """The same against: not better."""
    sd: float
    """Of the difference of one round (paired), or of one value (two samples); 0 where nothing varies."""
    n: int
    """Rounds, or the smaller number of values."""
    method: str


def interleaved(differences: Sequence[float], *, alpha: float, scale: float) -> Worse:
    """Judge rounds in which both were measured side by side; `scale` is the size of the numbers that were subtracted.

    Student's t, as it holds its error rate from two rounds on where logarithms of ratios are near normal. Where the
    rounds do not vary t knows no noise, so the sign test stands in, whose least p is 2^-n: it says nothing below 5
    rounds at alpha 0.05. Rounds are taken as independent: what moves both sides drops out, but where each side wanders
    on its own from round to round (a random walk each; measured without a margin), what is unchanged fails in 30 % of
    comparisons of 5 rounds, 36 % of 8 and 42 % of 20, with two such metrics in 43, 54 and 64 %. Sources: Student
    (1908), Biometrika 6; Dixon and Mood (1946), J. Am. Statist. Assoc. 41.
    """
    found = paired(differences, 1 - 2 * alpha)
    n = len(differences)
    if _constant(differences, scale):
        return _unvaried(found.estimate, n, least=0.5**n, alpha=alpha, scale=scale)
    return _worse(found, n, spread=found.se * math.sqrt(n), method="paired t")


def apart(current: Sequence[float], baseline: Sequence[float], *, alpha: float, scale: float) -> Worse:
    """Judge two samples that were measured one after the other, each so signed that + is worse.

    Welch's t; where neither varies, the permutation test of the two samples. Source: Welch (1947), Biometrika 34.
    """
    found = welch(current, baseline, 1 - 2 * alpha)
    sizes = (len(current), len(baseline))
    if _constant(current, scale) and _constant(baseline, scale):
        least = 1 / math.comb(sum(sizes), sizes[0])
        return _unvaried(found.estimate, min(sizes), least=least, alpha=alpha, scale=scale)
    pooled = found.se / math.sqrt(1 / sizes[0] + 1 / sizes[1])
    return _worse(found, min(sizes), spread=pooled, method="Welch's t")


def across(current: Sequence[float], baseline: Sequence[float], *, alpha: float, scale: float, band: float) -> Worse:
    """Judge two samples of different times, between which an unchanged system may move by `band` either way."""
    worse = apart(current, baseline, alpha=alpha, scale=scale)
    if not band:
        return worse
    p, better = worse.p if worse.estimate > band else 1.0, worse.p_better if worse.estimate < -band else 1.0
    if worse.sd:
        p, better = one_sided(welch(current, baseline), band), one_sided(welch(baseline, current), band)
    return replace(worse, low=worse.low - band, high=worse.high + band, p=p, p_better=better)


def _constant(values: Sequence[float], scale: float) -> bool:
    """Say whether several values differ by rounding alone."""
    return len(values) > 1 and max(values) - min(values) <= TIE * 1e-3 * scale


def _unvaried(estimate: float, n: int, *, least: float, alpha: float, scale: float) -> Worse:
    estimate = 0.0 if abs(estimate) <= TIE * 1e-3 * scale else estimate
    known = n > 1 and least <= alpha
    low, high = (estimate, estimate) if known else (-math.inf, math.inf)
    p, better = least if estimate > 0 else 1.0, least if estimate < 0 else 1.0
    return Worse(estimate, low, high, p, better, 0.0, n, "sign test")


def _worse(found: Difference, n: int, *, spread: float, method: str) -> Worse:
    better = tail(found, -found.estimate)
    return Worse(found.estimate, found.low, found.high, one_sided(found), better, spread, n, method)


def fails(differences: npt.ArrayLike, margins: npt.ArrayLike, *, alpha: float) -> npt.NDArray[np.bool_]:
    """Say which of many interleaved comparisons the gate fails: an array (comparisons, rounds, metrics) -> booleans.

    The rule: Holm rejects `not worse` for some metric, and its mean difference is beyond its margin.
    """
    from scipy.special import stdtr

    values, margin = np.asarray(differences, dtype=np.float64), np.asarray(margins, dtype=np.float64)
    rounds, family = values.shape[1], values.shape[2]
    mean = values.mean(axis=1)
    error = values.std(axis=1, ddof=1) / math.sqrt(rounds)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(error > 0, stdtr(rounds - 1, -mean / error), np.where(mean > 0, 0.5**rounds, 1.0))
    order = np.argsort(p, axis=1)
    stepped = np.maximum.accumulate(np.take_along_axis(p, order, axis=1) * np.arange(family, 0, -1), axis=1)
    beyond = np.take_along_axis(mean - margin, order, axis=1) > 0
    failed: npt.NDArray[np.bool_] = np.any((stepped <= alpha) & beyond, axis=1)
    return failed


def redrawn(
    nulls: Sequence[npt.ArrayLike], rounds: int, *, repeats: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Draw rounds anew from stored differences of the same thing: an array (repeats, rounds, metrics).

    Metrics measured together are drawn together. Under no change a difference is as likely d as -d, so whole rounds
    change their sign at random.
    """
    place = rng.random((repeats, rounds))
    sign = rng.integers(0, 2, (repeats, rounds)) * 2.0 - 1.0
    columns = [np.asarray(null, dtype=np.float64) for null in nulls]
    drawn = [column[(place * len(column)).astype(np.int64)] * sign for column in columns]
    return np.stack(drawn, axis=2)


def band(null: npt.ArrayLike, rounds: int, *, repeats: int = 1000, rng: np.random.Generator) -> float:
    """Return the 95th percentile of the absolute mean of that many differences of the same thing."""
    drawn: Floats = np.abs(redrawn([null], rounds, repeats=repeats, rng=rng)[:, :, 0].mean(axis=1))
    return float(np.quantile(drawn, 0.95))
