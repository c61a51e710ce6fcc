"""Many variances at once: each borrows from the others as far as they are alike."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from fairtrial.stats.summary import Floats

ROUNDING = 1e-12
"""Share of the largest value below which a spread is rounding."""


def spreads(rows: Floats, size: Floats) -> tuple[Floats, Floats, Floats]:
    """Return (n, mean, variance) of each row, NaN missing; a spread within rounding of its `size` is exactly 0.

    The mean is 0 for no values, the variance below two.
    """
    n = np.isfinite(rows).sum(axis=1).astype(np.float64)
    mean = np.nansum(rows, axis=1) / np.maximum(n, 1)
    away = np.nan_to_num(rows - mean[:, None])
    away[np.abs(away).max(axis=1, initial=0.0) <= ROUNDING * size] = 0.0
    return n, mean, (away**2).sum(axis=1) / np.maximum(n - 1, 1)


def magnitudes(rows: Floats) -> Floats:
    """Return the largest absolute value of each row, 0 where all are missing."""
    return np.asarray(np.nan_to_num(np.abs(rows)).max(axis=1, initial=0.0), dtype=np.float64)


def moderated(variance: Floats, df: Floats, pool: npt.NDArray[np.bool_]) -> tuple[Floats, float]:
    """Draw variances towards what those of `pool` have in common; return them and its degrees of freedom."""
    prior_df, prior = moderation(variance[pool], df[pool])
    if math.isinf(prior_df):
        return np.full(len(variance), prior), prior_df
    return (prior_df * prior + df * variance) / np.maximum(prior_df + df, 1), prior_df


def moderation(variance: Floats, df: Floats) -> tuple[float, float]:
    """Return (degrees of freedom, variance) of what many variances have in common; (0, 0) where that is nothing.

    Where it is worth less than a variance's own degrees of freedom it is dropped: it would only drown the small ones.
    Variances of 0 are left out.
    """
    keep = variance > 0
    if keep.sum() < 2:
        return 0.0, 0.0
    common, prior = shared(variance[keep], df[keep])
    return (common, prior) if common >= df[keep].mean() else (0.0, 0.0)


def shared(variance: Floats, df: Floats) -> tuple[float, float]:
    """Return (degrees of freedom, variance) of what two or more variances above 0 have in common.

    Infinite degrees of freedom mean that they differ by chance alone. Source: Smyth (2004), Stat. Appl. Genet. Mol.
    Biol. 3, section 6.2 (moments of the log variances).
    """
    from scipy.special import digamma, polygamma

    logs = np.log(variance) - digamma(df / 2) + np.log(df / 2)
    excess = float(logs.var(ddof=1) - polygamma(1, df / 2).mean())
    if excess <= 0:
        return math.inf, float((variance * df).sum() / df.sum())
    common = 2 * _inverse_trigamma(excess)
    return common, math.exp(float(logs.mean() + digamma(common / 2)) - math.log(common / 2))


def _inverse_trigamma(value: float) -> float:
    """Return x with trigamma(x) = value, by Newton's method on its reciprocal (Smyth 2004, appendix)."""
    from scipy.special import polygamma

    x = 0.5 + 1 / value
    for _ in range(100):
        now = float(polygamma(1, x))
        step = now * (1 - now / value) / float(polygamma(2, x))
        x += step
        if abs(step) < 1e-10 * x:
            break
    return x
