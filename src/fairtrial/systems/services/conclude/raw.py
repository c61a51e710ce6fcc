"""The raw tables of a run, grouped by arm and level."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from fairtrial.errors import UnknownName
from fairtrial.systems.services.conclude.ladder import Ladder

if TYPE_CHECKING:
    import polars

Tables = Callable[[str], Any]
"""Name of a raw table -> polars DataFrame with the column `trial`. Raises UnknownName."""


def read(tables: Tables, name: str) -> polars.DataFrame | None:
    """Return a raw table; None where no trial of the run kept one (nothing was sampled, nothing is left)."""
    try:
        found: polars.DataFrame = tables(name)
    except UnknownName:
        return None
    return found


def grouped(frame: polars.DataFrame, ladder: Ladder) -> Iterator[tuple[str, int, polars.DataFrame]]:
    """Yield (arm, place of the level, rows of its trials that are done), lowest level first."""
    import polars as pl

    numbers: dict[tuple[str, int], list[int]] = {}
    for trial, cell in ladder.homes().items():
        numbers.setdefault(cell, []).append(trial)
    for arm, place in ladder.cells():
        rows = frame.filter(pl.col("trial").is_in(numbers.get((arm, place), [])))
        if len(rows):
            yield arm, place, rows
