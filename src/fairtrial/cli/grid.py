"""Columns of text for a terminal of any width: aligned where they fit, else narrowed, else one record after another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from unicodedata import combining, east_asian_width

GAPS = (3, 2)
"""Blanks between columns, and where that is too wide."""
INDENT = 4


@dataclass(slots=True)
class Grid:
    """Rows of cells below heads; `right` names the columns of numbers, `lift` those that may leave where constant."""

    heads: list[str]
    right: frozenset[str] = frozenset()
    lift: frozenset[str] = frozenset()
    rows: list[list[str]] = field(default_factory=list)

    def add_row(self, *cells: str) -> None:
        """Append a row; line ends become blanks."""
        self.rows.append(list(map(one_line, cells)))

    def lines(self, width: int) -> list[str]:
        """Lay the grid out in so many columns of text, in the first way that fits.

        As it is; with constant factors said once above; closer, with heads folded at `_` and `.`; else as records.
        """
        if self._fits(GAPS[0], width, fold=False):
            return self._table(GAPS[0], fold=False)
        slim, said = self._lifted()
        above = [f"throughout: {', '.join(said)}"] if said else []
        if slim._fits(GAPS[0], width, fold=False):
            return above + slim._table(GAPS[0], fold=False)
        if slim._fits(GAPS[1], width, fold=True):
            return above + slim._table(GAPS[1], fold=True)
        return above + slim._records(width)

    def _lifted(self) -> tuple[Grid, list[str]]:
        columns = list(zip(*self.rows, strict=True)) if len(self.rows) > 1 else []
        gone = [place for place, cells in enumerate(columns) if self.heads[place] in self.lift and len(set(cells)) == 1]
        keep = [place for place in range(len(self.heads)) if place not in gone]
        rows = [[row[place] for place in keep] for row in self.rows]
        said = [f"{self.heads[place]} = {columns[place][0]}" for place in gone]
        return Grid([self.heads[place] for place in keep], self.right, self.lift, rows), said

    def _widths(self, *, fold: bool) -> list[int]:
        heads = [max(map(cells, folded(head))) if fold else cells(head) for head in self.heads]
        columns = zip(*self.rows, strict=True) if self.rows else ([] for _ in heads)
        return [max([head, *map(cells, column)]) for head, column in zip(heads, columns, strict=True)]

    def _fits(self, gap: int, width: int, *, fold: bool) -> bool:
        widths = self._widths(fold=fold)
        return sum(widths) + gap * (len(widths) - 1) <= width

    def _table(self, gap: int, *, fold: bool) -> list[str]:
        widths = self._widths(fold=fold)
        heads = [packed(head, width) if fold else [head] for head, width in zip(self.heads, widths, strict=True)]
        high = max(map(len, heads), default=1)
        stacked = [[""] * (high - len(parts)) + parts for parts in heads]
        above = [list(row) for row in zip(*stacked, strict=True)]
        rule = "─" * (sum(widths) + gap * (len(widths) - 1))
        drawn = [self._line(row, widths, gap) for row in (*above, *self.rows)]
        return [*drawn[: len(above)], rule, *drawn[len(above) :]]

    def _line(self, row: Sequence[str], widths: Sequence[int], gap: int) -> str:
        padded = []
        for head, cell, width in zip(self.heads, row, widths, strict=True):
            blank = " " * (width - cells(cell))
            padded.append(blank + cell if head in self.right else cell + blank)
        return (" " * gap).join(padded).rstrip()

    def _records(self, width: int) -> list[str]:
        lines: list[str] = []
        for row in self.rows:
            items = [f"{head}={cell}" for head, cell in zip(self.heads, row, strict=True) if cell]
            lines += _wrapped(items, width)
        return lines


def one_line(text: str) -> str:
    """Write a text on one line: line ends become blanks."""
    return " ".join(text.splitlines()) if text else text


def cells(text: str) -> int:
    """Count the columns of a terminal that a text takes: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def folded(head: str) -> list[str]:
    """Split a head after `_`, `.` and blanks."""
    parts, start = [], 0
    for place, char in enumerate(head, 1):
        if char in "_. " and place < len(head):
            parts.append(head[start:place])
            start = place
    return [*parts, head[start:]]


def packed(head: str, width: int) -> list[str]:
    """Fold a head into lines that are as full as the width allows."""
    return _joined(folded(head), width, "")


def _wrapped(items: Iterable[str], width: int) -> list[str]:
    first, *rest = _joined(items, width - INDENT, "  ")
    return [first, *(" " * INDENT + line for line in rest)]


def _joined(items: Iterable[str], width: int, between: str) -> list[str]:
    lines: list[str] = []
    for item in items:
        if lines and cells(lines[-1]) + len(between) + cells(item) <= width:
            lines[-1] += between + item
        else:
            lines.append(item)
    return lines or [""]
