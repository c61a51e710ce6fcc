"""The results table of an oracle study, one row a trial, as one array over rows of telemetry, sizes and replicates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from fairtrial.errors import UserError, nearest
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.label.record import Ints, Labelled
from fairtrial.systems.threadpool.telemetry.schema import NAMES

ROW, SIZE, REPLICATE, P95 = "telemetry.row", "pool.workers", "replicate", "latency_p95_s"
KEYS = (ROW, SIZE, REPLICATE)
NEEDED = (*KEYS, P95, "stable", "family", *NAMES)


def labelled(columns: Mapping[str, Sequence[Any]]) -> Labelled:
    """Arrange the columns of a results table, one entry a trial, by row, size and replicate.

    A failed trial has no metrics (None or NaN) and is missing; so is one without an entry. A size that any replicate
    calls unstable has no p95 in that row. Rows none of whose trials was measured are left out: nothing is known of
    them, not even their features. Raises UserError for a table that lacks a column, whose keys are no whole numbers,
    or in which a trial stands twice.
    """
    table = {name: _column(columns, name) for name in NEEDED}
    trials = np.isfinite(table["family"])
    keys = [_whole(table[key][trials], key) for key in KEYS]
    _once(keys)
    (rows, row), (sizes, size), (replicates, replicate) = (np.unique(key, return_inverse=True) for key in keys)
    shape = (len(rows), len(sizes), len(replicates))
    stable = np.ones(shape[:2], dtype=np.bool_)
    unstable = table["stable"][trials] == 0
    stable[row[unstable], size[unstable]] = False
    p95_s = np.full(shape, np.nan)
    p95_s[row, size, replicate] = table[P95][trials]
    p95_s[~(p95_s > 0) | ~stable[:, :, None]] = np.nan
    _, first = np.unique(row, return_index=True)
    features = np.stack([table[name][trials][first] for name in NAMES], axis=1)
    family = table["family"][trials][first].astype(np.int64)
    return Labelled(rows, features, family, tuple(sizes.tolist()), p95_s, stable)


def read(data: bytes) -> dict[str, list[Any]]:
    """Return the columns of a table of labels, of the bytes of its Parquet file. Raises UserError for another file."""
    from io import BytesIO

    import polars as pl

    try:
        return pl.read_parquet(BytesIO(data)).to_dict(as_series=False)
    except pl.exceptions.PolarsError as problem:
        hint = "say `inputs: {labels: {study: NAME}}`, NAME being an oracle study"
        raise UserError("the table of labels is no Parquet file", hint=hint) from problem


def _column(columns: Mapping[str, Sequence[Any]], name: str) -> Floats:
    """Return a column as numbers, NaN for what is missing."""
    if name not in columns:
        raise UserError(f"the table of labels has no column {name!r}", hint=_advice(name, columns))
    found = columns[name]
    try:
        return np.array([np.nan if value is None else value for value in found], dtype=np.float64)
    except (TypeError, ValueError) as problem:
        raise UserError(f"the table of labels: column {name!r} holds what is no number ({problem})") from problem


def _advice(name: str, columns: Iterable[str]) -> str:
    if name in KEYS:
        return f"an oracle study varies {ROW} and {SIZE}: `fairtrial run threadpool/oracle`"
    return nearest(name, columns)


def _whole(values: Floats, name: str) -> Ints:
    bad = values[~np.isfinite(values) | (values != np.floor(values)) | (values < 0)]
    if len(bad):
        raise UserError(f"the table of labels: column {name!r} holds {bad[0]}, and not a whole number")
    whole: Ints = values.astype(np.int64)
    return whole


def _once(keys: Sequence[Ints]) -> None:
    """Refuse a table in which a trial stands twice: it mixes machines, engines or sources."""
    every, count = np.unique(np.stack(keys, axis=1), axis=0, return_counts=True)
    if (count > 1).any():
        row, size, replicate = every[count.argmax()].tolist()
        message = f"the table of labels has row {row} with {size} workers, replicate {replicate}, {count.max()} times"
        raise UserError(message, hint="give the trials of one variant only: an oracle study varies row and size")
