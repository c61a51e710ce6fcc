"""A bootstrap of level means over whole replicates that is exact for linear statistics, however few replicates."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from fairtrial.stats.moderation import shared
from fairtrial.stats.summary import Floats, Integers

METHOD = "Student multiplier bootstrap over replicates"


def multipliers(replicates: int, repeats: int, rng: np.random.Generator) -> Floats:
    """Draw repeats x replicates multipliers: normal, each row divided by sqrt(chi2 / df) of its own, df = n - 1.

    Applied to the deviations of the replicates from their mean they give draws whose distribution is multivariate t
    with the covariance that the replicates show: the percentile interval of any linear statistic is Student's. A
    resampling of three or five replicates would be too narrow by far. Source: the multiplier bootstrap of Mammen
    (1993), Ann. Statist. 21, with Student's correction for the estimated variance. NaN below two replicates.
    """
    if replicates < 2:
        return np.full((repeats, replicates), np.nan)
    normal = rng.standard_normal((repeats, replicates))
    scale = np.sqrt(rng.chisquare(replicates - 1, repeats) / (replicates - 1))
    return np.asarray(normal / scale[:, None], dtype=np.float64)


def drawn(values: Floats, drawn_multipliers: Floats) -> Floats:
    """Return draws of the level means, repeats x levels; `values` is levels x replicates, NaN for a missing value.

    A level with fewer than two values has no draws: NaN.
    """
    there = np.isfinite(values)
    n = there.sum(axis=1)
    filled = np.where(there, values, 0.0)
    mean = filled.sum(axis=1) / np.maximum(n, 1)
    away = np.where(there, filled - mean[:, None], 0.0)
    root = np.sqrt(np.where(n > 1, n * (n - 1.0), np.nan))
    found: Floats = mean + (drawn_multipliers @ away.T) / root
    return found


def moderated(values: Floats) -> tuple[Floats, int]:
    """Return the variance of each level's mean without what its replicates share, and the degrees of freedom of it all.

    The variances of few values scatter too widely to be weights, so each is drawn towards their common value, the more
    the less they differ beyond chance: empirical Bayes. Source: Smyth (2004), Stat. Appl. Genet. Mol. Biol. 3, section
    6.2. `values` is levels x replicates, NaN for a missing value. All 1 and 0 where nothing varies or nothing repeats.
    """
    there = np.isfinite(values)
    n = there.sum(axis=1)
    levels, replicates = values.shape
    df = max(int((there.sum() - levels) * (levels - 1) / max(levels, 1)), 0)
    if levels < 2 or replicates < 2 or (n < 1).any() or not df:
        return np.ones(levels), 0
    rest = _residuals(values, there, n)
    square = (rest**2).sum(axis=1)
    own = np.maximum(n - 1.0, 0.0) * (levels - 1) / levels
    pooled = float(square.sum() / own.sum())
    size = float(np.abs(np.where(there, values, 0.0)).max())
    if pooled <= (1e-12 * size) ** 2:
        return np.ones(levels), 0
    variance = _shrunken(square, own, pooled)
    return variance / n, df


def _residuals(values: Floats, there: npt.NDArray[np.bool_], n: Integers) -> Floats:
    """Return the values less their level's mean and less what their replicate shares.

    The share is the mean over the levels. It carries some noise of the noisiest levels into all others, so that weights
    err towards being equal, which costs precision but keeps the coverage of intervals (a median over the levels does
    the opposite).
    """
    mean = np.where(there, values, 0.0).sum(axis=1) / n
    away = np.where(there, values - mean[:, None], 0.0)
    shared = away.sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    found: Floats = np.where(there, away - shared, 0.0)
    return found


def _shrunken(square: Floats, own: Floats, pooled: float) -> Floats:
    """Return each level's variance drawn towards the prior's by the prior's degrees of freedom."""
    known = (own > 0) & (square > 1e-12 * pooled * own)
    if known.sum() < 2:
        return np.full(len(square), pooled)
    prior_df, prior = shared(square[known] / own[known], own[known])
    if math.isinf(prior_df):
        return np.full(len(square), pooled)
    found: Floats = (prior_df * prior + square) / (prior_df + own)
    return found
