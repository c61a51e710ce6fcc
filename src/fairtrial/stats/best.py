"""Which of several conditions may be the best, when each was measured a few times on common seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fairtrial.stats.moderation import magnitudes, moderated, spreads
from fairtrial.stats.summary import Floats, Mask

LEADERS = 8
"""Conditions of the highest means with which all others are compared: who loses to none of them loses to no other."""
GAPS = 10_000_000
"""Differences beyond which gaps are not bounded: so many conditions are in the set that it says nothing."""


@dataclass(frozen=True, slots=True)
class Contest:
    """One entry a condition."""

    told: Mask
    """It is told from the best: another one is better."""
    gap: Floats | None
    """Upper bound of how much worse than the best it is, simultaneous; infinite where nothing bounds it."""


@dataclass(frozen=True, slots=True)
class Behind:
    """How far each condition is behind another one; df is 0 where they share too few replicates."""

    mean: Floats
    se: Floats
    df: Floats


def contest(values: Floats, *, alpha: float, references: Mask | None = None, gaps: bool = True) -> Contest:
    """Find the conditions that are told from the best; `values` is (conditions, replicates), more is better.

    A row is one condition, a column one seed; NaN is missing. The true best is told from the best with a
    probability of at most alpha, and a single one is left with a probability of at most alpha where several are
    best. A condition is told when its paired difference from one of the leaders exceeds the one-sided t bound at
    alpha / conditions (Bonferroni, valid for any dependence and any choice of leaders). Only `references` can lead.
    Gaps hold together with probability 1 - alpha; without `gaps` none are bounded. Differences are taken as normal,
    as a skew that all conditions share leaves them; where the best owes its mean to rare large values, or all
    others theirs to rare small ones, five replicates rarely show them, and it is told from the best in 20 or 40 %
    of studies. Sources: Gupta (1965), Technometrics 7 (the subset that holds the best); Hsu (1984), Annals of
    Statistics 12 (constrained bounds of the gap); for the variances see `behind`.
    """
    count = len(values)
    with np.errstate(invalid="ignore"):
        sums, present = np.nansum(values, axis=1), np.isfinite(values).sum(axis=1)
        mean = np.where(present > 1, sums / np.maximum(present, 1), -np.inf)
    able = np.isfinite(mean) if references is None else np.isfinite(mean) & references
    leaders = np.argsort(-np.where(able, mean, -np.inf), kind="stable")[: min(LEADERS, int(able.sum()))]
    told = np.zeros(count, dtype=np.bool_)
    for leader in leaders.tolist():
        told |= _reached(values, leader, alpha)
    return Contest(told, _gaps(values, told, alpha) if gaps else None)


def behind(values: Floats, leader: int) -> Behind:
    """Return how far each condition is behind one of them, over the replicates that both have.

    The variance of a difference borrows from those of the others as far as they are alike, and is never below its own:
    with few replicates an own variance alone says little. Degrees of freedom are capped by what is known of the
    leader's own noise, which all differences share: for K conditions of d degrees each 4 d (K - 1) / (K + 2) where all
    are alike (Satterthwaite), here 3 d (K - 1) / (K + 1), which also holds where one is noisier than the rest. With
    two conditions this is the paired t test. Source: Smyth (2004), Stat. Appl. Genet. Mol. Biol. 3 (moderated t).
    """
    size = magnitudes(values)
    n, mean, variance = spreads(values[leader] - values, np.maximum(size, size[leader]))
    enough = n > 1
    df = np.where(enough, n - 1, 0.0)
    others = enough & (np.arange(len(values)) != leader)
    borrowed, prior_df = moderated(variance, df, others)
    rivals = int(others.sum())
    total = np.where(enough, np.minimum(prior_df + df, 3 * df * rivals / (rivals + 2)), 0.0)
    return Behind(mean, np.sqrt(np.maximum(borrowed, variance) / np.maximum(n, 1)), total)


def _reached(values: Floats, leader: int, alpha: float) -> Mask:
    """Say which conditions are told from the leader."""
    far = behind(values, leader)
    told: Mask = far.mean > _reach(far, alpha / len(values))
    told[leader] = False
    return told


def _reach(far: Behind, level: float) -> Floats:
    """Return how far beyond the truth noise alone may put a difference; infinite without degrees of freedom."""
    bound: Floats = np.multiply(critical(far.df, level), far.se, where=far.df > 0, out=np.full(len(far.df), np.inf))
    return bound


def critical(df: Floats, level: float) -> Floats:
    """Return the one-sided t bound; infinite without degrees of freedom."""
    from scipy.special import stdtrit

    kinds, place = np.unique(df, return_inverse=True)
    bounds = np.array([float(stdtrit(kind, 1 - level)) if kind > 0 else math.inf for kind in kinds.tolist()])
    critical: Floats = bounds[place]
    return critical


def _gaps(values: Floats, told: Mask, alpha: float) -> Floats | None:
    """Bound how far each condition is behind the best of those that may be the best."""
    left = np.flatnonzero(~told)
    if len(left) * values.size > GAPS:
        return None
    count = len(values)
    gap = np.zeros(count)
    for rival in left.tolist():
        far = behind(values, rival)
        reach = _reach(far, alpha / len(values))
        reach[rival] = 0.0
        gap = np.maximum(gap, far.mean + reach)
    return gap
