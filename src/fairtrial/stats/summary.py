"""Location and spread of samples: one sample, or many groups of one column at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fairtrial.errors import FairtrialError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Summary:
    """Groups of one column: every array has one entry a group, NaN where there are too few values."""

    n: Integers
    """Values that are finite."""
    mean: Floats
    sd: Floats
    """Sample standard deviation (divisor n - 1)."""
    median: Floats
    minimum: Floats
    maximum: Floats


def mean(values: Sequence[float]) -> float | None:
    """Return the arithmetic mean; None for an empty sample. Raises FairtrialError for what is not finite."""
    _check(values)
    return float(_whole(values).mean[0]) if len(values) else None


def sd(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation (divisor n - 1); None below two values."""
    _check(values)
    return float(_whole(values).sd[0]) if len(values) > 1 else None


def median(values: Sequence[float]) -> float | None:
    """Return the median (the middle of the two middle values where n is even); None for an empty sample."""
    _check(values)
    return float(_whole(values).median[0]) if len(values) else None


def summarise(values: npt.ArrayLike, codes: npt.ArrayLike, groups: int) -> Summary:
    """Summarise each group of a column: value i belongs to group `codes[i]`, 0 <= code < `groups`.

    Values that are not finite are missing: they enter `n` of no group. Two passes, scaled by powers of two, so that
    neither cancellation nor overflow shows; a constant group has exactly its value as mean and exactly 0 as sd.
    """
    column, code = np.asarray(values, dtype=np.float64), np.asarray(codes, dtype=np.int64)
    keep = np.isfinite(column)
    column, code = column[keep], code[keep]
    order = np.lexsort((column, code))
    column, code = column[order], code[order]
    n = np.bincount(code, minlength=groups).astype(np.int64)
    present = np.flatnonzero(n)
    return _spread(_Sorted(column, n[present]), n, present)


class _Sorted:
    """A column sorted by group, then by value: `size[g]` values for each group that has any."""

    def __init__(self, column: Floats, size: Integers) -> None:
        self.column, self.size = column, size
        self.start = np.cumsum(size) - size

    def total(self, column: Floats) -> Floats:
        totals: Floats = np.add.reduceat(column, self.start) if len(self.start) else np.empty(0)
        return totals

    def at(self, offset: Integers) -> Floats:
        picked: Floats = self.column[self.start + offset]
        return picked


def _spread(groups: _Sorted, n: Integers, present: Integers) -> Summary:
    size = groups.size
    low, high = groups.at(np.zeros_like(size)), groups.at(size - 1)
    below, above = groups.at((size - 1) // 2), groups.at(size // 2)
    exponent = np.frexp(np.maximum(np.abs(low), np.abs(high)))[1]
    scaled = np.ldexp(groups.column, -np.repeat(exponent, size))
    middle = groups.total(scaled) / size
    middle = middle + groups.total(scaled - np.repeat(middle, size)) / size
    squares = groups.total((scaled - np.repeat(middle, size)) ** 2)
    spread = np.ldexp(np.sqrt(squares / np.maximum(size - 1, 1)), exponent)
    spread[low == high] = 0.0
    spread[size < 2] = np.nan
    return Summary(
        n=n,
        mean=_filled(np.clip(np.ldexp(middle, exponent), low, high), n, present),
        sd=_filled(spread, n, present),
        median=_filled(np.where(size % 2, below, below / 2 + above / 2), n, present),
        minimum=_filled(low, n, present),
        maximum=_filled(high, n, present),
    )


def _filled(values: Floats, n: Integers, present: Integers) -> Floats:
    full = np.full(len(n), np.nan)
    full[present] = values
    return full


def _whole(values: Sequence[float]) -> Summary:
    return summarise(values, np.zeros(len(values), dtype=np.int64), 1)


def _check(values: Sequence[float]) -> None:
    if not all(map(math.isfinite, values)):
        raise FairtrialError("a sample holds a value that is not finite: undefined values are removed and counted")
