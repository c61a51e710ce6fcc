"""A document as one self-contained HTML page: no network, no script, light and dark, printable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from fairtrial.model.document import Document
from fairtrial.model.figure import Figure, Grid
from fairtrial.report.outline import outline
from fairtrial.report.words import clean, sentence

ROWS = 200
"""Rows of a table; what is cut is said below it."""
TEMPLATE = Path(__file__).with_name("page.html")


def html(document: Document, *, vectors: Mapping[str, str] | None = None) -> str:
    """Return the document as a page; `vectors` are its plots as SVG by name, drawn here unless given."""
    from jinja2 import Environment, StrictUndefined

    parts = outline(document)
    drawn = vectors if vectors is not None else _drawn(parts.figures)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["plot"] = partial(_plot, drawn)
    environment.filters["clean"] = clean
    environment.filters["sentence"] = sentence
    environment.tests["cut"] = lambda grid: len(grid.rows) > ROWS
    page = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return (
        page.render(document=document, parts=parts.parts, rows=_rows, limit=ROWS, tone=_tone(document.verdict)) + "\n"
    )


def _drawn(figures: tuple[Figure, ...]) -> dict[str, str]:
    from fairtrial.report.data import plain
    from fairtrial.report.draw import render

    return {figure.name: render(plain(figure))[0] for figure in figures}


def _rows(grid: Grid) -> list[list[tuple[str, bool]]]:
    """Return the cells that are shown, each with whether it is flush right."""
    numeric = grid.numeric()
    right = [column in numeric for column in grid.columns]
    return [[(clean(cell), side) for cell, side in zip(row, right, strict=True)] for row in grid.head(ROWS).shown()]


def _tone(verdict: str) -> str:
    """Return the badge's class."""
    known = {"supported": "yes", "PASS": "yes", "not supported": "no", "FAIL": "no"}
    return known.get(verdict, "open")


def _plot(drawn: Mapping[str, str], figure: Figure) -> str:
    """Return a plot to set into the page: named for readers who do not see it, in the page's colours.

    It is set as it is: the names in it were escaped when it was drawn.
    """
    text = drawn[figure.name]
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style type=\"text/css\">.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|url\(#|xlink:href="#)', rf"\g<1>{figure.name}-", text)
    text = re.sub(r"\b(fill|stroke): (#[0-9a-f]{6})", _coloured, text)
    label = escape(clean(f"{figure.title}. {figure.caption}"))
    text = re.sub(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', _opened(label), text, count=1)
    return text.strip()


def _opened(label: str) -> Any:
    """Return what replaces the picture's first tag: without a size of its own, so that it fits the page."""

    def tag(match: re.Match[str]) -> str:
        spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        return f'<svg class="plot" role="img" {match[1]} {spaces} aria-label="{label}">'

    return tag


def _coloured(match: re.Match[str]) -> str:
    """Return a colour of the page for one of the picture's."""
    from fairtrial.report.draw import COLOURS, FAINT, INK, LINES

    names = {INK: "ink", FAINT: "faint", LINES: "lines", "#ffffff": "paper"}
    names |= {colour: f"s{number}" for number, colour in enumerate(COLOURS)}
    name = names.get(match[2])
    return f"{match[1]}: var(--{name})" if name else match[0]
