"""Student's t distribution at whole degrees of freedom, without scipy, which takes longer to import than to answer."""

from __future__ import annotations

import math

LARGE = 400
"""Degrees of freedom from which an expansion in 1 / df is exact to twelve digits where intervals are taken."""
STEPS = 200


def quantile(df: int, probability: float) -> float:
    """Return t with P(T <= t) = probability, for df >= 1 and 0.5 <= probability < 1.

    Source: Abramowitz and Stegun (1964), Handbook of Mathematical Functions, 26.7.3 and 26.7.4 (the closed form of the
    distribution), inverted by bisection over the angle; from LARGE on 26.7.5, as `_expansion` says.
    """
    if probability == 0.5:
        return 0.0
    if df >= LARGE:
        return _expansion(df, probability)
    within = 2 * probability - 1
    low, high = 0.0, math.pi / 2
    for _ in range(STEPS):
        angle = (low + high) / 2
        if angle in (low, high):
            break
        if _within(df, angle) < within:
            low = angle
        else:
            high = angle
    return math.sqrt(df) * math.tan(low)


def _within(df: int, angle: float) -> float:
    """Return P(|T| <= t) at t = sqrt(df) tan(angle)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = df % 2
    term = total = cosine if odd else 1.0
    for k in range(2 + odd, df - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    if not odd:
        return sine * total
    return 2 / math.pi * (angle + (sine * total if df > 1 else 0.0))


def _expansion(df: int, probability: float) -> float:
    """Expand the quantile around the normal one, x, in powers of 1 / df (26.7.5)."""
    from statistics import NormalDist  # takes longer to import than all else here

    x = NormalDist().inv_cdf(probability)
    square = x * x
    terms = (
        (square + 1) / 4,
        ((5 * square + 16) * square + 3) / 96,
        (((3 * square + 19) * square + 17) * square - 15) / 384,
        ((((79 * square + 776) * square + 1482) * square - 1920) * square - 945) / 92160,
    )
    return x * (1.0 + math.fsum(term / float(df) ** power for power, term in enumerate(terms, 1)))
