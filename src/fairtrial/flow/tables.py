"""Raw tables of a run as one frame: the trial, its variant, replicate and factors beside every row."""

from __future__ import annotations

from typing import Any

from fairtrial.contract.journal import Ledger
from fairtrial.errors import UnknownName


def frame(ledger: Ledger, run: int, name: str) -> Any:
    """Return the rows of a raw table as a polars DataFrame. Raises UnknownName.

    Columns `trial`, `variant`, `replicate` and one for each factor come before the table's own; a factor's column
    that the table has too is named `factor.PATH`.
    """
    import polars as pl

    found = ledger.tables(run, name)
    if not found:
        raise UnknownName("table", name, {table for _, table, _ in ledger.tables(run)})
    parts = []
    for row, _, path in found:
        rows = pl.read_parquet(path)
        about = {"trial": row.number, "variant": row.variant, "replicate": row.replicate, **row.assignment}
        before = [
            pl.lit(_plain(value)).alias(key if key not in rows.columns else f"factor.{key}")
            for key, value in about.items()
        ]
        parts.append(rows.select(*before, pl.all()))
    return pl.concat(parts, how="diagonal_relaxed")


def _plain(value: Any) -> Any:
    """Return a level as a cell: lists and mappings as JSON."""
    import json

    return value if value is None or isinstance(value, str | int | float | bool) else json.dumps(value)
