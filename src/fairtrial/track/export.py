"""Export: a run's trials, attempts, series and raw tables as Parquet, CSV and JSON files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl

from fairtrial.contract.journal import Ledger
from fairtrial.errors import UnknownName, UserError
from fairtrial.model.outcome import Failure
from fairtrial.model.run import AttemptRow, TrialRow
from fairtrial.track.file import copy, write
from fairtrial.track.frame import USAGE, frame, unclashed

FORMATS = ("parquet", "csv", "json")


def export(ledger: Ledger, run: int, folder: Path, *, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write `trials`, `attempts`, `series` (where steps were logged) and `tables/NAME` of a run; return the files.

    Each file appears whole or not at all. Times are UTC: typed in Parquet, ISO 8601 in CSV and JSON, where bytes are
    base64. Nested values are JSON strings in CSV. Raw tables of all trials are one file with the column `trial` (a
    column of their own with that name becomes `table.trial`). Raises UnknownName for a format, UserError where a
    file cannot be written.
    """
    for name in formats:
        if name not in FORMATS:
            raise UnknownName("format", name, FORMATS)
    made = []
    for name, table in _tables(ledger, run):
        for kind in formats:
            path = folder / f"{name}.{kind}"
            write(table, path)
            made.append(path)
    return made


def write_lines(ledger: Ledger, run: int, tables: Sequence[str], folder: Path) -> list[Path]:
    """Write raw tables of a run as JSON Lines, `NAME.jsonl` each; return the files.

    Raises UnknownName where the run has no such table, UserError where a file cannot be written.
    """
    known = {name for _, name, _ in ledger.tables(run)}
    for name in tables:
        if name not in known:
            raise UnknownName("table", name, known)
    made = [folder / f"{quote(name, safe='')}.jsonl" for name in tables]
    for name, path in zip(tables, made, strict=True):
        write_table(ledger, run, name, path)
    return made


def write_files(ledger: Ledger, run: int, folder: Path) -> list[Path]:
    """Copy the files that a run's trials kept to `trials/NUMBER/NAME`; return the copies.

    Raises UserError where one cannot be written.
    """
    made = []
    for row, name, path in ledger.files(run):
        if not row.retired:
            made.append(folder / "trials" / str(row.number) / quote(name, safe=""))
            copy(path, made[-1])
    return made


def write_table(ledger: Ledger, run: int, table: str, path: Path) -> None:
    """Write one raw table of a run, all trials in number order with the column `trial`, as the file's suffix says.

    Raises UserError where the run has no such table.
    """
    parts = [(row, part) for row, _, part in ledger.tables(run, table)]
    if not parts:
        raise UserError(f"run {run} has no table {table!r}")
    write(joined(parts), path)


def write_trials(ledger: Ledger, run: int, path: Path) -> None:
    """Write a run's settled trials, one row each, as the file's suffix says; what they cost is left out.

    Raises UserError where the file cannot be written.
    """
    write(frame(ledger.measurements(run)).drop(USAGE).lazy(), path)


def _tables(ledger: Ledger, run: int) -> Iterator[tuple[str, pl.LazyFrame]]:
    rows = ledger.trials(run)
    yield "trials", frame(ledger.measurements(run)).lazy()
    yield "attempts", _attempts(ledger.attempts(run=run), {row.digest: row.number for row in rows}).lazy()
    series = _series(ledger, rows)
    if len(series):
        yield "series", series.lazy()
    raw: dict[str, list[tuple[TrialRow, Path]]] = {}
    for row, name, path in ledger.tables(run):
        raw.setdefault(name, []).append((row, path))
    for name, parts in raw.items():
        yield f"tables/{quote(name, safe='')}", joined(parts)


def _attempts(rows: Sequence[AttemptRow], numbers: Mapping[bytes, int]) -> pl.DataFrame:
    def each(value: Callable[[AttemptRow], Any], dtype: Any) -> pl.Series:
        return pl.Series([value(row) for row in rows], dtype=dtype)

    return pl.DataFrame(
        {
            "run": each(lambda row: row.run, pl.Int64),
            "trial": each(lambda row: numbers.get(row.trial), pl.Int64),
            "digest": each(lambda row: row.trial.hex(), pl.String),
            "attempt": each(lambda row: row.id, pl.Int64),
            "number": each(lambda row: row.number, pl.Int64),
            "role": each(lambda row: row.role.value, pl.String),
            "status": each(lambda row: row.status.value, pl.String),
            "started": _utc(each(lambda row: row.started, pl.Float64)),
            "ended": _utc(each(lambda row: row.ended, pl.Float64)),
            "wall_s": each(lambda row: row.usage.wall_s, pl.Float64),
            "cpu_s": each(lambda row: row.usage.cpu_s, pl.Float64),
            "peak_bytes": each(lambda row: row.usage.peak_bytes, pl.Int64),
            "spin_before_s": each(lambda row: row.usage.spin_before_s, pl.Float64),
            "spin_after_s": each(lambda row: row.usage.spin_after_s, pl.Float64),
            "pid": each(lambda row: row.pid, pl.Int64),
            "batch": each(lambda row: row.batch, pl.Int64),
            "cautions": each(lambda row: "; ".join(row.cautions) or None, pl.String),
            **_reasons([row.failure for row in rows]),
        }
    )


def _reasons(failures: Sequence[Failure | None]) -> dict[str, pl.Series]:
    def each(value: Callable[[Failure], Any], dtype: Any) -> pl.Series:
        return pl.Series([value(failure) if failure else None for failure in failures], dtype=dtype)

    return {
        "failure": each(lambda failure: failure.kind.value, pl.String),
        "message": each(lambda failure: failure.message, pl.String),
        "exit_code": each(lambda failure: failure.exit_code, pl.Int64),
        "signal": each(lambda failure: failure.signal, pl.Int64),
        "limiter": each(lambda failure: failure.limiter or None, pl.String),
        "overshoot_bytes": each(lambda failure: failure.overshoot_bytes if failure.limiter else None, pl.Int64),
    }


def _utc(seconds: pl.Series) -> pl.Series:
    return (seconds * 1e6).round().cast(pl.Int64).cast(pl.Datetime("us", "UTC"))


def _series(ledger: Ledger, rows: Sequence[TrialRow]) -> pl.DataFrame:
    """Gather the steps of the attempts that settled the trials: trial, attempt, step, a column for each metric."""
    place: list[tuple[int, int, int]] = []
    metrics: dict[str, dict[int, float | None]] = {}
    for row in rows:
        for step, values in ledger.series(row.attempt) if row.attempt is not None else ():
            for name, value in values.items():
                metrics.setdefault(name, {})[len(place)] = value
            place.append((row.number, row.attempt or 0, step))
    made = pl.DataFrame(place, schema=dict.fromkeys(("trial", "attempt", "step"), pl.Int64), orient="row")
    columns = unclashed(metrics, "metrics.", made.columns)
    return made.with_columns(
        pl.Series(name, [values.get(index) for index in range(len(place))], dtype=pl.Float64)
        for name, values in columns.items()
    )


def joined(parts: Sequence[tuple[TrialRow, Path]]) -> pl.LazyFrame:
    """Put the raw tables of several trials below each other, with the column `trial` before the others."""
    frames = [
        pl.scan_parquet(path, glob=False)
        .rename({"trial": "table.trial"}, strict=False)
        .select(pl.lit(row.number, dtype=pl.Int64).alias("trial"), pl.all())
        for row, path in parts
    ]
    return pl.concat(frames, how="diagonal_relaxed")
