"""Quantiles of samples of which some values are known only to be larger than all others, and their ranks' intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fairtrial.stats.summary import ROUNDING, Floats

BEYOND = 10
"""Values that must lie beyond a quantile before it is told."""


def least(probability: float) -> int:
    """Return the fewest values of which BEYOND lie at or above this quantile: n (1 - p) >= 10."""
    return math.ceil(BEYOND / (1 - probability) * (1 - ROUNDING))


def quantiles(ordered: Floats, probabilities: Sequence[float], *, above: int = 0) -> list[float]:
    """Return quantiles by linear interpolation between the two nearest ranks; inf where they are `above`, NaN of none.

    `ordered` has shape (n,), ascending; `above` further values are larger than all of them, how much is not known.
    Without such values this is numpy's default: type 7 of Hyndman and Fan (1996), Sample quantiles in statistical
    packages, Am. Statist. 50.
    """
    n = len(ordered)
    return [
        _between(ordered, probability * (n + above - 1)) if n + above else math.nan for probability in probabilities
    ]


def _between(ordered: Floats, rank: float) -> float:
    low = math.floor(rank)
    part = rank - low
    if low + (part > 0) >= len(ordered):
        return math.inf
    if part == 0:
        return float(ordered[low])
    left, right = float(ordered[low]), float(ordered[low + 1])
    return right - (right - left) * (1 - part) if part >= 0.5 else left + (right - left) * part


def rank_interval(probability: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return the probabilities of the sample quantiles that enclose the true one, from n independent values.

    Order statistics of rank BinomInv(alpha/2; n, p) and BinomInv(1 - alpha/2; n, p) + 1; 0 below the smallest, inf
    above the largest. Source: David and Nagaraja (2003), Order Statistics, section 7.1.
    """
    size = max(int(n), 1)
    tail = (1 - level) / 2
    low, high = _binomial(tail, size, probability), _binomial(1 - tail, size, probability) + 1
    return low / size, high / size if high <= size else math.inf


def _binomial(share: float, n: int, p: float) -> int:
    """Return the smallest k with P(at most k of n) >= share."""
    from scipy.special import bdtr, bdtrik

    k = max(int(bdtrik(share, n, p)) - 1, 0)
    while bdtr(float(k), n, p) < share:
        k += 1
    return k
