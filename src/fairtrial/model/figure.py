"""A plot as data: what a report draws, and writes beside the picture so that anybody can draw it again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis with its label (the unit included); `ticks` names places where levels are no numbers."""

    label: str
    log: bool = False
    ticks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Series:
    """Values along x; `low` and `high` are an interval each (empty for none; NaN for one that is missing)."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    kind: str = "points"
    """points (with error bars) | dots (faint single values) | line (low and high as a band) | bars | steps"""


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
    rows: tuple[tuple[str | float | int | None, ...], ...]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report: sentences, then tables, then plots."""

    title: str
    sentences: tuple[str, ...] = ()
    tables: tuple[Grid, ...] = ()
    figures: tuple[Figure, ...] = ()
