"""How a formula runs: it reads some numbers off each bin, then rolls over them; bins without a book are left out.

A bin whose book is not valid, or whose numbers are not finite, has no value, and the rolling goes on as if it had not
been: neither a window nor an average sees it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from fairtrial.systems.signals.record import Bin, Floats, Market

Columns = Mapping[str, npt.NDArray[Any]]
Read = Callable[[Columns], Floats]
"""Columns (..., LEVELS) -> the numbers of a bin, (..., numbers)."""


class Rolling(Protocol):
    """What follows the reading, bin by bin."""

    def step(self, numbers: Sequence[float]) -> float:
        """Return the value at a bin that has these numbers, all finite."""


def at_once(market: Market, names: Sequence[str], read: Read, roll: Callable[[Floats], Floats]) -> Floats:
    """Return the values of all bins, (n,): `roll` makes (m,) values of the (m, numbers) of bins that have them."""
    valid = np.flatnonzero(market.bins.book_valid)
    numbers = read({name: np.ascontiguousarray(market.columns[name][valid]) for name in names})
    usable = np.isfinite(numbers).all(axis=-1)
    found = np.full(len(market), np.nan)
    found[valid[usable]] = roll(numbers[usable])
    return found


class Course:
    """The same, bin by bin."""

    def __init__(self, read: Read, rolling: Rolling) -> None:
        self._read = read
        self._rolling = rolling

    def step(self, now: Bin) -> float:
        """Return the value at this bin."""
        if not now.valid:
            return math.nan
        numbers = self._read(now.columns).tolist()
        return self._rolling.step(numbers) if all(map(math.isfinite, numbers)) else math.nan
