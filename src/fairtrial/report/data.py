"""A report's data folder: a CSV file for every table and every plot, and what the plots look like as JSON."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fairtrial.model.figure import Axis, Figure, Series
from fairtrial.report.outline import Outline

COLUMNS = ("series", "label", "x", "y", "low", "high")


def write_data(parts: Outline, folder: Path) -> None:
    """Write `figures.json`, a CSV for each plot (a row a value, series after series) and one for each table."""
    folder.mkdir(parents=True)
    for table in parts.tables:
        _write(folder / f"{table.name}.csv", table.grid.columns, table.grid.rows)
    for figure in parts.figures:
        _write(folder / f"{figure.name}.csv", COLUMNS, _values(figure))
    looks = [look(figure) for figure in parts.figures]
    text = json.dumps({"figures": looks}, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False)
    (folder / "figures.json").write_text(text + "\n", encoding="utf-8")


def look(figure: Figure) -> dict[str, Any]:
    """Return what a plot looks like, without its values: the words of `draw.py`."""
    return {
        "name": figure.name,
        "title": figure.title,
        "caption": figure.caption,
        "x": _axis(figure.x),
        "y": _axis(figure.y),
        "series": [{"label": each.label, "kind": each.kind, "group": each.group} for each in figure.series],
        "marks": [{**asdict(mark), "low": finite(mark.low), "high": finite(mark.high)} for mark in figure.marks],
    }


def plain(figure: Figure) -> dict[str, Any]:
    """Return a plot as `draw.py` takes it: its look, with the values of each series."""
    made = look(figure)
    for words, each in zip(made["series"], figure.series, strict=True):
        columns = zip(*_columns(each), strict=True)
        words.update(zip(COLUMNS[2:], map(list, columns), strict=True) if each.x else {})
    return made


def finite(value: float | None) -> float | None:
    """Return a number, or None for what is none."""
    return None if value is None or not math.isfinite(value) else float(value)


def _axis(axis: Axis) -> dict[str, Any]:
    ticks = [[place, label] for place, label in axis.ticks]
    return {"label": axis.label, "log": axis.log, "zero": axis.zero, "ticks": ticks}


def _columns(series: Series) -> Iterable[tuple[float | None, ...]]:
    empty = (None,) * len(series.x)
    listed = zip(series.x, series.y, series.low or empty, series.high or empty, strict=True)
    return (tuple(map(finite, row)) for row in listed)


def _values(figure: Figure) -> Iterable[Sequence[Any]]:
    for number, series in enumerate(figure.series):
        for row in _columns(series):
            yield (number, series.label, *row)


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_cell(cell) for cell in row] for row in rows)


def _cell(cell: Any) -> Any:
    """Write numbers in full (the shortest that reads back equal), what is missing as nothing."""
    if isinstance(cell, float):
        return repr(float(cell)) if math.isfinite(cell) else ""
    return "" if cell is None else cell
