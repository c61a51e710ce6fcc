"""The files of a data set: bins.parquet, grid_clean.parquet and events.parquet, written and read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fairtrial.errors import UserError, nearest
from fairtrial.systems.signals.record import LEVELS, REACH, Bins, Events

if TYPE_CHECKING:
    import polars as pl

BINS, GRID, EVENTS = "bins.parquet", "grid_clean.parquet", "events.parquet"
FILES = (BINS, GRID, EVENTS)
PLACE = ("bin_seq", "k")
"""What says where a row of the grid belongs; the rows are sorted by it."""
KINDS = {
    "ts_ns": np.int64,
    "action": np.int8,
    "side": np.int8,
    "price": np.int64,
    "size": np.float64,
    "order": np.int64,
}
FLOATING, TRUTH = ("mid_price",), ("book_valid",)


def write(path: Path, columns: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write columns of one length, compressed by Zstandard."""
    import polars as pl

    pl.DataFrame(dict(columns)).write_parquet(path, compression="zstd", statistics=True)


def columns_of(record: Bins | Events) -> dict[str, npt.NDArray[Any]]:
    """Return a columnar record as a table."""
    return {field.name: np.asarray(getattr(record, field.name)) for field in fields(record)}


def laid_out(grid: Mapping[str, npt.NDArray[Any]], bins: Bins) -> dict[str, npt.NDArray[Any]]:
    """Return a grid as the table of grid_clean.parquet: a row for each bin and cell.

    Raises UserError where a column has another shape than (n, LEVELS).
    """
    count = len(bins)
    for name, values in grid.items():
        if values.shape != (count, LEVELS):
            raise UserError(f"column {name} of the grid has shape {values.shape}: it must be {(count, LEVELS)}")
    place: dict[str, npt.NDArray[Any]] = {"bin_seq": np.repeat(bins.bin_seq, LEVELS), "k": np.tile(_cells(), count)}
    return place | {name: values.reshape(-1) for name, values in grid.items() if name not in PLACE}


def names(path: Path) -> list[str]:
    """Return the columns of a file. Raises UserError where it is no Parquet file."""
    return list(_schema(path))


def asked(path: Path, columns: Collection[str]) -> None:
    """Raise UserError where a grid lacks one of these columns: it names those that are there."""
    there = [name for name in names(path) if name != "bin_seq"]
    for column in columns:
        if column not in there:
            near = nearest(column, there)
            others = "" if near.startswith("valid") else f"; there are {', '.join(there)}"
            raise UserError(f"{path}: there is no column {column!r}", hint=f"{near}{others}")


def rows(path: Path) -> int:
    """Return how many rows a file has, from its footer."""
    import polars as pl

    _schema(path)
    return int(pl.scan_parquet(path).select(pl.len()).collect().item())


def shape(folder: Path) -> int:
    """Return how many bins a data set has. Raises UserError where its grid has not LEVELS rows for each of them."""
    count, cells = rows(folder / BINS), rows(folder / GRID)
    if cells != count * LEVELS:
        raise UserError(
            f"{folder / GRID}: {cells} rows for {count} bins: it must be {count} x {LEVELS} = {count * LEVELS}"
        )
    return count


def read_bins(path: Path) -> Bins:
    """Read bins.parquet. Raises UserError for one that lacks columns, or whose bins are not numbered in order."""
    wanted = [field.name for field in fields(Bins)]
    frame = _read(path, wanted)
    bins = Bins(*(_typed(path, frame[name], _kind(name)) for name in wanted))
    if not np.array_equal(bins.bin_seq, np.arange(len(bins)) + (bins.bin_seq[0] if len(bins) else 0)):
        raise UserError(f"{path}: bin_seq is not a count up, bin by bin")
    if (np.diff(bins.ts_ns) < 0).any():
        raise UserError(
            f"{path}: ts_ns runs backwards at bin_seq {bins.bin_seq[int(np.argmax(np.diff(bins.ts_ns) < 0)) + 1]}"
        )
    return bins


def read_grid(path: Path, columns: Collection[str], bins: Bins) -> dict[str, npt.NDArray[Any]]:
    """Read columns of grid_clean.parquet as (n, LEVELS) arrays: float64, of 8-bit columns int8, else int64.

    Raises UserError for a column that is not there, and where rows are not those of (bin_seq, k) in order.
    """
    asked(path, columns)
    frame = _read(path, [*PLACE, *(name for name in columns if name not in PLACE)])
    expected = (len(bins), LEVELS)
    if frame.height != len(bins) * LEVELS:
        raise UserError(f"{path}: {frame.height} rows: it must be {expected[0]} x {LEVELS} = {len(bins) * LEVELS}")
    placed = [frame[name].to_numpy().reshape(expected) for name in PLACE]
    if not ((placed[0] == bins.bin_seq[:, None]).all() and (placed[1] == _cells()).all()):
        raise UserError(f"{path}: its rows are not those of each bin_seq with k = -{REACH} .. {REACH}, in order")
    return {name: _typed(path, frame[name], None).reshape(expected) for name in columns}


def read_events(path: Path) -> Events:
    """Read events.parquet."""
    wanted = [field.name for field in fields(Events)]
    frame = _read(path, wanted)
    return Events(*(_typed(path, frame[name], np.dtype(KINDS[name])) for name in wanted))


def _cells() -> npt.NDArray[np.int8]:
    return np.arange(-REACH, REACH + 1, dtype=np.int8)


def _kind(name: str) -> np.dtype[Any]:
    return np.dtype(np.float64 if name in FLOATING else np.bool_ if name in TRUTH else np.int64)


def _schema(path: Path) -> Mapping[str, Any]:
    import polars as pl

    try:
        return pl.read_parquet_schema(path)
    except (pl.exceptions.PolarsError, OSError) as problem:
        raise UserError(f"{path}: not a Parquet file that can be read: {_line(problem)}") from problem


def _read(path: Path, columns: list[str]) -> pl.DataFrame:
    import polars as pl

    missing = [name for name in columns if name not in _schema(path)]
    if missing:
        raise UserError(f"{path}: there is no column {', '.join(missing)}")
    try:
        return pl.read_parquet(path, columns=columns)
    except (pl.exceptions.PolarsError, OSError) as problem:
        raise UserError(f"{path}: cannot be read: {_line(problem)}") from problem


def _typed(path: Path, column: pl.Series, kind: np.dtype[Any] | None) -> npt.NDArray[Any]:
    """Return a column as an array; missing numbers are NaN. Raises UserError for other missing values, and for text."""
    import polars as pl

    if not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
        raise UserError(f"{path}: column {column.name} holds {column.dtype}, not numbers")
    if kind is None:
        small = column.dtype in (pl.Boolean, pl.Int8, pl.UInt8)
        kind = np.dtype(np.float64 if column.dtype.is_float() else np.int8 if small else np.int64)
    if column.null_count() and kind != np.float64:
        raise UserError(f"{path}: column {column.name} has {column.null_count()} missing values")
    return np.ascontiguousarray(column.to_numpy(), dtype=kind)


def _line(problem: Exception) -> str:
    return str(problem).splitlines()[0] if str(problem) else type(problem).__name__
