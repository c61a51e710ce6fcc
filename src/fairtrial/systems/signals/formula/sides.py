"""The two sides of a bin's book: cells below the spot are the bid's, those above are the ask's."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fairtrial.systems.signals.record import REACH, Floats

BANDS = ((1, 3), (4, 11), (12, 23))
"""Inner, mid and outer band: first and last distance from the spot, in cells."""


def below(x: npt.NDArray[Any], first: int, last: int) -> npt.NDArray[Any]:
    """Return the cells `first` to `last` below the spot, nearest first; x is (..., LEVELS)."""
    return x[..., REACH - last : REACH - first + 1][..., ::-1]


def above(x: npt.NDArray[Any], first: int, last: int) -> npt.NDArray[Any]:
    """Return the cells `first` to `last` above the spot, nearest first; x is (..., LEVELS)."""
    return x[..., REACH + first : REACH + last + 1]


def lean(x: npt.NDArray[Any], weights: Floats, *, first: int = 1) -> Floats:
    """Return sum w (below - above) over the distances from `first` on, one for each weight; (...)."""
    last = first + len(weights) - 1
    found: Floats = ((below(x, first, last) - above(x, first, last)) * weights).sum(axis=-1)
    return found


def inverse(last: int) -> Floats:
    """Return the weights 1/|k| of the distances 1 to `last`; they sum to 1."""
    weights = 1.0 / np.arange(1, last + 1)
    shares: Floats = weights / weights.sum()
    return shares
