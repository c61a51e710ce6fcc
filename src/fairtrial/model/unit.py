"""Units: which numbers are possible at all, so that no interval of a time or a share says what cannot be."""

from __future__ import annotations

import math
from collections.abc import Sequence

TIMES = frozenset({"ns", "us", "µs", "ms", "s", "min", "h", "d"})
SIZES = frozenset({"B", "kB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB", "byte", "bytes"})
COUNTS = frozenset({"count", "items", "events", "requests", "tasks", "tokens", "errors", "cores"})
SHARES = frozenset({"share"})
PER = "/"
"""Stands in a unit that is a rate: `1/s`, `MiB/s`."""


def possible(unit: str, least: float, most: float) -> tuple[float, float]:
    """Return what a quantity of this unit can be at least and at most, of which values `least` to `most` were seen.

    A time, a size, a count and a rate are not negative, a share lies between 0 and 1. Values that do not keep to that
    show that the unit was meant otherwise (a change, a share of something smaller): then nothing is impossible.
    """
    positive = unit in TIMES | SIZES | COUNTS | SHARES or PER in unit
    low = 0.0 if positive and least >= 0 else -math.inf
    high = 1.0 if unit in SHARES and least >= 0 and most <= 1 else math.inf
    return low, high


def cut(ends: Sequence[float], within: tuple[float, float]) -> tuple[float, float, str]:
    """Cut the ends of an interval at what is possible; return them and at what they were cut: `at 0 and 1`, or ''.

    What is true lies within what is possible, so that an interval which is cut there covers it as often as before.
    """
    low, high = max(ends[0], within[0]), min(ends[1], within[1])
    at = [f"{end:g}" for end, before in ((low, ends[0]), (high, ends[1])) if end != before]
    return low, high, f"at {' and '.join(at)}" if at else ""
