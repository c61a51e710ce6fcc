"""Measurements made by hand, and changes to them that no honest analysis may notice or profit from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fairtrial.model.run import Measurements

Table = npt.ArrayLike
"""Levels x replicates; NaN for a trial that failed."""


def measured(
    levels: Sequence[Any] | Mapping[str, Sequence[Any]],
    arms: Mapping[str, Table],
    *,
    factor: str = "n",
    metric: str = "loss",
    common_seeds: bool = True,
) -> Measurements:
    """Make the measurements of one factor: an arm is a table of its levels x replicates ('' for a study without arms).

    `levels` are of all arms, or by arm. Replicate j has the same seed at every level, and in every arm where seeds are
    common.
    """
    rows = [
        (arm, place, level, number, float(value))
        for place, (arm, table) in enumerate(arms.items())
        for level, values in zip(
            levels[arm] if isinstance(levels, Mapping) else levels, np.asarray(table, dtype=np.float64), strict=True
        )
        for number, value in enumerate(values)
    ]
    failed = [bool(np.isnan(row[-1])) for row in rows]
    return Measurements(
        run=1,
        number=list(range(1, len(rows) + 1)),
        variant=[row[0] for row in rows],
        replicate=[row[3] for row in rows],
        seed=[row[3] + (0 if common_seeds else 1_000_000 * row[1]) for row in rows],
        status=["failed" if lost else "done" for lost in failed],
        failure=["crash" if lost else "" for lost in failed],
        factors={factor: [row[2] for row in rows]},
        metrics={metric: [row[-1] for row in rows]},
    )


def in_unit(found: Measurements, scale: float) -> Measurements:
    """Return the same measurements with every metric in another unit: a verdict must not change."""
    metrics = {name: [value * scale for value in values] for name, values in found.metrics.items()}
    return replace(found, metrics=metrics)


def reordered(found: Measurements, order: Sequence[int]) -> Measurements:
    """Return the same trials in another order, numbered anew: nothing may change but the names of trials."""

    def moved(column: Sequence[Any]) -> list[Any]:
        return [column[place] for place in order]

    return replace(
        found,
        variant=moved(found.variant),
        replicate=moved(found.replicate),
        seed=moved(found.seed),
        status=moved(found.status),
        failure=moved(found.failure),
        factors={name: moved(column) for name, column in found.factors.items()},
        metrics={name: moved(column) for name, column in found.metrics.items()},
    )


def failing(found: Measurements, places: Collection[int]) -> Measurements:
    """Return the measurements with some trials (by place, from 0) failed: no verdict may be better for it."""

    def lost(column: Sequence[Any], value: Any) -> list[Any]:
        return [value if place in places else kept for place, kept in enumerate(column)]

    return replace(
        found,
        status=lost(found.status, "failed"),
        failure=lost(found.failure, "crash"),
        metrics={name: lost(column, float("nan")) for name, column in found.metrics.items()},
    )
