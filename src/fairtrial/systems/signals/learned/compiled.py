"""The kernels, compiled; each row is made in one order of operations, however many rows are made at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from fairtrial.systems.signals.record import Bytes, Floats, Integers

TOLERANCE_TICKS = 1e-6
"""Prices over tick sizes are not whole: a barrier counts as touched within it."""


@njit(cache=True, nogil=True, error_model="numpy")
def project(rows: Floats, cells: Integers, probes: Integers, weights: Floats, into: Floats) -> None:
    """Add to probes, (n, probes), the weighted cells of one column, (n, LEVELS)."""
    for row in range(len(rows)):
        for part in range(len(cells)):
            into[row, probes[part]] += weights[part] * rows[row, cells[part]]


@njit(cache=True, nogil=True, error_model="numpy")
def fill(tracks: Floats, last: Floats) -> None:
    """Put in place of what is not finite, in (tracks, n), the value before, and `last` before the first."""
    for track in range(tracks.shape[0]):
        for at in range(tracks.shape[1]):
            if np.isfinite(tracks[track, at]):
                last[track] = tracks[track, at]
            else:
                tracks[track, at] = last[track]


@njit(cache=True, nogil=True, error_model="numpy")
def moments(tracks: Floats, before: int, windows: Integers, into: Floats) -> None:
    """Write mean and standard deviation over trailing windows: (tracks, before + n) -> (n, tracks, windows, 2).

    Every window is summed anew: no rounding is carried along, and an outlier that has left it leaves no trace.
    """
    for at in range(into.shape[0]):
        for track in range(into.shape[1]):
            for window in range(into.shape[2]):
                last = tracks[track, before + at + 1 - windows[window] : before + at + 1]
                into[at, track, window, 0], into[at, track, window, 1] = _moments(last)


@njit(cache=True, nogil=True, error_model="numpy")
def _moments(values: Floats) -> tuple[float, float]:
    total = 0.0
    for value in values:
        total += value
    mean = total / len(values)
    squares = 0.0
    for value in values:
        squares += (value - mean) * (value - mean)
    return mean, np.sqrt(squares / len(values))


@njit(cache=True, nogil=True, error_model="numpy")
def resolve(rings: tuple[Floats, Bytes, Integers], seen: int, mids: Floats, barrier: float, longest: int) -> None:
    """Let bins pass: enter each mid, and say of the bins before which side of the barriers it touched first for them.

    `rings`: mid, side (+1, -1, 0: none so far) and the bin at which that was known, each at bin modulo their length,
    which is greater than `longest`, the bins that a row may wait.
    """
    mid, side, known = rings
    size, reach = len(mid), barrier - TOLERANCE_TICKS
    for new in range(len(mids)):
        number, now = seen + new, mids[new]
        for earlier in range(max(number - longest, 0), number):
            at = earlier % size
            if side[at] == 0 and abs(now - mid[at]) >= reach:
                side[at] = 1 if now > mid[at] else -1
                known[at] = number
        at = number % size
        mid[at], side[at], known[at] = now, 0, -1


@njit(cache=True, nogil=True, error_model="numpy")
def decide(features: Floats, centre: Floats, scale: Floats, weights: Floats, offset: float) -> Floats:
    """Return a linear decision on scaled features, (n, features) -> (n,)."""
    found = np.empty(len(features))
    for row in range(len(features)):
        total = offset
        for at in range(len(weights)):
            total += (features[row, at] - centre[at]) / scale[at] * weights[at]
        found[row] = total
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def vote(features: Floats, stored: Floats, sides: Bytes, neighbours: int) -> Floats:
    """Return the mean side of the nearest stored points, weighted by 1 / distance, (n, features) -> (n,).

    `stored` is (features, points), so that the sums over features run side by side. Points at distance 0 alone count
    where there are such; of points equally far the earlier one counts.
    """
    found = np.empty(len(features))
    squares = np.empty(stored.shape[1])
    far, which = np.empty(neighbours), np.empty(neighbours, np.int64)
    for row in range(len(features)):
        squares[:] = 0.0
        for at in range(stored.shape[0]):
            here = features[row, at]
            for point in range(stored.shape[1]):
                gap = stored[at, point] - here
                squares[point] += gap * gap
        _nearest(squares, far, which)
        found[row] = _weighted(far, which, sides)
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def _nearest(squares: Floats, far: Floats, which: Integers) -> None:
    """Write the least squared distances in order, and whose they are."""
    far[:] = np.inf
    which[:] = 0
    last = len(far) - 1
    for point in range(len(squares)):
        if squares[point] < far[last]:
            at = last
            while at > 0 and far[at - 1] > squares[point]:
                far[at], which[at] = far[at - 1], which[at - 1]
                at -= 1
            far[at], which[at] = squares[point], point


@njit(cache=True, nogil=True, error_model="numpy")
def _weighted(far: Floats, which: Integers, sides: Bytes) -> float:
    total, whole = 0.0, 0.0
    for at in range(len(far)):
        weight = 1.0 / np.sqrt(far[at]) if far[0] > 0.0 else 1.0 * (far[at] == 0.0)
        total += weight * sides[which[at]]
        whole += weight
    return total / whole


@njit(cache=True, nogil=True, error_model="numpy")
def distances(scaled: Floats, axes: Floats, variances: Floats) -> tuple[Floats, Floats, Floats]:
    """Return, of scaled rows (n, features), how far each lies from a plane, how far within it, and its first score.

    `axes` is (components, features), orthonormal. The distance from the plane is a root mean square, that within it is
    Mahalanobis's, the first score is in standard deviations.
    """
    residual, within, first = np.empty(len(scaled)), np.empty(len(scaled)), np.empty(len(scaled))
    left = np.empty(scaled.shape[1])
    for row in range(len(scaled)):
        left[:] = scaled[row]
        total = 0.0
        for component in range(len(axes)):
            score = 0.0
            for at in range(len(left)):
                score += scaled[row, at] * axes[component, at]
            for at in range(len(left)):
                left[at] -= score * axes[component, at]
            total += score * score / variances[component]
            if component == 0:
                first[row] = score / np.sqrt(variances[0])
        within[row] = np.sqrt(total)
        residual[row] = np.sqrt(_square(left) / len(left))
    return residual, within, first


@njit(cache=True, nogil=True, error_model="numpy")
def _square(values: npt.NDArray[np.float64]) -> float:
    total = 0.0
    for value in values:
        total += value * value
    return total
