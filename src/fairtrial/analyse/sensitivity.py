"""Sensitivity: whether the conclusion stands when the analysis is done a little differently."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from fairtrial.analyse.data import Data
from fairtrial.model import words
from fairtrial.model.finding import Variation
from fairtrial.model.study import Direction, Metric
from fairtrial.stats.summary import Floats, summarise


def sensitivity(found: Data, metric: Metric, *, completeness: float = 1.0) -> tuple[Variation, ...]:
    """Say whether the condition with the best mean stays the best: by the median, and without each replicate.

    Conditions of which less than the share `completeness` has a value are passed over, as they are by the optimum.
    Empty where the metric has no direction, or where there is only one condition.
    """
    if metric.direction is Direction.NONE or found.condition.max(initial=0) < 1:
        return ()
    values = found.metric(metric.name)
    best = _best(found, values, metric.direction, completeness)
    if best is None:
        return ()
    return tuple(
        Variation(what, best == other, _label(found, other))
        for what, other in _others(found, values, metric.direction, completeness)
        if other is not None
    )


def narrowed(found: Data, keep: npt.NDArray[np.bool_]) -> Data:
    """Return the data with the values of some trials left out: their metrics are missing, their places stay."""
    return replace(found, metrics={name: np.where(keep, values, np.nan) for name, values in found.metrics.items()})


def _others(found: Data, values: Floats, direction: Direction, completeness: float) -> Iterator[tuple[str, int | None]]:
    yield "median instead of mean", _best(found, values, direction, completeness, by="median")
    replicates = np.unique(found.replicate).tolist()
    for replicate in replicates if len(replicates) > 2 else ():
        keep = found.replicate != replicate
        share = completeness * (len(replicates) - 1) / len(replicates)
        yield f"without replicate {replicate}", _best(found, np.where(keep, values, np.nan), direction, share)


def _best(found: Data, values: Floats, direction: Direction, completeness: float, by: str = "mean") -> int | None:
    groups = int(found.condition.max(initial=-1)) + 1
    summary = summarise(values, found.condition, groups)
    size = np.bincount(found.condition, minlength=groups)
    centre: Floats = getattr(summary, by)
    score = np.where((summary.n > 0) & (summary.n >= completeness * size - 1e-9), centre, np.nan)
    if np.isnan(score).all():
        return None
    return int(np.nanargmax(score) if direction is Direction.MAXIMIZE else np.nanargmin(score))


def _label(found: Data, condition: int) -> str:
    row = int(np.flatnonzero(found.condition == condition)[0])
    return words.condition(
        {name: column.levels[column.codes[row]] for name, column in found.factors.items() if column.codes[row] >= 0}
    )
