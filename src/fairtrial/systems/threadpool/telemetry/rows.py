"""One row of telemetry, from whichever of the three sources."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from fairtrial.errors import UserError
from fairtrial.systems.threadpool.parameters import Telemetry
from fairtrial.systems.threadpool.telemetry.older import older
from fairtrial.systems.threadpool.telemetry.record import Row

__all__ = ["Row", "row"]


def row(telemetry: Telemetry, path: Path | None) -> Row:
    """Return a row; `path` is the CSV file of source `input`, and is not looked at for the others.

    Raises UserError where the file is not given, is not as it should be, or has no such row.
    """
    if telemetry.source == "input":
        return _given(telemetry, path)
    return _made(telemetry.source, telemetry.seed, telemetry.row, telemetry.cores)


@lru_cache(maxsize=64)
def _made(source: str, seed: int, number: int, cores: int) -> Row:
    """Make a row once for all sizes and replicates of a batch."""
    if source == "older":
        return older(seed, number, cores=cores)
    from fairtrial.systems.threadpool.telemetry.simulated import simulated

    return simulated(seed, number, cores=cores)


def _given(telemetry: Telemetry, path: Path | None) -> Row:
    if path is None:
        hint = "say `inputs: {telemetry: {file: rows.csv}}`; `fairtrial threadpool generate rows.csv` makes one"
        raise UserError("telemetry of source input needs its file", hint=hint)
    try:
        written = path.stat()
    except OSError as problem:
        raise UserError(f"cannot read {path}: {problem.strerror}") from problem
    rows = _read(path, (written.st_mtime_ns, written.st_size), telemetry.cores)
    if telemetry.row >= len(rows):
        raise UserError(f"{path} has no row {telemetry.row}: it has {len(rows)}, numbered from 0 to {len(rows) - 1}")
    return rows[telemetry.row]


@lru_cache(maxsize=2)
def _read(path: Path, written: tuple[int, int], cores: int) -> tuple[Row, ...]:
    """Read a file once in a process, and again when it was written since."""
    from fairtrial.systems.threadpool.telemetry.file import read

    return read(path, cores=cores)
