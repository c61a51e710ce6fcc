"""Messages in, bins and the asked columns of the grid out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from fairtrial.systems.signals.record import Bins, Events
from fairtrial.systems.signals.words import Grid


@dataclass(frozen=True, slots=True)
class Made:
    """What messages come to."""

    bins: Bins
    columns: dict[str, npt.NDArray[Any]]
    """Column of the grid -> (n, LEVELS) values."""
    odd: Mapping[str, int]
    """Kind of an odd message -> how many there were."""


def make(
    events: Events, *, tick_size: float, grid: Grid, start_ns: int | None = None, columns: Collection[str] | None = None
) -> Made:
    """Return the bins, and the columns of these names (None: all); `start_ns` is the first bin's start.

    UnknownName for a column that the grid does not have.
    """
    raise NotImplementedError
