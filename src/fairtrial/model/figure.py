"""A plot as data: what a report draws, and writes beside the picture so that anybody can draw it again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

DIGITS = 5
"""Significant digits of a number that is shown."""
MISSING = "–"

Cell = str | float | int | None
"""A cell of a table: text, a number, or nothing."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis with its label (the unit included); `ticks` names places where levels are no numbers."""

    label: str
    log: bool = False
    ticks: tuple[tuple[float, str], ...] = ()
    zero: bool = False
    """It starts at 0, so that heights can be compared."""


@dataclass(frozen=True, slots=True)
class Series:
    """Values along x; `low` and `high` are an interval each (empty for none; NaN for one that is missing)."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    kind: str = "points"
    """points (with error bars) | dots (faint single values) | line (low and high as a band) | dashes | bars | steps

    Where the y axis names places, points and bars lie along x: `y` is the place, `x` the value, low and high its
    interval.
    """
    group: str = ""
    """Whose colour it takes: that of the series with this label; its own unless given."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on an axis, with its interval as a band."""

    axis: str
    """x | y"""
    at: float
    label: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """One plot."""

    name: str
    """A file name's stem, unique in its report: letters, digits and '-'."""
    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    marks: tuple[Mark, ...] = ()
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table as data: a heading, columns and rows of text or numbers (None: missing)."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    decimals: Mapping[str, int] = field(default_factory=dict)
    """Column -> decimals of its fractions; numbers of the others have five significant digits."""

    def shown(self) -> list[list[str]]:
        """Return the rows as text, as every table of ours shows them."""
        decimals = [self.decimals.get(column) for column in self.columns]
        return [[shown(cell, places) for cell, places in zip(row, decimals, strict=True)] for row in self.rows]

    def head(self, rows: int) -> Grid:
        """Return the table cut after so many rows."""
        return replace(self, rows=self.rows[:rows])

    def numeric(self) -> frozenset[str]:
        """Return the columns that hold numbers and nothing else: they are set flush right."""
        columns = zip(self.columns, zip(*self.rows, strict=True), strict=True) if self.rows else ()
        return frozenset(name for name, cells in columns if not any(isinstance(cell, str) for cell in cells))


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report: sentences, then plots, then tables (a terminal shows no plots)."""

    title: str
    sentences: tuple[str, ...] = ()
    tables: tuple[Grid, ...] = ()
    figures: tuple[Figure, ...] = ()


def shown(value: Cell, decimals: int | None = None) -> str:
    """Write a cell: five significant digits, or so many decimals where that hides nothing; a dash for a missing one."""
    if isinstance(value, str):
        return value
    if value is None or not math.isfinite(value):
        return MISSING
    if isinstance(value, int):
        return str(value)
    hidden = decimals is None or abs(value) >= 1e9 or 0 < abs(value) < 10.0 ** (1 - decimals)
    return f"{value:.{DIGITS}g}" if hidden else f"{value:.{decimals}f}"
