"""The kernels, compiled: each goes once along finite values, with the arithmetic of its twin in the same order."""

from __future__ import annotations

import numpy as np
from numba import njit

from fairtrial.systems.signals.record import Floats


@njit(cache=True, nogil=True, error_model="numpy")
def slope(x: Floats, window: int) -> Floats:
    """Return the least-squares slope of the last `window` values against their numbers; NaN before."""
    found = np.full(len(x), np.nan)
    centre = 0.5 * (window - 1)
    scale = window * (window * window - 1.0) / 12.0
    for i in range(window - 1, len(x)):
        first, total = i - window + 1, 0.0
        for j in range(window):
            total += (j - centre) * (x[first + j] - x[first])
        found[i] = total / scale
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def ema(x: Floats, alpha: float) -> Floats:
    """Return y += alpha (x - y), which starts at the first value."""
    found = np.empty(len(x))
    if len(x) > 0:
        at = x[0]
        for i in range(len(x)):
            at += alpha * (x[i] - at)
            found[i] = at
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def robust_z(x: Floats, window: int, min_periods: int) -> Floats:
    """Return (x - median) / (1.4826 MAD) over the last `window` values; 0 while they are few, or where they agree."""
    found = np.zeros(len(x))
    last = np.empty(window)
    count = 0
    for i in range(len(x)):
        if i >= window:
            _take(last, count, x[i - window])
            count -= 1
        _put(last, count, x[i])
        count += 1
        if count >= min_periods:
            middle = _median(last, count)
            scale = 1.4826 * _deviation(last, count, middle)
            if scale >= 1e-12:
                found[i] = (x[i] - middle) / scale
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def _place(last: Floats, count: int, value: float) -> int:
    """Return the first place of the sorted values that does not lie below a value."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if last[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True, error_model="numpy")
def _take(last: Floats, count: int, value: float) -> None:
    for place in range(_place(last, count, value), count - 1):
        last[place] = last[place + 1]


@njit(cache=True, nogil=True, error_model="numpy")
def _put(last: Floats, count: int, value: float) -> None:
    at = _place(last, count, value)
    for place in range(count, at, -1):
        last[place] = last[place - 1]
    last[at] = value


@njit(cache=True, nogil=True, error_model="numpy")
def _median(last: Floats, count: int) -> float:
    half = count // 2
    upper: float = last[half]
    return upper if count % 2 else (last[half - 1] + upper) / 2


@njit(cache=True, nogil=True, error_model="numpy")
def _deviation(last: Floats, count: int, middle: float) -> float:
    """Return the median of |value - middle|."""
    half = count // 2
    upper = _nearest(last, count, middle, half)
    return upper if count % 2 else (_nearest(last, count, middle, half - 1) + upper) / 2


@njit(cache=True, nogil=True, error_model="numpy")
def _nearest(last: Floats, count: int, middle: float, rank: int) -> float:
    """Return how far the value is that has `rank` others nearer to the middle: those nearest lie side by side."""
    low, high = 0, count - rank
    while low < high:
        at = (low + high) // 2
        if middle - last[at] <= last[at + rank] - middle:
            high = at
        else:
            low = at + 1
    found = np.inf
    if low < count - rank:
        found = last[low + rank] - middle
    if low > 0:
        found = min(found, middle - last[low - 1])
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def moments(x: Floats, window: int, min_periods: int) -> tuple[Floats, Floats]:
    """Return mean and sample standard deviation of the last `window` values; NaN while they are fewer than asked."""
    mean, sd = np.full(len(x), np.nan), np.full(len(x), np.nan)
    older = np.zeros((window + 1, 3))
    newer = np.zeros(3)
    for i in range(len(x)):
        at = i % window
        if at == 0:
            newer[:] = 0.0
            _sum_up(older, x[max(0, i - window) : i])
        _merge(newer, 1.0, x[i], 0.0, newer)
        whole = newer.copy()
        _merge(older[at + 1], newer[0], newer[1], newer[2], whole)
        if whole[0] >= min_periods:
            mean[i] = whole[1]
            if whole[0] > 1:
                sd[i] = np.sqrt(whole[2] / (whole[0] - 1.0))
    return mean, sd


@njit(cache=True, nogil=True, error_model="numpy")
def _sum_up(older: Floats, stretch: Floats) -> None:
    """Put into each row of `older` what the stretch is from that value on to its end."""
    for j in range(len(stretch) - 1, -1, -1):
        _merge(older[j + 1], 1.0, stretch[j], 0.0, older[j])


@njit(cache=True, nogil=True, error_model="numpy")
def _merge(one: Floats, count: float, mean: float, squares: float, into: Floats) -> None:
    """Put count, mean and sum of squares of two sets into one; Chan, Golub and LeVeque (1983)."""
    n = one[0] + count
    gap = mean - one[1]
    squares = one[2] + squares + gap * gap * (one[0] * count / n)
    if one[0] == 0.0:
        into[0], into[1], into[2] = n, mean, squares
    else:
        into[0], into[1], into[2] = n, one[1] + gap * (count / n), squares
