"""Rates whose observations come in clusters: how much they count, their interval, and a test between levels."""

from __future__ import annotations

import numpy as np

from fairtrial.errors import FairtrialError
from fairtrial.stats.resample import permutation_p
from fairtrial.stats.summary import Floats, Integers

CHUNK = 2_000_000
"""Permuted numbers that are held at a time."""


def design_effect(hits: Floats, sizes: Floats, level: Integers) -> tuple[float, int]:
    """Return by which factor clustering widens the variance of the rates, and the clusters less the levels.

    Cluster i has `hits[i]` of `sizes[i]` and belongs to `level[i]`; 1 means that clustering does not matter. It is the
    variance of the ratio estimator over the binomial one, pooled over the levels. Source: Kish (1965), Survey
    Sampling; linearisation after Cochran (1977), Sampling Techniques. 1 where nothing varies or no level repeats.
    """
    levels = int(level.max(initial=-1)) + 1
    clusters = np.bincount(level, minlength=levels)
    total = np.bincount(level, weights=sizes, minlength=levels)
    rate = np.bincount(level, weights=hits, minlength=levels) / np.where(total > 0, total, 1.0)
    repeated = clusters[level] > 1
    factor = clusters / np.maximum(clusters - 1.0, 1.0)
    between = float((factor[level] * (hits - rate[level] * sizes) ** 2)[repeated].sum())
    binomial = float((rate * (1 - rate) * total)[clusters > 1].sum())
    df = int(np.maximum(clusters - 1, 0).sum())
    return (between / binomial if binomial > 0 else 1.0), df


def clustered_interval(
    hits: float, size: float, *, effect: float, df: int, level: float = 0.95
) -> tuple[float, float] | None:
    """Return the two-sided interval of a rate whose observations count 1 / `effect` each, at most 1.

    `df` are those of the design effect. Exact (Clopper and Pearson) where the effect is 1 or less. Source: Korn and
    Graubard (1998), Confidence intervals for proportions with small expected number of positive counts, Surv.
    Methodol. 24. None for no observations. Raises FairtrialError unless 0 <= hits <= size.
    """
    from scipy.special import betaincinv, stdtrit

    if not 0 <= hits <= size:
        raise FairtrialError(f"no rate: {hits} of {size}")
    if not size:
        return None
    upper = (1 + level) / 2
    shrink = 1.0
    if effect > 1:
        shrink = 1 / effect
        if df and size > 1:
            shrink *= float(stdtrit(size - 1, upper) / stdtrit(df, upper)) ** 2
    x, n = hits * shrink, size * shrink
    low = float(betaincinv(x, n - x + 1, 1 - upper)) if hits else 0.0
    high = float(betaincinv(x + 1, n - x, upper)) if hits < size else 1.0
    return low, high


def levels_differ(
    hits: Floats, sizes: Floats, *, level: Integers, block: Integers, rng: np.random.Generator, repeats: int = 999
) -> float | None:
    """Return the p of: the rates differ between levels; whole clusters change levels within their block.

    The statistic is the weighted sum of squares between the levels' rates. It supposes that without an effect all
    orders of a block's clusters are equally likely. None where no block holds two levels.
    """
    order = np.lexsort((level, block))
    hits, sizes, level, block = hits[order], sizes[order], level[order], block[order]
    pairs = np.unique(np.stack([block, level]), axis=1)[0]
    if not len(pairs) or np.bincount(pairs.astype(np.int64)).max() < 2:
        return None
    member = np.equal(level[:, None], np.arange(int(level.max()) + 1)).astype(np.float64)
    observed = float(_between(hits[None], sizes[None], member)[0])
    found = []
    for start in range(0, repeats, step := max(1, CHUNK // len(hits))):
        keys = block + rng.random((min(step, repeats - start), len(hits)))
        moved = np.argsort(keys, axis=1)
        found.append(_between(hits[moved], sizes[moved], member))
    return permutation_p(np.concatenate(found), observed)


def _between(hits: Floats, sizes: Floats, member: Floats) -> Floats:
    """Return the weighted sum of squares between levels, a value a row."""
    total = sizes @ member
    rate = (hits @ member) / np.where(total > 0, total, 1.0)
    grand = hits.sum(axis=1) / sizes.sum(axis=1)
    found: Floats = (total * (rate - grand[:, None]) ** 2).sum(axis=1)
    return found
