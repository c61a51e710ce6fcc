"""A run as a polars data frame: one row a trial, factors and metrics as columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from fairtrial.model.identity import canonical_json
from fairtrial.model.run import Measurements
from fairtrial.model.study import ABSENT

EXACT = 2**53
"""Integers up to here are floats without rounding."""
USAGE = ("wall_s", "cpu_s", "peak_bytes")
"""The columns that say what a trial cost."""


def frame(measurements: Measurements) -> pl.DataFrame:
    """Return the trials of a run: run, trial, variant, factors, replicate, seed, status, failure, metrics, usage.

    Factors are named by dotted path. A factor or metric whose name another column has already becomes
    `factors.NAME` or `metrics.NAME` (the metric keeps a name that both have). Absent factors, undefined metrics and no
    failure are null. A factor of several types is a string column of JSON. wall_s and cpu_s are seconds, peak_bytes
    bytes.
    """
    head, tail, usage = _head(measurements), _tail(measurements), _usage(measurements)
    taken = {*head, *tail, *usage}
    metrics = unclashed(measurements.metrics, "metrics.", taken)
    factors = unclashed(measurements.factors, "factors.", {*taken, *metrics})
    return pl.DataFrame(
        {
            **head,
            **{name: column(values) for name, values in factors.items()},
            **tail,
            **{name: _floats(values) for name, values in metrics.items()},
            **usage,
        }
    )


def column(values: Sequence[Any]) -> pl.Series:
    """Make a column of JSON values: of their type where they share one, else strings of JSON; ABSENT is null.

    Null as a level stays null beside one other type, unless ABSENT would be mistaken for it.
    """
    listed: Sequence[Any] = values.tolist() if isinstance(values, np.ndarray) else values
    kinds = set(map(type, listed))
    absent = type(ABSENT) in kinds
    dtype = _dtype(kinds - {type(ABSENT), type(None)}, listed)
    if dtype is None or (absent and type(None) in kinds):
        dtype, listed = pl.String(), [value if value is ABSENT else canonical_json(value).decode() for value in listed]
    return pl.Series([None if value is ABSENT else value for value in listed] if absent else listed, dtype=dtype)


def unclashed(columns: Mapping[str, Any], prefix: str, taken: Collection[str]) -> dict[str, Any]:
    """Return the columns with the prefix before every name that is taken."""
    named: dict[str, Any] = {}
    for name, values in columns.items():
        free = name
        while free in taken or free in named or (free != name and free in columns):
            free = prefix + free
        named[free] = values
    return named


def _dtype(kinds: set[type], values: Sequence[Any]) -> pl.DataType | None:
    if not kinds:
        return pl.Null()
    if kinds <= {int, float}:
        return _number(kinds, values)
    plain: dict[type, pl.DataType] = {bool: pl.Boolean(), str: pl.String()}
    return plain.get(next(iter(kinds))) if len(kinds) == 1 else None


def _number(kinds: set[type], values: Sequence[Any]) -> pl.DataType | None:
    largest = max((abs(value) for value in values if type(value) is int), default=0)
    if kinds == {int}:
        return pl.Int64() if largest < 2**63 else None
    return pl.Float64() if largest <= EXACT else None


def _head(measurements: Measurements) -> dict[str, pl.Series]:
    return {
        "run": pl.Series([measurements.run] * len(measurements), dtype=pl.Int64),
        "trial": pl.Series(measurements.number, dtype=pl.Int64),
        "variant": pl.Series(measurements.variant, dtype=pl.String),
    }


def _tail(measurements: Measurements) -> dict[str, pl.Series]:
    return {
        "replicate": pl.Series(measurements.replicate, dtype=pl.Int64),
        "seed": pl.Series(measurements.seed, dtype=pl.UInt64),
        "status": pl.Series([str(status) for status in measurements.status], dtype=pl.String),
        "failure": pl.Series([str(kind) or None for kind in measurements.failure], dtype=pl.String),
    }


def _usage(measurements: Measurements) -> dict[str, pl.Series]:
    unknown = [None] * len(measurements)
    return {
        "wall_s": _floats(measurements.wall_s) if len(measurements.wall_s) else pl.Series(unknown, dtype=pl.Float64),
        "cpu_s": _floats(measurements.cpu_s) if len(measurements.cpu_s) else pl.Series(unknown, dtype=pl.Float64),
        "peak_bytes": pl.Series(measurements.peak_bytes if len(measurements.peak_bytes) else unknown, dtype=pl.Int64),
    }


def _floats(values: Sequence[float]) -> pl.Series:
    return pl.Series(np.asarray(values, dtype=np.float64)).fill_nan(None)
