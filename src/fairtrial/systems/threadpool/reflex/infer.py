"""The compiled decision: range check, normalising, trees and hidden units, and the smallest of the best sizes."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from fairtrial.stats.summary import Floats, Integers, Mask
from fairtrial.systems.threadpool.reflex.arrays import Arrays
from fairtrial.systems.threadpool.simulate.borrow import borrowed
from fairtrial.systems.threadpool.telemetry.schema import NAMES

RATE, P50, SIZE = (NAMES.index(name) for name in ("arrival_rate", "task_time_p50_us", "task_size_mean"))
INPUTS = len(NAMES) + 2
"""The ten features and two that are made of them: see `normalise`."""
TIE = 0.01
"""Log costs closer than this (1 % of a p95) are equal: the smaller size is taken."""


@numba.njit(cache=True)
def _borrowed(arrays: Any) -> Any:
    """Return the same arrays without counting who uses them, which takes longer than a decision."""
    return Arrays(
        borrowed(arrays.sizes), borrowed(arrays.logged), borrowed(arrays.centre), borrowed(arrays.scale),
        borrowed(arrays.low), borrowed(arrays.high), borrowed(arrays.feature), borrowed(arrays.threshold),
        borrowed(arrays.left), borrowed(arrays.right), borrowed(arrays.root), borrowed(arrays.output),
        borrowed(arrays.value), borrowed(arrays.inner), borrowed(arrays.bias), borrowed(arrays.outer),
        borrowed(arrays.base),
    )  # fmt: skip


@numba.njit(cache=True)
def within(arrays: Any, features: Any) -> bool:
    """Say whether every feature is a number within the range that was trained on."""
    found = True
    for at in range(features.shape[0]):
        found &= arrays.low[at] <= features[at] <= arrays.high[at]  # NaN is neither
    return found


@numba.njit(cache=True)
def normalise(arrays: Any, features: Any, inputs: Any) -> None:
    """Write the normalised inputs (12,), rounded to single precision as the trees of scikit-learn do.

    Beside the features stand two that queueing theory looks at, and that a tree, which asks for one feature at a time,
    cannot make: the CPU load (arrivals times CPU time) and how much longer a task takes than it computes.
    """
    for at in range(features.shape[0]):
        inputs[at] = math.log1p(max(features[at], 0.0)) if arrays.logged[at] else features[at]
    inputs[features.shape[0]] = inputs[RATE] + inputs[SIZE]
    inputs[features.shape[0] + 1] = inputs[P50] - inputs[SIZE]
    for at in range(inputs.shape[0]):
        inputs[at] = np.float32((inputs[at] - arrays.centre[at]) / arrays.scale[at])


@numba.njit(cache=True)
def add_trees(arrays: Any, inputs: Any, out: Any) -> None:
    """Add to each output what the leaves hold that the inputs end in."""
    width = arrays.value.shape[1]
    for tree in range(arrays.root.shape[0]):
        node = arrays.root[tree]
        while node >= 0:
            low = inputs[arrays.feature[node]] <= arrays.threshold[node]
            node = arrays.left[node] if low else arrays.right[node]
        first = arrays.output[tree]
        for at in range(width):
            out[first + at] += arrays.value[~node, at]


@numba.njit(cache=True)
def add_units(arrays: Any, inputs: Any, out: Any) -> None:
    """Add to each output what the hidden units give: rectified sums of the inputs."""
    for unit in range(arrays.bias.shape[0]):
        total = arrays.bias[unit]
        for at in range(inputs.shape[0]):
            total += inputs[at] * arrays.inner[at, unit]
        if total > 0.0:
            for size in range(out.shape[0]):
                out[size] += total * arrays.outer[unit, size]


@numba.njit(cache=True)
def evaluate(arrays: Any, features: Any, inputs: Any, out: Any) -> None:
    """Write the log cost of each size to `out`; `inputs` is room for the normalised features."""
    normalise(arrays, features, inputs)
    for size in range(out.shape[0]):
        out[size] = arrays.base[size]
    add_trees(arrays, inputs, out)
    add_units(arrays, inputs, out)


@numba.njit(cache=True)
def decide(arrays: Any, features: Any, inputs: Any, out: Any) -> int:
    """Return the size chosen for one row of features (10,); 0 where it is out of range or a number is missing.

    `inputs` (12,) and `out` (sizes,) are room to work in, so that a loop of decisions allocates nothing.
    """
    if not within(arrays, features):
        return 0
    evaluate(arrays, features, inputs, out)
    lowest = out[0]
    for at in range(1, out.shape[0]):
        lowest = min(lowest, out[at])
    at = 0
    while out[at] > lowest + TIE:
        at += 1
    return int(arrays.sizes[at])


@numba.njit(cache=True)
def decisions(arrays: Any, features: Floats) -> Integers:
    """Return what `decide` says of each row (rows, 10)."""
    inputs, out = np.empty(INPUTS), np.empty(arrays.base.shape[0])
    chosen = np.empty(features.shape[0], dtype=np.int64)
    lent, rows, room, costs = _borrowed(arrays), borrowed(features), borrowed(inputs), borrowed(out)
    for row in range(features.shape[0]):
        chosen[row] = decide(lent, rows[row], room, costs)
    return chosen


@numba.njit(cache=True)
def log_costs(arrays: Any, features: Floats) -> Floats:
    """Return the log costs (rows, sizes) of rows of features, in range or not; NaN follows from NaN."""
    inputs = np.empty(INPUTS)
    out = np.empty((features.shape[0], arrays.base.shape[0]))
    for row in range(features.shape[0]):
        evaluate(arrays, features[row], inputs, out[row])
        if np.isnan(features[row]).any():
            out[row] = np.nan
    return out


@numba.njit(cache=True)
def normalised(arrays: Any, features: Floats) -> Floats:
    """Return the rows (rows, 10) as the trees and units see them, (rows, 12): what learning and deciding share."""
    out = np.empty((features.shape[0], INPUTS))
    for row in range(features.shape[0]):
        normalise(arrays, features[row], out[row])
    return out


@numba.njit(cache=True)
def inside(arrays: Any, features: Floats) -> Mask:
    """Say of each row (rows, 10) whether it is in range."""
    found = np.empty(features.shape[0], dtype=np.bool_)
    for row in range(features.shape[0]):
        found[row] = within(arrays, features[row])
    return found


@numba.njit(cache=True)
def spin(arrays: Any, features: Floats, rounds: int) -> int:
    """Decide every row that many times, and return the sum of the choices, so that no decision can be left out."""
    inputs, out = np.empty(INPUTS), np.empty(arrays.base.shape[0])
    lent, rows, room, costs = _borrowed(arrays), borrowed(features), borrowed(inputs), borrowed(out)
    total = 0
    for _ in range(rounds):
        for row in range(features.shape[0]):
            total += decide(lent, rows[row], room, costs)
    return total
