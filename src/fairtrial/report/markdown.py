"""A document as Markdown (GitHub's flavour): deterministic, readable as plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from unicodedata import combining, east_asian_width

from fairtrial.model.document import Document
from fairtrial.model.figure import Figure, Grid
from fairtrial.report.outline import Part, Table, outline
from fairtrial.report.words import clean, sentence

ROWS = 40
"""Rows of a table; what is cut is said below it."""
SPECIAL = re.compile(
    r"([\\`*|\[\]~$]|<(?=[A-Za-z/!?])|^>|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])"
    r"|^[#+=-](?=[#=-]*(?: |$))|(?<=^\d)[.)](?= )|(?<=^\d\d)[.)](?= ))"
)
"""What Markdown would take for its own: an underscore only at the edge of a word."""


def markdown(document: Document, *, pictures: bool = False) -> str:
    """Return the document as Markdown; `pictures` refers to the plots beside it, else they are left out."""
    parts = outline(document)
    blocks = [*_head(document)]
    for part in parts.parts:
        blocks += _part(part, pictures=pictures)
    blocks += _tail(document)
    return "\n\n".join(blocks) + "\n"


def escape(text: str) -> str:
    """Write a text so that Markdown shows it as it is, on one line."""
    return SPECIAL.sub(r"\\\1", " ".join(clean(text).split()))


def _head(document: Document) -> Iterator[str]:
    yield f"# {escape(document.title)}"
    if document.question:
        yield f"**Question.** {escape(document.question)}"
    verdict = f" ({escape(document.verdict)})" if document.verdict else ""
    if document.answer:
        yield f"**Answer{verdict}.** {escape(sentence(document.answer))}"
    if document.facts:
        yield _table(Grid(("fact", "value"), document.facts))


def _tail(document: Document) -> Iterator[str]:
    if document.reproduce:
        lines = "\n".join(" ".join(clean(line).split("\n")) for line in document.reproduce)
        fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", lines)), 3)
        yield "## How to reproduce"
        yield f"{fence}sh\n{lines}\n{fence}"
    if document.digests:
        yield "## Digests"
        yield _table(Grid(("what", "digest"), document.digests))


def _part(part: Part, *, pictures: bool) -> Iterator[str]:
    yield f"## {escape(part.section.title)}"
    yield from map(escape, part.section.sentences)
    if pictures:
        yield from map(_picture, part.figures)
    for table in part.tables:
        yield from _titled(table, pictures=pictures)


def _picture(figure: Figure) -> str:
    return f"![{escape(figure.title)}. {escape(figure.caption)}](plots/{figure.name}.svg)"


def _titled(table: Table, *, pictures: bool) -> Iterator[str]:
    if table.grid.title:
        yield f"**{escape(table.grid.title)}**"
    yield _table(table.grid)
    cut = len(table.grid.rows) - ROWS
    if cut > 0:
        where = f"data/{table.name}.csv" if pictures else "the data folder of the written report"
        yield f"{cut} more rows: {where}"


def _table(grid: Grid) -> str:
    """Lay a table out with aligned bars, so that it reads as plain text too."""
    right = grid.numeric()
    heads = [escape(head) for head in grid.columns]
    rows = [[escape(cell) for cell in row] for row in grid.head(ROWS).shown()]
    widths = [max(3, *(_cells(row[n]) for row in (heads, *rows))) for n in range(len(heads))]
    sides = [head in right for head in grid.columns]
    rule = ["-" * (width - 1) + (":" if side else "-") for width, side in zip(widths, sides, strict=True)]
    return "\n".join(_line(row, widths, sides) for row in (heads, rule, *rows))


def _line(row: Sequence[str], widths: Sequence[int], sides: Sequence[bool]) -> str:
    padded = []
    for cell, width, right in zip(row, widths, sides, strict=True):
        blank = " " * (width - _cells(cell))
        padded.append(blank + cell if right else cell + blank)
    return f"| {' | '.join(padded)} |"


def _cells(text: str) -> int:
    """Count the columns that a text takes in a fixed-width font."""
    return (
        len(text)
        if text.isascii()
        else sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)
    )
