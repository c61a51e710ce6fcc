"""Location and spread of samples: one sample, or many groups of one column at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fairtrial.errors import FairtrialError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

ROUNDING = 1e-12
"""Relative error of n times a probability that is none: 0.95 of 20 values are 19."""


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
    quantiles: Floats
    """A row for each probability that was asked for."""


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
    """Summarise each group of a column: value i belongs to group `codes[i]`, 0 <= code < `groups`."""
    return Groups(codes, groups).summarise(values)


class Groups:
    """Values in groups, laid out once and summarised for many columns: value i belongs to group `codes[i]`.

    Groups of similar size (within a factor of two) are summarised together, as the rows of a matrix.
    """

    def __init__(self, codes: npt.ArrayLike, groups: int) -> None:
        code = np.asarray(codes, dtype=np.int64)
        self.count, self.length = groups, len(code)
        self.size = np.bincount(code, minlength=groups).astype(np.int64)
        self._parts = list(_parts(_sorted_places(code), self.size))

    def summarise(self, values: npt.ArrayLike, quantiles: Sequence[float] = ()) -> Summary:
        """Summarise each group of a column.

        Values that are not finite are missing: they enter `n` of no group. Two passes, scaled by powers of two, so
        that neither cancellation nor overflow shows; a constant group has exactly its value as mean and exactly 0 as
        sd. A quantile is the smallest value with at least that share of the values at or below it (numpy's
        `inverted_cdf`; type 1 of Hyndman and Fan (1996), Sample quantiles in statistical packages, Am. Statist. 50).
        The order of the values within a group does not matter, to the last digit.
        """
        column = np.append(np.asarray(values, dtype=np.float64), np.nan)
        column[~np.isfinite(column)] = np.nan
        n = np.zeros(self.count, dtype=np.int64)
        numbers = np.full((5 + len(quantiles), self.count), np.nan)
        for groups, places in self._parts:
            rows = np.sort(column[places], axis=1)  # what is missing is last
            found = rows.shape[1] - np.isnan(rows).sum(axis=1)
            n[groups] = found
            if not found.all():
                groups, rows, found = groups[found > 0], rows[found > 0], found[found > 0]
            numbers[:, groups] = _numbers(rows, found, quantiles)
        mean, sd, median, low, high = numbers[:5]
        return Summary(n, mean, sd, median, low, high, numbers[5:])


Part = tuple[Integers, Integers]


def _sorted_places(code: Integers) -> Integers:
    """Return the places of the values, group by group: a stable sort by radix, 16 bits at a time."""
    order = np.arange(len(code))
    for shift in range(0, int(code.max(initial=0)).bit_length(), 16):
        order = order[np.argsort((code[order] >> shift & 0xFFFF).astype(np.uint16), kind="stable")]
    return order


def _parts(order: Integers, size: Integers) -> Iterator[Part]:
    """Yield groups of similar size with the places of their values, a row a group, filled up with the place -1."""
    start = np.cumsum(size) - size
    octave = np.frexp(size.astype(np.float64) - 0.5)[1]
    for kind in np.unique(octave[size > 0]).tolist():
        groups = np.flatnonzero((octave == kind) & (size > 0))
        width = np.arange(int(size[groups].max()))
        inside = width < size[groups, None]
        places = np.where(inside, (start[groups, None] + width).clip(max=max(len(order) - 1, 0)), 0)
        yield groups, np.where(inside, order[places], -1)


def _numbers(rows: Floats, n: Integers, quantiles: Sequence[float]) -> Floats:
    """Return mean, sd, median, minimum, maximum and quantiles of sorted rows; n values of each are numbers."""
    at = np.arange(len(rows))
    low, high = rows[:, 0], rows[at, n - 1]
    below, above = rows[at, (n - 1) // 2], rows[at, n // 2]
    asked = [rows[at, np.clip(np.ceil(n * q * (1 - ROUNDING)).astype(np.int64) - 1, 0, n - 1)] for q in quantiles]
    mean, sd = _moments(rows, n, np.frexp(np.maximum(np.abs(low), np.abs(high)))[1])
    sd[low == high] = 0.0
    sd[n < 2] = np.nan
    return np.stack([np.clip(mean, low, high), sd, np.where(n % 2, below, below / 2 + above / 2), low, high, *asked])


def _moments(rows: Floats, n: Integers, exponent: npt.NDArray[np.int32]) -> tuple[Floats, Floats]:
    scaled = np.ldexp(rows, -exponent[:, None])
    if (n < rows.shape[1]).any():
        missing = np.isnan(scaled)
        scaled[missing] = 0.0
    else:
        missing = None
    middle = scaled.sum(axis=1) / n
    away = scaled - middle[:, None]
    if missing is not None:
        away[missing] = 0.0
    shift = away.sum(axis=1) / n
    away -= shift[:, None]
    if missing is not None:
        away[missing] = 0.0
    sd = np.sqrt(np.einsum("ij,ij->i", away, away) / np.maximum(n - 1, 1))
    return np.ldexp(middle + shift, exponent), np.ldexp(sd, exponent)


def _whole(values: Sequence[float]) -> Summary:
    return summarise(values, np.zeros(len(values), dtype=np.int64), 1)


def _check(values: Sequence[float]) -> None:
    if not all(map(math.isfinite, values)):
        raise FairtrialError("a sample holds a value that is not finite: undefined values are removed and counted")
