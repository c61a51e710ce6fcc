"""Misses as a section: what failed, timed out, was shed or never ended, by class and by level."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fairtrial.contract.system import Tables
from fairtrial.model.figure import Axis, Figure, Grid, Section, Series
from fairtrial.model.words import count, percent
from fairtrial.systems.services.conclude.ladder import Ladder
from fairtrial.systems.services.conclude.raw import requests

if TYPE_CHECKING:
    import polars

COLUMNS = ("phase", "outcome", "error")
CLASSES = 20
"""Classes that are listed; the rest is summed up."""
Counts = dict[tuple[str, int], Counter[str]]


def misses(ladder: Ladder, tables: Tables) -> Section | None:
    """Count the requests of the window that did not succeed; None where no request was kept."""
    by_cell: Counts = {}
    due: dict[tuple[str, int], int] = {}
    for arm, place, rows in requests(tables, ladder, COLUMNS):
        due[arm, place], by_cell[arm, place] = _counted(rows)
    if not due:
        return None
    total, asked = sum(by_cell.values(), Counter()), sum(due.values())
    if not total:
        return Section("Errors", (f"All of {count(asked, 'request')} due in the windows succeeded.",))
    missed = sum(total.values())
    said = f"{missed:,} of {count(asked, 'request')} due in the windows are misses ({percent(missed / asked)})."
    classes = [name for name, _ in total.most_common(CLASSES)]
    return Section("Errors", (said,), (_table(ladder, by_cell, due, classes),), (_figure(total, classes),))


def _counted(rows: polars.DataFrame) -> tuple[int, Counter[str]]:
    """Return how many requests were due in the window, and the misses by class: the outcome, or its error."""
    import polars as pl

    steady = rows.filter(pl.col("phase") == "steady")
    kinds = steady.filter(pl.col("outcome") != "ok").select(
        kind=pl.coalesce(pl.col("error").cast(pl.String), pl.col("outcome").cast(pl.String))
    )
    return len(steady), Counter(dict(kinds["kind"].value_counts().iter_rows()))


def _table(ladder: Ladder, by_cell: Counts, due: dict[tuple[str, int], int], classes: list[str]) -> Grid:
    rest = ["others"] if any(set(found) - set(classes) for found in by_cell.values()) else []
    rows = []
    for cell, found in by_cell.items():
        known = [found[name] for name in classes]
        others = [sum(found.values()) - sum(known)] if rest else []
        rows.append((*ladder.place(*cell), due[cell], *known, *others))
    return Grid((*ladder.heads(), "due", *classes, *rest), tuple(rows), "Misses by class")


def _figure(total: Counter[str], classes: list[str]) -> Figure:
    at = tuple(float(place) for place in range(len(classes)))
    bars = Series("misses", tuple(float(total[name]) for name in classes), at, kind="bars")
    places = Axis("", ticks=tuple(zip(at, classes, strict=True)))
    return Figure("misses", "Misses by class, all levels together", Axis("requests"), places, (bars,))
