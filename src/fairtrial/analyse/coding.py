"""Columns of any values as numbers: equal values get equal codes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from fairtrial.model.identity import canonical_json
from fairtrial.model.study import ABSENT
from fairtrial.stats.summary import Integers

MANY = 2**62


def codes(values: Sequence[Any]) -> tuple[Integers, list[Any]]:
    """Number the different values of a column in the order in which they first stand: (codes, values by code).

    1 and 1.0 are one value, 1 and true are two, and so are ABSENT and None. Every step over the rows is a loop in C;
    only the different values are looked at one by one.
    """
    column: Sequence[Any] = values.tolist() if isinstance(values, np.ndarray) else values
    place: dict[Hashable, int] = {}
    levels: list[Any] = []

    def code(value: Any) -> int:
        number = place.setdefault(_key(value), len(levels))
        if number == len(levels):
            levels.append(value)
        return number

    try:
        pairs = dict.fromkeys(zip(map(type, column), column, strict=True))
    except TypeError:  # lists and mappings as levels
        return np.fromiter(map(code, column), np.int64, len(column)), levels
    number = {pair: code(pair[1]) for pair in pairs}
    found = np.fromiter(map(number.__getitem__, zip(map(type, column), column, strict=True)), np.int64, len(column))
    return found, levels


def joined(left: Integers, right: Integers) -> Integers:
    """Return codes that are equal exactly where both columns are."""
    width = int(right.max(initial=0)) + 1
    if int(left.max(initial=0)) >= MANY // width:
        left = np.unique(left, return_inverse=True)[1].astype(np.int64)
    return left * width + right


def _key(value: Any) -> Hashable:
    if value is ABSENT or (isinstance(value, int | float) and not isinstance(value, bool)):
        return (value,)
    return canonical_json(value)
