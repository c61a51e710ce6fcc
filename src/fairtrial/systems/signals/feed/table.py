"""Columns of a foreign table, CSV or Parquet, as numbers: whatever is none is named with file and line."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fairtrial.errors import UserError, nearest
from fairtrial.systems.signals.record import Floats, Integers

if TYPE_CHECKING:
    import polars as pl

UNITS = 10**9
"""PRICE as a whole number: so many to 1."""
NOTHING = int(np.iinfo(np.int64).max)
"""A price that is not there."""


@dataclass(frozen=True)
class Table:
    """A file's rows, or some of them."""

    path: Path
    frame: pl.DataFrame
    rows: Integers
    """The number of each in its file, from 0."""
    text: bool
    """Its cells are text (CSV): rows lie below a heading."""

    def need(self, names: Collection[str]) -> None:
        """Raise UserError where one of these columns is not there."""
        for name in names:
            if name not in self.frame.columns:
                near = nearest(name, self.frame.columns)
                raise UserError(f"{self.path}{':1' * self.text}: there is no column {name!r}", hint=near)

    def place(self, row: int) -> str:
        """Name the place of a row."""
        number = int(self.rows[row])
        return f"{self.path}:{number + 2}" if self.text else f"{self.path}: row {number}"

    def words(self, name: str) -> pl.Series:
        """Return a column as text, "" where there is none."""
        import polars as pl

        return self.frame[name].cast(pl.String).fill_null("")

    def whole(self, name: str) -> Integers:
        """Return whole numbers."""
        import polars as pl

        return self._checked(name, self.frame[name].cast(pl.Int64, strict=False), "a whole number").astype(np.int64)

    def ids(self, name: str) -> Integers:
        """Return whole numbers of 64 bits without a sign; those of 2^63 and more become negative."""
        import polars as pl

        found = self._checked(name, self.frame[name].cast(pl.UInt64, strict=False), "an order's number")
        return found.astype(np.uint64).view(np.int64)

    def numbers(self, name: str) -> Floats:
        """Return numbers."""
        import polars as pl

        return self._checked(name, self.frame[name].cast(pl.Float64, strict=False), "a number").astype(np.float64)

    def prices(self, name: str) -> Integers:
        """Return prices in PRICE: whole numbers are in it already, fractions are not; NOTHING where there is none."""
        import polars as pl

        given = self.frame[name]
        given = given.fill_nan(None) if given.dtype.is_float() else given
        fraction = given.str.contains(".", literal=True).any() if self.text else not given.dtype.is_integer()
        if fraction:
            exact = given.cast(pl.Decimal(38, 9), strict=False)
            given = exact * pl.Series([UNITS]).cast(pl.Decimal(38, 0))
        read = given.cast(pl.Int64, strict=False)
        return self._checked(name, read, "a price", missing=NOTHING).astype(np.int64)

    def times(self, name: str) -> Integers:
        """Return Unix nanoseconds: of whole numbers, of Parquet's times, or of ISO 8601 with its zone."""
        import polars as pl

        given = self.frame[name]
        if isinstance(given.dtype, pl.Datetime):
            given = given.dt.cast_time_unit("ns")
        elif self.text and given.str.contains("-", literal=True).any():
            given = given.str.to_datetime("%+", time_unit="ns", time_zone="UTC", strict=False)
        return self._checked(name, given.cast(pl.Int64, strict=False), "a time").astype(np.int64)

    def _checked(self, name: str, read: pl.Series, what: str, *, missing: int | None = None) -> npt.NDArray[Any]:
        """Return what was read. Raises UserError at the first cell that is not what it should be."""
        given = self.frame[name]
        if given.dtype.is_float():
            given = given.fill_nan(None)
        wrong = read.is_null() if missing is None else read.is_null() & given.is_not_null()
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            shown = "missing" if given[row] is None else f"{str(given[row])[:40]!r}"
            raise UserError(f"{self.place(row)}: {name} is {shown}, not {what}")
        found: npt.NDArray[Any] = (read if missing is None else read.fill_null(missing)).to_numpy()
        return found


def read(path: Path) -> Table:
    """Read a CSV file (packed by gzip or Zstandard, or not) or a Parquet file. Raises UserError where that fails."""
    import polars as pl

    text = ".csv" in path.suffixes
    if not text and path.suffix != ".parquet":
        raise UserError(f"{path}: neither .csv (nor .csv.gz, .csv.zst) nor .parquet")
    try:
        frame = pl.read_csv(path, infer_schema=False) if text else pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as problem:
        said = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise UserError(f"cannot read {path}: {said}") from problem
    return Table(path, frame, np.arange(frame.height, dtype=np.int64), text)
