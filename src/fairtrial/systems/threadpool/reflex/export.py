"""From scikit-learn's estimators to plain arrays, and these rounded to what a model file holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fairtrial.errors import FairtrialError
from fairtrial.stats.summary import Floats, Integers

Parts = Mapping[str, Any]
"""Fields of `Arrays` that a kind of model fills."""


def nothing(sizes: int, inputs: int) -> dict[str, Any]:
    """Return the fields of a model without trees and units: every size costs the same."""
    whole = np.zeros(0, dtype=np.int64)
    return {
        "feature": whole, "threshold": np.zeros(0), "left": whole, "right": whole, "root": whole, "output": whole,
        "value": np.zeros((0, sizes)), "inner": np.zeros((inputs, 0)), "bias": np.zeros(0),
        "outer": np.zeros((0, sizes)), "base": np.zeros(sizes),
    }  # fmt: skip


def forest(trees: Sequence[tuple[Any, int, float]], base: Floats) -> Parts:
    """Return trees as arrays: (fitted tree of scikit-learn, first output, factor of its values); and the base.

    Nodes are numbered from the root down, leaves apart: a child is a node, or ~leaf.
    """
    nodes: list[tuple[int, float]] = []
    links: list[list[int]] = []
    values: list[Floats] = []
    roots: list[int] = []
    for tree, _, factor in trees:
        roots.append(_walk(tree, 0, factor, (nodes, links, values)))
    return {
        "feature": np.array([feature for feature, _ in nodes], dtype=np.int64),
        "threshold": np.array([threshold for _, threshold in nodes], dtype=np.float64),
        "left": np.array([link[0] for link in links], dtype=np.int64),
        "right": np.array([link[1] for link in links], dtype=np.int64),
        "root": np.array(roots, dtype=np.int64),
        "output": np.array([output for _, output, _ in trees], dtype=np.int64),
        "value": np.array(values, dtype=np.float64),
        "base": base,
    }


def _walk(tree: Any, at: int, factor: float, out: tuple[list[Any], list[Any], list[Any]]) -> int:
    """Append the node and all below it; return its number, or ~leaf. Trees are shallow: recursion is safe."""
    nodes, links, values = out
    if tree.children_left[at] < 0:
        values.append(factor * tree.value[at, :, 0])
        return ~(len(values) - 1)
    mine = len(nodes)
    nodes.append((int(tree.feature[at]), float(tree.threshold[at])))
    links.append([0, 0])
    for side, children in enumerate((tree.children_left, tree.children_right)):
        links[mine][side] = _walk(tree, int(children[at]), factor, out)
    return mine


def network(estimator: Any) -> Parts:
    """Return a fitted MLPRegressor of one rectified hidden layer as arrays."""
    inner, outer = estimator.coefs_
    bias, base = estimator.intercepts_
    parts = {"inner": inner, "bias": bias, "outer": outer, "base": base}
    return {name: np.ascontiguousarray(array, dtype=np.float64) for name, array in parts.items()}


def rounded(parts: Parts) -> Parts:
    """Round numbers to the single precision of a model file; a threshold downwards, which changes no decision.

    Inputs are of single precision: x <= t is x <= the largest such number up to t.
    """
    found = {name: single(array) if array.dtype == np.float64 else array for name, array in parts.items()}
    if "threshold" in parts:
        found["threshold"] = single(parts["threshold"], towards=-np.inf)
    return found


def single(values: Floats, *, towards: float | None = None) -> Floats:
    """Return doubles that are numbers of single precision: the nearest, or the next one downwards or upwards."""
    near = values.astype(np.float32)
    if towards is not None:
        past = near > values if towards < 0 else near < values
        near = np.where(past, np.nextafter(near, np.float32(towards)), near)
    if not np.isfinite(near).all():
        raise FairtrialError("a number of the model is not finite in single precision")
    return np.ascontiguousarray(near, dtype=np.float64)


def whole(values: Sequence[int]) -> Integers:
    """Return whole numbers as an array."""
    return np.array(values, dtype=np.int64)
