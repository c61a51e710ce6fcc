"""Raw tables of a run as one frame: the trial, its variant, replicate and factors beside every row."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from fairtrial.contract.journal import Ledger
from fairtrial.errors import UnknownName
from fairtrial.model.run import TrialRow


class RawTables:
    """The raw tables of one run; the book is asked once for each."""

    def __init__(self, ledger: Ledger, run: int) -> None:
        self._ledger, self._run = ledger, run
        self._parts: dict[str, Sequence[tuple[TrialRow, Path]]] = {}

    def __call__(
        self, name: str, *, columns: Collection[str] | None = None, trials: Collection[int] | None = None
    ) -> Any:
        """Return a raw table as a polars DataFrame: some of its columns, of some trials; all unless said.

        Columns `trial`, `variant`, `replicate` and one for each factor come before the table's own; a factor's column
        that the table has too is named `factor.PATH`. Raises UnknownName for a table that none of these trials kept,
        and for a column that none of them has.
        """
        import polars as pl

        wanted = None if trials is None else frozenset(trials)
        found = [(row, path) for row, path in self._named(name) if wanted is None or row.number in wanted]
        if not found:
            raise UnknownName("table", name, {table for _, table, _ in self._ledger.tables(self._run)})
        schemas = [pl.read_parquet_schema(path) for _, path in found]
        for column in columns or ():
            if not any(column in schema for schema in schemas):
                raise UnknownName("column", column, {each for schema in schemas for each in schema})
        parts = [_part(row, path, list(schema), columns) for (row, path), schema in zip(found, schemas, strict=True)]
        return pl.concat(parts, how="diagonal_relaxed")

    def _named(self, name: str) -> Sequence[tuple[TrialRow, Path]]:
        if name not in self._parts:
            self._parts[name] = [(row, path) for row, _, path in self._ledger.tables(self._run, name)]
        return self._parts[name]


def _part(row: TrialRow, path: Path, own: Sequence[str], columns: Collection[str] | None) -> Any:
    """Read one trial's rows, what is known of the trial before them."""
    import polars as pl

    about: Mapping[str, Any] = {
        "trial": row.number,
        "variant": row.variant,
        "replicate": row.replicate,
        **row.assignment,
    }
    before = [pl.lit(_plain(value)).alias(key if key not in own else f"factor.{key}") for key, value in about.items()]
    chosen = own if columns is None else [name for name in own if name in columns]
    rows = pl.read_parquet(path, columns=list(chosen or own[:1]))  # of no column, the rows could not be counted
    return rows.with_columns(before).select(*(each.meta.output_name() for each in before), *chosen)


def _plain(value: Any) -> Any:
    """Return a level as a cell: lists and mappings as JSON."""
    import json

    return value if value is None or isinstance(value, str | int | float | bool) else json.dumps(value)
