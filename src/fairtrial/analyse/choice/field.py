"""The field of candidates: the conditions of a run with what decides which of them may be the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fairtrial.analyse.data import Data
from fairtrial.analyse.estimates import Estimates, estimates
from fairtrial.errors import UserError
from fairtrial.model.claim import Clause
from fairtrial.model.study import ABSENT, Direction, Metric
from fairtrial.stats.best import critical
from fairtrial.stats.pareto import pareto
from fairtrial.stats.summary import Floats, Groups, Integers, Mask

SLACK = 1e-9
"""Share of a trial by which a declared completeness may be missed by rounding."""


@dataclass(frozen=True, slots=True)
class Field:
    """Every array has one entry a condition, in the order of their first trials."""

    metric: Metric
    values: Floats
    """(conditions, replicates); NaN where a trial has no value; signed so that more is better."""
    groups: Groups
    found: Data
    first: Integers
    """A row of the data for each condition."""
    seen: Estimates
    complete: Mask
    """Enough of its trials gave a value."""
    feasible: npt.NDArray[np.int8]
    """1: it keeps the service levels; -1: it does not; 0: neither is shown."""

    def __len__(self) -> int:
        return len(self.values)

    @property
    def sign(self) -> float:
        """Return 1 where more is better, -1 where less is."""
        return 1.0 if self.metric.direction is Direction.MAXIMIZE else -1.0

    @property
    def mean(self) -> Floats:
        """Return the means, signed so that more is better; NaN for no values."""
        return self.sign * self.seen.summary.mean

    @property
    def lost(self) -> Floats:
        """Return the share of the trials without a value."""
        return 1 - self.seen.summary.n / self.seen.size

    @property
    def eligible(self) -> Mask:
        """Say which conditions may be the best: measured, complete, and not shown to break a service level."""
        return self.complete & (self.feasible >= 0)

    def order(self) -> Integers:
        """Return the conditions best first.

        What lost fewer trials comes first: losing bad values must never move a condition up. Then what is not shown
        to be infeasible, then the better mean, then the earlier trial.
        """
        ranked: Integers = np.lexsort((np.nan_to_num(-self.mean, nan=np.inf), self.feasible < 0, self.lost))
        return ranked

    def label(self, condition: int) -> tuple[str, Mapping[str, Any]]:
        """Return the variant and the assignment of a condition."""
        measured, row = self.found.measured, int(self.first[condition])
        pairs = ((path, column[row]) for path, column in measured.factors.items())
        return measured.variant[row], {path: value for path, value in pairs if value is not ABSENT}


def field(
    found: Data, metric: Metric, *, slo: Sequence[Clause] = (), alpha: float = 0.05, completeness: float = 1.0
) -> Field:
    """Gather the conditions of a run. Raises UnknownName for a metric that nobody measured."""
    values = found.metric(metric.name)
    code, first = _by_number(found)
    groups = Groups(code, len(first))
    seen = estimates(metric.name, values, groups, level=1 - alpha, unit=metric.unit)
    complete = _complete(seen, completeness)
    sign = 1.0 if metric.direction is Direction.MAXIMIZE else -1.0
    return Field(
        metric=metric,
        values=sign * _matrix(found, values, code, len(first)),
        groups=groups,
        found=found,
        first=first,
        seen=seen,
        complete=complete,
        feasible=_feasible(found, groups, slo, alpha, completeness),
    )


def chosen(metrics: Sequence[Metric], name: str | None) -> Metric:
    """Return the metric to be best in: the named one, or the first that has a direction. Raises UserError."""
    directed = [metric for metric in metrics if metric.direction is not Direction.NONE]
    if name is None and directed:
        return directed[0]
    metric = next((metric for metric in directed if metric.name == name), None)
    if metric is None:
        what = "no metric has a direction" if name is None else f"{name} has no direction"
        raise UserError(f"{what}, so nothing is best", hint=f"metrics: {{{name or 'NAME'}: maximize}}")
    return metric


def front(of: Field, metrics: Sequence[Metric]) -> Mask:
    """Say which conditions are in the Pareto set of the means of all metrics with a direction; none for one metric."""
    directed = [metric for metric in metrics if metric.direction is not Direction.NONE]
    inside = np.zeros(len(of), dtype=np.bool_)
    if len(directed) < 2:
        return inside
    rows = np.flatnonzero(of.eligible)
    means = [_signed(metric) * _means(of, metric) for metric in directed]
    inside[rows] = pareto(np.stack(means, axis=1)[rows])
    return inside


def beside(of: Field, metrics: Sequence[Metric]) -> Mapping[str, Floats]:
    """Return the means of each condition in the other metrics with a direction; NaN for no values."""
    directed = (metric for metric in metrics if metric.direction is not Direction.NONE)
    return {metric.name: _means(of, metric) for metric in directed if metric.name != of.metric.name}


def _means(of: Field, metric: Metric) -> Floats:
    return of.groups.summarise(of.found.metric(metric.name)).mean


def _signed(metric: Metric) -> float:
    return 1.0 if metric.direction is Direction.MAXIMIZE else -1.0


def _by_number(found: Data) -> tuple[Integers, Integers]:
    """Number conditions in the order of their first trials, whatever the order of the rows; return a row of each."""
    number = np.asarray(found.measured.number, dtype=np.int64)
    rows = np.argsort(number, kind="stable")
    kinds, first = np.unique(found.condition[rows], return_index=True)
    place = np.empty(len(kinds), dtype=np.int64)
    order = np.argsort(first)
    place[order] = np.arange(len(kinds))
    return place[found.condition], rows[first[order]]


def _matrix(found: Data, values: Floats, code: Integers, count: int) -> Floats:
    """Lay values out by condition and replicate; trials that repeat a replicate get columns of their own."""
    number = np.asarray(found.measured.number, dtype=np.int64)
    rows = np.lexsort((number, found.replicate, code))
    cell = np.stack([code[rows], found.replicate[rows]])
    fresh = np.ones(len(rows), dtype=np.bool_)
    fresh[1:] = (cell[:, 1:] != cell[:, :-1]).any(axis=0)
    starts = np.flatnonzero(fresh)
    again = np.arange(len(rows)) - np.repeat(starts, np.diff(np.append(starts, len(rows))))
    width = int(again.max(initial=0)) + 1
    columns, place = np.unique(cell[1] * width + again, return_inverse=True)
    matrix = np.full((count, len(columns)), np.nan)
    matrix[cell[0], place] = values[rows]
    return matrix


def _complete(seen: Estimates, completeness: float) -> Mask:
    enough: Mask = (seen.summary.n > 0) & (seen.summary.n >= completeness * seen.size - SLACK)
    return enough


def _feasible(
    found: Data, groups: Groups, slo: Sequence[Clause], alpha: float, completeness: float
) -> npt.NDArray[np.int8]:
    """Say which conditions keep all service levels (one-sided t at alpha) or break one (at alpha over the clauses)."""
    kept, broken = np.ones(groups.count, dtype=np.bool_), np.zeros(groups.count, dtype=np.bool_)
    for clause in slo:
        seen = estimates(clause.metric, found.metric(clause.metric), groups, level=1 - alpha)
        n, sign = seen.summary.n, 1 if clause.bound == "max" else -1
        over = sign * (seen.summary.mean - clause.limit)
        df = np.maximum(n - 1.0, 0.0)
        se = np.where(n > 1, seen.summary.sd, 0.0) / np.sqrt(np.maximum(n, 1))
        able = n > 1
        kept &= able & _complete(seen, completeness) & (_upper(over, df, se, alpha) <= 0)
        broken |= able & (-_upper(-over, df, se, alpha / len(slo)) > 0)
    return np.where(broken, -1, kept if slo else 0).astype(np.int8)


def _upper(over: Floats, df: Floats, se: Floats, alpha: float) -> Floats:
    """Return the upper one-sided bound of each."""
    bound: Floats = over + np.multiply(critical(df, alpha), se, where=df > 0, out=np.zeros(len(df)))
    return bound
