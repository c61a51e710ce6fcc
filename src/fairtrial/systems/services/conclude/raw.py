"""The raw tables of a run, grouped by arm and level."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from fairtrial.contract.system import Tables
from fairtrial.errors import UnknownName
from fairtrial.systems.services.conclude.ladder import Ladder

if TYPE_CHECKING:
    import polars


def read(
    tables: Tables,
    name: str,
    *,
    columns: Collection[str] | None = None,
    trials: Collection[int] | None = None,
) -> polars.DataFrame | None:
    """Return a raw table; None where none of the trials kept one (nothing was sampled, nothing is left)."""
    try:
        found: polars.DataFrame = tables(name, columns=columns, trials=trials)
    except UnknownName as problem:
        if problem.kind != "table":
            raise
        return None
    return found


def requests(
    tables: Tables, ladder: Ladder, columns: Collection[str], *, places: Collection[int] | None = None
) -> Iterator[tuple[str, int, polars.DataFrame]]:
    """Yield (arm, place of the level, requests of its trials that are done), lowest level first.

    One level is held at a time, and of it the columns that are needed: a run may have more requests than memory.
    """
    numbers: dict[tuple[str, int], list[int]] = {}
    for trial, cell in ladder.homes().items():
        numbers.setdefault(cell, []).append(trial)
    for arm, place in ladder.cells():
        if places is not None and place not in places:
            continue
        rows = read(tables, "requests", columns=columns, trials=numbers.get((arm, place), []))
        if rows is not None and len(rows):
            yield arm, place, rows
