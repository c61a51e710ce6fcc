"""Which designs can show a step at all: a permutation test of few levels and replicates has a least p."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from fairtrial.stats.changepoint import PERMUTATIONS, step
from fairtrial.stats.resample import generator

DRAWS, POWER = 20, 0.8
"""Enormous steps that are looked at, and the share of them that a design is expected to show."""
HUGE = 1e6
"""Height of these steps in standard deviations."""
PLENTY = 1000
"""Arrangements for each one that may reach the step by chance, from which nothing needs to be tried."""
MOST = 30
"""Replicates that are tried."""


@cache
def shows(levels: int, replicates: int, alpha: float) -> bool:
    """Say whether so many levels and replicates show a step between halves of the levels, were it as high as can be.

    Looked at by simulation: a step of a million standard deviations is shown with power 0.8 or it is not.
    """
    if levels < 2 or replicates < 2 or alpha * (PERMUTATIONS + 1) < 1:
        return False
    if replicates * math.log(math.comb(levels, levels // 2)) > math.log(PLENTY / alpha):
        return True
    missed, rng = 0, generator(0, "reach", str(levels), str(replicates))
    rise = HUGE * (np.arange(levels) >= levels // 2)[:, None]
    for _ in range(DRAWS):
        found = step(rise + rng.standard_normal((levels, replicates)), np.arange(levels), rng=rng, level=1.0)
        missed += found is None or found.p > alpha
        if missed > (1 - POWER) * DRAWS:
            return False
    return True


def fewest(levels: int, alpha: float, *, beyond: int) -> int | None:
    """Return the fewest replicates, more than `beyond`, with which so many levels show a step; None for none."""
    return next((count for count in range(beyond + 1, MOST + 1) if shows(levels, count, alpha)), None)
