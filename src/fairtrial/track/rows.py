"""Results from elsewhere: the rows of a CSV or JSON Lines file, by a mapping of columns."""

from __future__ import annotations

import csv
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fairtrial.errors import SpecError, UserError, nearest
from fairtrial.model import path as paths
from fairtrial.model.identity import canonical_json
from fairtrial.model.outcome import FailureClass
from fairtrial.model.row import ImportedRow
from fairtrial.model.study import ABSENT

PLACES = ("variant", "replicate", "seed", "failure")
"""Names of `columns` that are neither factors nor metrics."""
MISSING = ("", "nan", "null", "none", "na", "n/a")
INTEGER = re.compile(r"[-+]?[0-9]{1,300}")
NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def read_rows(path: Path, *, columns: Mapping[str, str], metrics: Sequence[str] = ()) -> list[ImportedRow]:
    """Read a `.csv`, `.jsonl` or `.ndjson` file of results, one trial a row.

    `columns` maps our name to the file's column (in JSON Lines a dotted path). Names among `metrics` are metrics;
    `variant`, `replicate`, `seed` and `failure` are what they say; these stand under their own names unless mapped.
    Every other name is a factor, and columns that nothing maps are left. Without a replicate column, rows of one
    condition are numbered from 0 in file order. `failure` is blank for a trial that is done, else a failure class; the
    metrics of a failed trial are not read. A blank or NaN metric is undefined (None), a blank factor does not apply.

    Raises UserError or SpecError (one line with file and line) for a file that is not there or not of this form, an
    unknown column, columns of which none is a factor, a metric that is not a number, a row that is there twice.
    """
    source = _source(path)
    wanted = _wanted(path, source.heads(path), columns, metrics)
    reader = _Reader(path, wanted, tuple(metrics))
    rows = [reader.row(line, cells) for line, cells in source.cells(path, wanted)]
    return _numbered(path, rows, declared="replicate" in wanted)


def _wanted(path: Path, heads: Sequence[str], columns: Mapping[str, str], metrics: Sequence[str]) -> dict[str, str]:
    """Add to the mapping what stands under its own name."""
    places = {name: name for name in PLACES if name in heads and name not in columns.values()}
    wanted = {**places, **{name: name for name in metrics}, **columns}
    left = [head for head in heads if head not in wanted.values()]
    if left and not [name for name in wanted if name not in PLACES and name not in metrics]:
        raise UserError(f"{path}: no column is a factor", hint=f"say which: --map lr={left[0]}; {nearest('', left)}")
    return wanted


@dataclass(frozen=True, slots=True)
class _Reader:
    """Turns the cells of a row into a result."""

    path: Path
    columns: Mapping[str, str]
    metrics: Sequence[str]

    def row(self, line: int, cells: Mapping[str, Any]) -> ImportedRow:
        failure = self._failure(line, cells)
        return ImportedRow(
            line=line,
            variant=str(cells.get("variant", "")),
            assignment=self._assignment(line, cells),
            replicate=self._whole(line, "replicate", cells) if "replicate" in self.columns else 0,
            metrics={} if failure else {name: self._metric(line, name, cells) for name in self.metrics},
            seed=self._whole(line, "seed", cells) if cells.get("seed") is not None else None,
            failure=failure,
        )

    def _assignment(self, line: int, cells: Mapping[str, Any]) -> dict[str, Any]:
        factors = {name: cells[name] for name in cells if name not in self.metrics and name not in PLACES}
        for name, value in factors.items():
            try:
                canonical_json(value)
            except ValueError as problem:
                raise self._bad(line, name, f"{value!r} is no level: not a finite number", "") from problem
        return factors

    def _failure(self, line: int, cells: Mapping[str, Any]) -> FailureClass | None:
        value = cells.get("failure")
        if value is None or value == "":
            return None
        classes = [kind.value for kind in FailureClass]
        if value in classes:
            return FailureClass(value)
        raise self._bad(line, "failure", f"{value!r} is no failure class", nearest(str(value), classes))

    def _metric(self, line: int, name: str, cells: Mapping[str, Any]) -> float | None:
        value = cells.get(name)
        if value is None or (isinstance(value, str) and value.strip().lower() in MISSING):
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._bad(line, name, f"{value!r} is not a number", "leave it blank where it is undefined")
        try:
            return float(value) if math.isfinite(value) else None
        except OverflowError:  # an integer beyond the largest float
            return None

    def _whole(self, line: int, name: str, cells: Mapping[str, Any]) -> int:
        value = cells.get(name)
        if type(value) is not int or not 0 <= value < 2**64:
            raise self._bad(line, name, f"{value!r} is not a whole number from 0", "")
        return value

    def _bad(self, line: int, name: str, what: str, hint: str) -> SpecError:
        return SpecError(what, file=str(self.path), line=line, path=self.columns[name], hint=hint)


Cells = Iterator[tuple[int, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class _Source:
    """A form of file: how to list its columns, and how to yield (line, our name -> value) for its rows."""

    heads: Callable[[Path], list[str]]
    cells: Callable[[Path, Mapping[str, str]], Cells]


def _source(path: Path) -> _Source:
    lines = _Source(_jsonl_heads, _jsonl)
    sources = {".csv": _Source(_csv_heads, _csv), ".jsonl": lines, ".ndjson": lines}
    if path.suffix.lower() not in sources:
        raise UserError(f"{path} is neither CSV nor JSON Lines", hint="name it .csv, .jsonl or .ndjson")
    if not path.is_file():
        raise UserError(f"{path} is not a file")
    return sources[path.suffix.lower()]


def _csv_heads(path: Path) -> list[str]:
    with _reading(path) as reader:
        return next(reader, [])


@contextmanager
def _reading(path: Path) -> Iterator[Any]:
    """Open a CSV file; what is wrong with its form is raised as SpecError at the line."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            yield reader
        except (csv.Error, UnicodeDecodeError) as problem:
            raise SpecError(f"not CSV in UTF-8: {problem}", file=str(path), line=reader.line_num + 1) from problem


def _csv(path: Path, columns: Mapping[str, str]) -> Cells:
    with _reading(path) as reader:
        header: list[str] = next(reader, [])
        _check_header(path, header, columns)
        place = {name: header.index(column) for name, column in columns.items()}
        start = reader.line_num + 1
        for row in reader:
            if row:
                yield start, _cells(path, start, row, len(header), place)
            start = reader.line_num + 1


def _check_header(path: Path, header: Sequence[str], columns: Mapping[str, str]) -> None:
    twice = [name for name, count in Counter(header).items() if count > 1 and name in columns.values()]
    if twice:
        raise SpecError(f"column {twice[0]!r} is there twice", file=str(path), line=1)
    for column in columns.values():
        if column not in header:
            raise SpecError(f"no column {column!r}", file=str(path), line=1, hint=nearest(column, header))


def _cells(path: Path, line: int, row: Sequence[str], width: int, place: Mapping[str, int]) -> dict[str, Any]:
    if len(row) != width:
        raise SpecError(f"{len(row)} cells where the header has {width}", file=str(path), line=line)
    plain = ("variant", "failure")
    cells = {name: row[at] for name, at in place.items() if row[at].strip()}
    return {name: text if name in plain else _scalar(text) for name, text in cells.items()}


def _scalar(text: str) -> Any:
    """Read a cell as YAML 1.2 would: 1e-3 is a number, true a truth, `null` nothing; anything else is text."""
    stripped = text.strip()
    if INTEGER.fullmatch(stripped):
        return int(stripped)
    if NUMBER.fullmatch(stripped):
        return float(stripped)
    return {"true": True, "false": False, "null": None, "~": None}.get(stripped.lower(), text)


def _jsonl_heads(path: Path) -> list[str]:
    return [head for head, _ in paths.flatten(next((record for _, record in _records(path)), {})) if head]


def _jsonl(path: Path, columns: Mapping[str, str]) -> Cells:
    missing = dict(columns)
    for line, record in _records(path):
        cells = {name: paths.get(record, column, ABSENT) for name, column in columns.items()}
        found = {name: value for name, value in cells.items() if value is not ABSENT}
        missing = {name: column for name, column in missing.items() if name not in found}
        yield line, found
    for column in missing.values():
        raise SpecError(f"no row has {column!r}", file=str(path), hint=nearest(column, _jsonl_heads(path)))


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig") as file:
        for line, text in _lines(path, file):
            yield line, _record(path, line, text)


def _lines(path: Path, file: Iterable[str]) -> Iterator[tuple[int, str]]:
    line = 0
    try:
        for line, text in enumerate(file, start=1):
            if text.strip():
                yield line, text
    except UnicodeDecodeError as problem:
        raise SpecError(f"not UTF-8: {problem.reason}", file=str(path), line=line + 1) from problem


def _record(path: Path, line: int, text: str) -> dict[str, Any]:
    try:
        record = json.loads(text)
    except ValueError as problem:
        raise SpecError(f"not JSON: {problem}", file=str(path), line=line) from problem
    if not isinstance(record, dict):
        raise SpecError("not a JSON object", file=str(path), line=line, hint="one object a line")
    return record


def _numbered(path: Path, rows: Sequence[ImportedRow], *, declared: bool) -> list[ImportedRow]:
    """Number the replicates of each condition where the file does not; refuse a row that is there twice."""
    lines: dict[tuple[str, bytes, int], int] = {}
    count: Counter[tuple[str, bytes]] = Counter()
    numbered = []
    for row in rows:
        condition = (row.variant, canonical_json(row.assignment))
        made = row if declared else replace(row, replicate=count[condition])
        count[condition] += 1
        earlier = lines.setdefault((*condition, made.replicate), row.line)
        if earlier != row.line:
            what = f"replicate {made.replicate} of this condition stands in line {earlier} already"
            raise SpecError(what, file=str(path), line=row.line)
        numbered.append(made)
    return numbered
