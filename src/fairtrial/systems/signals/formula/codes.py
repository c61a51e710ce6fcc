"""Kernels of perm_derivative: shares of the permutation codes, and a z where most changes are 0."""

from __future__ import annotations

import numpy as np
from numba import njit

from fairtrial.systems.signals.record import Bytes, Floats

LEAST = 1e-12
"""A deviation below it is none, as in the robust z."""
NORMAL = 1.4826


@njit(cache=True, nogil=True)
def shares(codes: Bytes, weights: Floats) -> Floats:
    """Return the weighted shares of the codes -2, -1, 0, 1, 2 among the cells of each bin, (n, 5)."""
    found = np.zeros((len(codes), 5))
    for i in range(len(codes)):
        for k in range(codes.shape[1]):
            found[i, codes[i, k] + 2] += weights[k]
    found /= weights.sum()
    return found


@njit(cache=True, nogil=True)
def agree(last: Floats) -> bool:
    """Say whether more than half of the values agree, so that their median absolute deviation is none."""
    return bool(NORMAL * np.median(np.abs(last - np.median(last))) < LEAST)


@njit(cache=True, nogil=True)
def fill(z: Floats, x: Floats, deviation: Floats, window: int) -> None:
    """Put x over its deviation into z where it is 0 because the window has no median absolute deviation.

    All (n,), of finite values; the window of value i begins at i - window + 1, or at the first.
    """
    for i in range(len(x)):
        if z[i] == 0.0 and x[i] != 0.0 and deviation[i] >= LEAST and agree(x[max(0, i - window + 1) : i + 1]):
            z[i] = x[i] / deviation[i]
