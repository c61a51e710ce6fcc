"""The order of a report: its sections, each table and each plot with a name of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fairtrial.model.document import Document
from fairtrial.model.figure import Figure, Grid, Section
from fairtrial.report.sections.cautions import cautions
from fairtrial.report.sections.claims import claims

LONGEST = 48
"""Characters of a name made from a title."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table and the stem of its file."""

    name: str
    grid: Grid


@dataclass(frozen=True, slots=True)
class Part:
    """A section with the name of its place in the page."""

    anchor: str
    section: Section
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """A document with everything named."""

    document: Document
    parts: tuple[Part, ...]

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Return all plots in order."""
        return tuple(figure for part in self.parts for figure in part.figures)

    @property
    def tables(self) -> tuple[Table, ...]:
        """Return all tables in order."""
        return tuple(table for part in self.parts for table in part.tables)


def outline(document: Document) -> Outline:
    """Name the sections, tables and plots of a document: unique, from their titles, the same each time."""
    taken = _Names()
    return Outline(document, tuple(_part(section, taken) for section in _sections(document)))


def slug(text: str) -> str:
    """Turn a text into a file name's stem: small letters, digits and '-'."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return words[:LONGEST].strip("-") or "part"


def _sections(document: Document) -> Sequence[Section]:
    """List the sections; the claims stand first, the reasons to doubt last."""
    listed = [claims(document.claims)] if document.claims else []
    listed += document.sections
    if document.cautions:
        listed.append(cautions(document.cautions))
    if document.limits:
        listed.append(Section("Limits", document.limits))
    return listed


class _Names:
    """Names that were given: one that is taken gets a number, tables are counted."""

    def __init__(self) -> None:
        self.given: set[str] = set()
        self.tables = 0

    def unique(self, kind: str, text: str) -> str:
        """Return a name that nothing else of its kind has."""
        stem, number = slug(text), 1
        name = stem
        while f"{kind}/{name}" in self.given:
            number += 1
            name = f"{stem}-{number}"
        self.given.add(f"{kind}/{name}")
        return name

    def table(self, title: str) -> str:
        """Return the next table's name."""
        self.tables += 1
        return self.unique("data", f"table {self.tables:02} {title}")


def _part(section: Section, taken: _Names) -> Part:
    return Part(
        anchor=taken.unique("part", section.title),
        section=section,
        tables=tuple(Table(taken.table(grid.title or section.title), grid) for grid in section.tables),
        figures=tuple(replace(figure, name=taken.unique("data", figure.name)) for figure in section.figures),
    )
