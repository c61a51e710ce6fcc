"""A trend within replicates by comparing pairs: exact for any number of levels, safe where values are missing."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from fairtrial.stats.summary import Floats

LARGE = 3000
"""Pairs in all from which the normal approximation is closer than a p is ever read."""


def blocked_trend(values: Floats) -> float:
    """Return the one-sided p of: values rise along the levels; `values` is levels x replicates, NaN for missing.

    The statistic is Kendall's S summed over the replicates; the null distribution is exact where all orders of the
    levels within a replicate are equally likely. Ties count nothing, and a pair with a missing value counts against the
    trend, so that neither makes p smaller. Source: Hirsch, Slack and Smith (1982), Water Resour. Res. 18 (the test
    with seasons as blocks). Where a replicate has a smooth course of its own along the levels (neighbours correlated by
    0.7) it rejects two or three times as often. 1 below two levels.
    """
    levels, replicates = values.shape
    if levels < 2 or not replicates:
        return 1.0
    first, second = np.triu_indices(levels, 1)
    with np.errstate(invalid="ignore"):
        against = np.where(np.isnan(values[second]) | np.isnan(values[first]), -1.0, 0.0)
        signs = np.nan_to_num(np.sign(values[second] - values[first])) + against
    return _upper_tail(levels, replicates, int(signs.sum()))


@lru_cache(maxsize=64)
def _distribution(levels: int, replicates: int) -> Floats:
    """Return the chance of 0, 1, 2 … pairs in order, over all orders within the replicates."""
    one = np.ones(1)
    for size in range(2, levels + 1):
        one = np.convolve(one, np.full(size, 1.0 / size))
    found = np.ones(1)
    for _ in range(replicates):
        found = np.convolve(found, one)
    return found


def _upper_tail(levels: int, replicates: int, statistic: int) -> float:
    pairs = replicates * levels * (levels - 1) // 2
    if pairs > LARGE:
        from scipy.special import ndtr

        variance = replicates * levels * (levels - 1) * (2 * levels + 5) / 18
        return float(ndtr(-(statistic - 1) / variance**0.5))
    chances = _distribution(levels, replicates)
    least = -(-(pairs + statistic) // 2)
    return float(min(1.0, chances[least:].sum()))
