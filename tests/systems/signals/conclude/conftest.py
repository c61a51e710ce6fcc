"""Runs by hand: settled trials with their metrics, and raw tables as a book would give them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import polars as pl
import pytest

from fairtrial.errors import UnknownName
from fairtrial.model.run import Measurements

NAN = float("nan")
Make = Callable[..., Measurements]


@pytest.fixture
def run() -> Make:
    """Make a run: factors and metrics as columns, trials numbered from 1, done unless a status is given."""

    def make(
        factors: Mapping[str, Sequence[Any]], metrics: Mapping[str, Sequence[float]], *,
        status: Sequence[str] | None = None, replicate: Sequence[int] | None = None,
    ) -> Measurements:  # fmt: skip
        count = len(next(iter([*metrics.values(), *factors.values()])))
        return Measurements(
            run=7,
            number=list(range(1, count + 1)),
            variant=[""] * count,
            replicate=replicate or [0] * count,
            seed=replicate or [0] * count,
            status=status or ["done"] * count,
            failure=[""] * count,
            factors=factors,
            metrics=metrics,
        )

    return make


class Shelf:
    """Raw tables, given as one frame a name with a column `trial`."""

    def __init__(self, **frames: Mapping[str, Sequence[Any]]) -> None:
        self.frames = {name: pl.DataFrame(frame) for name, frame in frames.items()}

    def __call__(
        self, name: str, *, columns: Collection[str] | None = None, trials: Collection[int] | None = None
    ) -> pl.DataFrame:
        if name not in self.frames:
            raise UnknownName("table", name, self.frames)
        found = self.frames[name]
        if trials is not None:
            found = found.filter(pl.col("trial").is_in(list(trials)))
        if found.is_empty():
            raise UnknownName("table", name, [])
        return found if columns is None else found.select("trial", *columns)


@pytest.fixture
def shelf() -> type[Shelf]:
    """Raw tables: `shelf(trades={"trial": …})`."""
    return Shelf
