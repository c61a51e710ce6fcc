"""The noise gate: whether sizes differ by more than replicates of one size do, before anything is learned."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fairtrial.stats.anova import aligned, f_tail, sphericity
from fairtrial.stats.power import noncentrality
from fairtrial.stats.resample import generator, percentile, permutation_p
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.label.record import Labelled

ROUNDING = 1e-12
"""Share of the largest |log p95| below which a departure is rounding."""
FEW = 10
"""Rows below which resampling them says less than the F distribution."""


@dataclass(frozen=True, slots=True)
class Noise:
    """What sizes and replicates have to do with log p95, within rows."""

    between_share: float
    """Variance between sizes over that and the variance of a replicate; from 0, NaN where nothing can be told."""
    low: float
    """Lower and upper end of its interval."""
    high: float
    f: float
    """Mean square between sizes over that of the error; infinite without any error."""
    p: float
    """Chance of such an F where no size differs from another in any row; 1 where nothing can be told."""
    detectable: float
    """Relative difference of p95 that puts a size out of the best set in about four of five typical rows."""
    rows: int
    """Rows that count: two sizes or more with all replicates."""
    cells: int
    """Sizes of these rows."""
    replicates: int
    alpha: float = 0.05

    @property
    def indistinguishable(self) -> bool:
        """Say that at this budget no size can be told from another: the gate is closed whatever the share."""
        return not self.p < self.alpha

    def passed(self, least: float) -> bool:
        """Say that sizes differ, and that this is at least so large a share of the variance within a row."""
        return not self.indistinguishable and self.between_share >= least


@dataclass(frozen=True, slots=True)
class Squares:
    """Sums of squares within rows, one entry a row."""

    between: Floats
    error: Floats
    df: Floats
    """Degrees of freedom between sizes: sizes that count, less 1."""
    replicates: int

    def share(self, weights: Floats) -> Floats:
        """Return the share of the variance between sizes when row i counts weights[..., i] times."""
        df = weights @ self.df
        between, error = weights @ self.between / df, weights @ self.error / (df * (self.replicates - 1))
        return _share(between, error, self.replicates)


def noise(labelled: Labelled, *, alpha: float = 0.05, repeats: int = 2000) -> Noise:
    """Compare sizes with replicates, of log p95, over all rows at once.

    Within a row a replicate is a block, since all sizes saw its tasks: what it adds to all of them is no noise. The
    share is the intraclass correlation for consistency, ICC(C,1), of variances pooled over rows. The test is the
    blocked F; its p is the larger one of two. One by the F distribution with the degrees of freedom that the error
    really has, as rows and sizes are not equally noisy (`stats.anova.sphericity` over all cells). One by letting sizes
    change places within replicates, those of all rows alike, as replicate k of all rows has one seed; left out where
    there are too few such arrangements. On null data 5 % pass at most; 7 % may where nearly all noise is shared by rows
    that have different stable sizes, and 8 % in a single row of which one size is five times as noisy. The interval is
    the wider one of that of the F distribution and that of rows drawn anew (from ten rows on). Cells count that have
    all replicates, a replicate when half of the cells have it.
    Sources: Shrout and Fleiss (1979), Psychological Bulletin 86; McGraw and Wong (1996), Psychological Methods 1;
    Anderson and ter Braak (2003), J. Statist. Comput. Simul. 73 (exchange within blocks).
    """
    values = np.log(labelled.p95_s)
    values = values[:, :, _replicates(values)]
    count = values.shape[2]
    complete = np.isfinite(values).all(axis=2)
    complete &= complete.sum(axis=1, keepdims=True) > 1
    if count < 2 or not complete.any():
        return Noise(math.nan, 0.0, 1.0, math.nan, 1.0, math.inf, 0, 0, count, alpha)
    left = _departures(values, complete)
    found = _squares(left, complete)
    rows, cells = int((found.df > 0).sum()), int(complete.sum())
    df = found.df.sum()
    f = _ratio(found.between.sum() / df, found.error.sum() / (df * (count - 1)))
    kept = sphericity(left[complete], int(df)) * df
    share = float(found.share(np.ones(len(found.df))))
    p = 1.0 if math.isnan(f) else f_tail(None if math.isinf(f) else f, kept, kept * (count - 1))
    if p < alpha and aligned((int(complete.sum(axis=1).max()),), count) * alpha >= 1:
        p = max(p, _exchanged(left, complete, repeats))
    ends = _interval(found, f, kept, alpha=alpha, repeats=repeats)
    least = _detectable(found, alpha)
    return Noise(share, min(ends[0], share), max(ends[1], share), f, p, least, rows, cells, count, alpha)


def _replicates(values: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Say which replicates count: those that half of the cells have which were measured at all."""
    there = np.isfinite(values)
    counts: np.ndarray[tuple[int], np.dtype[np.bool_]] = there.sum(axis=(0, 1)) * 2 >= max(there.any(axis=2).sum(), 1)
    return counts


def _departures(values: Floats, complete: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> Floats:
    """Take the mean of each row's replicate out; 0 where a cell does not count."""
    known = np.where(complete[:, :, None], values, 0.0)
    mean = known.sum(axis=1) / np.maximum(complete.sum(axis=1), 1)[:, None]
    left = np.where(complete[:, :, None], known - mean[:, None, :], 0.0)
    left[np.abs(left) <= ROUNDING * np.abs(known).max(initial=0.0)] = 0.0
    return left


def _squares(left: Floats, complete: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> Squares:
    count = left.shape[2]
    centre = left.mean(axis=2, keepdims=True)
    away = left - centre
    away[np.abs(away) <= ROUNDING * np.abs(left).max(initial=0.0)] = 0.0
    df = np.maximum(complete.sum(axis=1) - 1, 0).astype(np.float64)
    return Squares(count * (centre[:, :, 0] ** 2).sum(axis=1), (away**2).sum(axis=(1, 2)), df, count)


def _exchanged(left: Floats, complete: np.ndarray[tuple[int, int], np.dtype[np.bool_]], repeats: int) -> float:
    """Return the p of the squares between sizes when sizes change places within each replicate.

    Rows with the same sizes change alike, others as far as they share sizes. What departures of different replicates
    have in common is summed over rows once (`shared`), so that a draw costs nothing for each row.
    """
    sizes, count = left.shape[1:]
    keys = generator(0, "threadpool", "noise", "exchange").random((repeats, count, sizes))
    keys = np.concatenate([np.tile(np.arange(sizes) / sizes, (1, count, 1)), keys])  # first: nothing changes places
    sums = np.zeros(repeats + 1)
    for pattern in np.unique(complete[complete.any(axis=1)], axis=0):
        there = np.flatnonzero(pattern)
        flat = left[(complete == pattern).all(axis=1)][:, there].reshape(-1, len(there) * count)
        shared = (flat.T @ flat).reshape(len(there), count, len(there), count)
        order = keys[:, :, there].argsort(axis=2)
        for one in range(count):
            for other in range(count):
                sums += shared[order[:, one], one, order[:, other], other].sum(axis=1)
    return permutation_p(sums[1:], float(sums[0]))


def _ratio(between: float, error: float) -> float:
    """Return F; infinite without error, NaN where nothing varies at all."""
    if error:
        return float(between / error)
    return math.inf if between else math.nan


def _share(between: Floats, error: Floats, replicates: int) -> Floats:
    """Return ICC(C,1) of mean squares, cut at 0; 0 where nothing varies."""
    whole = between + (replicates - 1) * error
    share: Floats = np.maximum(np.divide(between - error, whole, where=whole > 0, out=np.zeros_like(whole)), 0.0)
    return share


def _interval(found: Squares, f: float, kept: float, *, alpha: float, repeats: int) -> tuple[float, float]:
    """Return the wider of the F distribution's interval of the share and the percentile one of rows drawn anew."""
    from scipy.special import fdtri

    ends = []
    if math.isfinite(f):
        df = min(kept, _spread(found)), kept * (found.replicates - 1)
        for tail in (1 - alpha / 2, alpha / 2):
            ratio = f / float(fdtri(*df, tail))
            ends.append(max((ratio - 1) / (ratio + found.replicates - 1), 0.0))
    rows = int((found.df > 0).sum())
    if rows >= FEW:
        rng = generator(0, "threadpool", "noise")
        drawn = rng.multinomial(rows, (found.df > 0) / rows, size=repeats).astype(np.float64)
        ends += percentile(found.share(drawn), 1 - alpha)
    return (min(ends), max(ends)) if ends else (0.0, 1.0)


def _spread(found: Squares) -> float:
    """Return the degrees of freedom between sizes, as many as rows that differ so much among each other leave.

    Squares of normal effects of one variance keep all. Source: Satterthwaite (1946), Biometrics Bulletin 2.
    """
    some = found.df > 0
    between = found.between[some]
    if len(between) < 2 or not between.any():
        return math.inf
    among = float(len(between) * between.var(ddof=1))
    return max(2 * float(between.sum()) ** 2 / among, 1.0) if among else math.inf


def _detectable(found: Squares, alpha: float) -> float:
    """Return the relative difference between two sizes that `judge` tells with a power of about 0.8 in a typical row.

    Typical is the median of the rows' error variances; the degrees of freedom are those of `stats.best.contest` where
    sizes are equally noisy. With five replicates of seven sizes a size that is so far behind a single best one is out
    of the set in 0.72 of rows, and one that is so far behind six equal ones in 0.96.
    """
    from scipy.special import chdtri

    some = found.df > 0
    df = found.df[some] * (found.replicates - 1)
    middle = np.array([float(chdtri(one, 0.5)) / one for one in np.unique(df)])[np.unique(df, return_inverse=True)[1]]
    error = float(np.median(found.error[some] / df / middle))
    sizes = float(np.median(found.df[some])) + 1
    told = max(3 * (found.replicates - 1) * (sizes - 1) / (sizes + 1), 1.0)
    away = noncentrality(told, alpha / sizes, sides=1) * math.sqrt(2 * error / found.replicates)
    return math.expm1(away)
