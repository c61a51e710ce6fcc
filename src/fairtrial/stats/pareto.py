"""The Pareto set: what nothing else beats in every respect."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fairtrial.stats.summary import Floats


def pareto(values: Floats) -> npt.NDArray[np.bool_]:
    """Say which rows are in the Pareto set: no other row is at least as good in all columns and better in one.

    More is better in every column. A row with a missing value (NaN) is not in the set.
    """
    inside = np.zeros(len(values), dtype=np.bool_)
    left = np.flatnonzero(np.isfinite(values).all(axis=1))
    left = left[np.lexsort(-values[left].T[::-1])]
    while len(left):
        first = values[left[0]]
        same = (values[left] == first).all(axis=1)
        inside[left[same]] = True
        left = left[(values[left] > first).any(axis=1)]
    return inside
