"""The trials of a run as arrays: what every analysis starts from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from fairtrial.analyse.coding import codes, joined
from fairtrial.analyse.estimates import bounds, interval
from fairtrial.errors import NothingMeasured, UnknownName, UserError
from fairtrial.model.finding import Point
from fairtrial.model.outcome import Status
from fairtrial.model.run import Measurements
from fairtrial.model.study import ABSENT, Metric
from fairtrial.stats.interval import t_interval
from fairtrial.stats.summary import Floats, Integers, mean, sd

ARMS = "variant"
"""The name under which the arms of a study are a factor."""


@dataclass(frozen=True, slots=True)
class Column:
    """A factor: `levels[code]` is a trial's level, code -1 where the trial lacks the factor."""

    levels: tuple[Any, ...]
    """In ascending order where `ordered`, else in the order in which they first stand."""
    codes: Integers
    ordered: bool
    """Every level is a number."""

    @property
    def x(self) -> tuple[float, ...]:
        """Return the levels as numbers; their places where they are none."""
        return tuple(float(level) if self.ordered else float(place) for place, level in enumerate(self.levels))


@dataclass(frozen=True, slots=True)
class Data:
    """Every array has one entry a settled trial, in trial-number order."""

    metrics: Mapping[str, Floats]
    """NaN where the trial is not done or the metric is undefined."""
    factors: Mapping[str, Column]
    """Path -> factor; the arms are the factor `variant` where there are several."""
    replicate: Integers
    condition: Integers
    """Trials share a number, from 0 in order of first trials, exactly where they share variant and factors."""
    done: npt.NDArray[np.bool_]
    measured: Measurements
    units: Mapping[str, str] = field(default_factory=dict)
    """Metric -> its unit, where it has one."""

    def __len__(self) -> int:
        return len(self.replicate)

    def metric(self, name: str) -> Floats:
        """Return a metric's values. Raises UnknownName."""
        if name not in self.metrics:
            raise UnknownName("metric", name, self.metrics)
        return self.metrics[name]

    def factor(self, name: str) -> Column:
        """Return a factor. Raises UnknownName."""
        if name not in self.factors:
            raise UnknownName("factor", name, self.factors)
        return self.factors[name]

    def ordered(self, name: str) -> Column:
        """Return a factor whose levels are numbers. Raises UserError for another one."""
        column = self.factor(name)
        if not column.ordered:
            ordered = [path for path, other in self.factors.items() if other.ordered]
            raise UserError(
                f"the levels of {name} are no numbers, so they have no order",
                hint=f"ordered factors: {', '.join(ordered) or 'none'}",
            )
        return column


def data(measured: Measurements, metrics: Sequence[Metric] = ()) -> Data:
    """Turn the settled trials of a run into arrays; `metrics` say units. Raises NothingMeasured without any trial."""
    if not len(measured):
        raise NothingMeasured(f"run {measured.run} has no settled trial", hint="fairtrial run continues it")
    done = np.fromiter(map(Status.DONE.value.__eq__, measured.status), dtype=np.bool_, count=len(measured))
    columns = {
        name: np.where(done, np.asarray(values, dtype=np.float64), np.nan) for name, values in measured.metrics.items()
    }
    factors = {path: _column(values) for path, values in measured.factors.items()}
    arms = _column(measured.variant)
    code = arms.codes
    for column in factors.values():
        code = joined(code, column.codes + 1)
    return Data(
        metrics={name: np.where(np.isfinite(values), values, np.nan) for name, values in columns.items()},
        factors={**({ARMS: arms} if len(arms.levels) > 1 else {}), **factors},
        replicate=np.asarray(measured.replicate, dtype=np.int64),
        condition=_by_first(code),
        done=done,
        measured=measured,
        units={metric.name: metric.unit for metric in metrics if metric.unit},
    )


def points(
    found: Data, metric: str, factor: str, *, keep: npt.NDArray[np.bool_] | None = None, level: float = 0.95
) -> tuple[Point, ...]:
    """Return a metric at each level of a factor; the other factors are averaged within each replicate.

    `keep` (a mask over the trials) narrows it, to one arm for example. The value of a replicate is missing where one
    of its trials at that level has none: the mean of those that survived would flatter. Intervals are Student's t over
    replicates, cut at what the metric's unit allows. Raises UnknownName.
    """
    column, values = found.factor(factor), found.metric(metric)
    rows = column.codes >= 0 if keep is None else (column.codes >= 0) & keep
    replicates = np.unique(found.replicate[rows])
    width = len(replicates)
    cell = column.codes[rows] * width + np.searchsorted(replicates, found.replicate[rows])
    shape = (len(column.levels), width)
    trials = np.bincount(cell, minlength=shape[0] * width)
    total = np.bincount(cell, weights=values[rows], minlength=shape[0] * width)
    with np.errstate(invalid="ignore"):
        means = np.where(trials > 0, total / trials, np.nan).reshape(shape)
    lacking = np.bincount(column.codes[rows], weights=np.isnan(values[rows]), minlength=shape[0])
    present = np.flatnonzero(trials.reshape(shape).any(axis=1)).tolist()
    how: Any = {"level": level, "within": bounds(values, found.units.get(metric, ""))}
    return tuple(
        point(column.levels[place], column.x[place], means[place], missing=int(lacking[place]), **how)
        for place in present
    )


def point(
    level_: Any,
    x: float,
    values: npt.ArrayLike,
    *,
    missing: int,
    level: float = 0.95,
    within: tuple[float, float] = (-math.inf, math.inf),
) -> Point:
    """Make a point of the values of a level, one a replicate, NaN for a missing one; its interval ends `within`."""
    column = np.asarray(values, dtype=np.float64)
    numbers = column[np.isfinite(column)].tolist()
    ends = t_interval(numbers, level)
    return Point(
        level=level_,
        x=x,
        values=tuple(column.tolist()),
        n=len(numbers),
        missing=missing,
        mean=mean(numbers),
        sd=sd(numbers),
        interval=None if ends is None else interval(ends, level, within),
    )


def arm(found: Data, name: str) -> npt.NDArray[np.bool_]:
    """Return the mask of an arm's trials. Raises UnknownName."""
    column = found.factors.get(ARMS)
    if column is None or name not in column.levels:
        raise UnknownName("variant", name, () if column is None else column.levels)
    mask: npt.NDArray[np.bool_] = column.codes == column.levels.index(name)
    return mask


def _column(values: Sequence[Any]) -> Column:
    code, levels = codes(values)
    absent = next((place for place, level in enumerate(levels) if level is ABSENT), None)
    present = [level for level in levels if level is not ABSENT]
    if absent is not None:
        code = np.where(code == absent, -1, code - (code > absent))
    ordered = bool(present) and all(isinstance(x, int | float) and not isinstance(x, bool) for x in present)
    if ordered:
        order = np.argsort(np.asarray(present, dtype=np.float64), kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        code = np.where(code < 0, -1, rank[code])
        present = [present[place] for place in order.tolist()]
    return Column(tuple(present), code.astype(np.int64), ordered)


def _by_first(code: Integers) -> Integers:
    """Renumber codes from 0 in order of first appearance."""
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    place = np.empty_like(first)
    place[np.argsort(first)] = np.arange(len(first))
    renumbered: Integers = place[inverse].astype(np.int64)
    return renumbered
