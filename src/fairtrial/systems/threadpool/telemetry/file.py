"""Rows of telemetry as a CSV file: the ten columns, and where wanted the whole workload behind each row."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from fairtrial.errors import UserError
from fairtrial.systems.threadpool.telemetry.columns import ALWAYS, CORES, DEFAULTS, FAMILY, cells, columns
from fairtrial.systems.threadpool.telemetry.record import Row
from fairtrial.systems.threadpool.telemetry.schema import NAMES


def write(path: Path, rows: Sequence[Row]) -> None:
    """Write rows so that `read` gives them back exactly; the file is there whole, or as it was before.

    Raises UserError where it cannot be written.
    """
    lines = [cells(row) for row in rows]
    varied = [name for name in DEFAULTS if name not in ALWAYS and any(line[name] for line in lines)]
    header = [*NAMES, FAMILY, CORES, *ALWAYS, *varied]
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        draft = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
                writer = csv.DictWriter(stream, header, extrasaction="ignore", lineterminator="\n")
                writer.writeheader()
                writer.writerows(lines)
            draft.chmod(0o644)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as problem:
        raise UserError(f"cannot write {path}: {problem.strerror}") from problem


def read(path: Path, *, cores: int) -> tuple[Row, ...]:
    """Read rows; the ten columns in any order, other columns than those of `columns` are not looked at.

    A blank time (`task_time_*`, `task_size_*`) is undefined: no task ended. Without columns that describe the workload
    it is what the ten numbers tell (`older.behind`); without `cores` it is the number given. Raises UserError, one
    line with file, line, column and what to do, for the first thing that is wrong.
    """
    lines = _lines(path)
    _, header = next(lines, (1, []))
    if not header:
        raise UserError(f"{path}: the file is empty", hint="`fairtrial threadpool generate rows.csv` makes one")
    known = columns(f"{path}:1", header)
    rows = tuple(known.row(f"{path}:{line}", _named(path, line, header, values), cores) for line, values in lines)
    if not rows:
        raise UserError(f"{path}: there is a header and no row", hint="give it rows, one a line")
    return rows


def _named(path: Path, line: int, header: Sequence[str], values: Sequence[str]) -> Mapping[str, str]:
    if len(values) != len(header):
        message = f"{path}:{line}: {len(values)} values where the header names {len(header)} columns"
        raise UserError(message, hint="a torn line: complete it or remove it")
    return dict(zip(header, (value.strip() for value in values), strict=True))


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield every line with its number. A last line without an end may be torn, and its last number cut."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as problem:
        raise UserError(f"cannot read {path}: {problem.strerror}") from problem
    except UnicodeDecodeError as problem:
        raise UserError(f"{path}: byte {problem.start} is no UTF-8 text", hint="telemetry is a CSV file") from problem
    ends = text.splitlines()
    if text and not text.endswith(("\n", "\r")):
        message = f"{path}:{len(ends)}: the last line does not end and may be torn"
        raise UserError(message, hint="end it with a line break where it is whole, else remove it")
    yield from _parsed(path, ends)


def _parsed(path: Path, ends: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(ends, strict=True)
    try:
        for values in reader:
            yield reader.line_num, [value.strip() for value in values]
    except csv.Error as problem:
        raise UserError(f"{path}:{reader.line_num}: {problem}", hint="telemetry is a CSV file") from problem
