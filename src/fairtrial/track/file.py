"""Tables as files: Parquet, CSV, JSON and JSON Lines, each whole or not there."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile

import polars as pl

from fairtrial.errors import UserError


def write(table: pl.LazyFrame, path: Path) -> None:
    """Write a table as its file's suffix says, whole or not at all. Raises UserError where that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part:
            _WRITERS[path.suffix](table, part)
    except (OSError, pl.exceptions.PolarsError) as problem:
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        raise UserError(f"cannot write {path}: {reason}") from problem


def copy(source: Path, path: Path) -> None:
    """Copy a file, whole or not at all. Raises UserError where that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part:
            copyfile(source, part)
    except OSError as problem:
        raise UserError(f"cannot write {path}: {problem.strerror or problem}") from problem


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give another name to write to; the file appears under its own when that went well."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write_csv(table: pl.LazyFrame, path: Path) -> None:
    nested = [name for name, dtype in table.collect_schema().items() if dtype.is_nested()]
    _plain(table).with_columns(pl.col(nested).map_batches(_as_json, return_dtype=pl.String)).sink_csv(path)


def _write_json(table: pl.LazyFrame, path: Path) -> None:
    _plain(table).collect().write_json(path)


def _plain(table: pl.LazyFrame) -> pl.LazyFrame:
    """Turn moments into ISO 8601 and bytes into base64."""
    changed = []
    for name, dtype in table.collect_schema().items():
        if isinstance(dtype, pl.Datetime):
            zoned = pl.col(name).dt.convert_time_zone("UTC") if dtype.time_zone else pl.col(name)
            changed.append(zoned.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f" + ("Z" if dtype.time_zone else "")))
        elif dtype == pl.Binary:
            changed.append(pl.col(name).bin.encode("base64"))
    return table.with_columns(changed)


def _as_json(values: pl.Series) -> pl.Series:
    texts = [None if value is None else json.dumps(value, default=str) for value in values.to_list()]
    return pl.Series(values.name, texts, dtype=pl.String)


_WRITERS: Mapping[str, Callable[[pl.LazyFrame, Path], object]] = {
    ".parquet": lambda table, path: table.sink_parquet(path),
    ".csv": _write_csv,
    ".json": _write_json,
    ".jsonl": lambda table, path: _plain(table).sink_ndjson(path),
}
