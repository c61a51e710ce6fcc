"""Conditions: the trials of a run grouped by variant and assignment, an estimate for each metric, best first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fairtrial.analyse.coding import codes, joined
from fairtrial.analyse.estimates import Estimates, estimates
from fairtrial.errors import UserError
from fairtrial.model.finding import ConditionFinding
from fairtrial.model.outcome import Status
from fairtrial.model.run import Label, Lost, Measurements, Results
from fairtrial.model.study import ABSENT, Direction, Metric
from fairtrial.stats.summary import Groups, Integers


def conditions(
    measurements: Measurements,
    metrics: Sequence[Metric],
    *,
    level: float = 0.95,
    top: int | None = None,
    quantiles: Sequence[float] = (),
) -> list[ConditionFinding]:
    """Return a finding for each condition, best mean of the first metric that has a direction first.

    Conditions without a mean come last, equals stay in trial order; without a directed metric all do. Only trials
    that are done give values: what failed, was pruned or is undefined is missing, counted, and never a number. An
    interval is Student's t at `level`, cut at what its metric's unit allows; a condition with one value has none. `top`
    stops after that many findings. A quantile is the smallest value with at least that share of the values at or below
    it (`inverted_cdf`). Raises UserError for a quantile outside 0 to 1.
    """
    return ranking(measurements, metrics, level=level, top=top, quantiles=quantiles)[0]


def ranking(
    measured: Measurements | Results,
    metrics: Sequence[Metric],
    *,
    level: float = 0.95,
    top: int | None = None,
    quantiles: Sequence[float] = (),
) -> tuple[list[ConditionFinding], int]:
    """Return the findings of `conditions`, and how many there are without `top`."""
    found = table(measured, metrics, level=level, quantiles=quantiles)
    return found.findings(found.ranked(directed(metrics))[:top]), len(found)


def table(
    measured: Measurements | Results,
    metrics: Sequence[Metric],
    *,
    level: float = 0.95,
    quantiles: Sequence[float] = (),
) -> Table:
    """Return the conditions as columns: nothing is made for each condition until it is asked for."""
    wrong = [q for q in quantiles if not 0 <= q <= 1]
    if wrong:
        raise UserError(f"a quantile lies between 0 and 1, not at {wrong[0]:g}", hint="the median is 0.5")
    results = measured if isinstance(measured, Results) else _results(measured)
    groups = _grouped(results)
    return Table(results, groups, {each.name: _column(results, groups, each, level, quantiles) for each in metrics})


@dataclass(frozen=True, slots=True)
class Table:
    """All conditions, in the order of their first trials, with every metric summarised."""

    results: Results
    groups: _Groups
    columns: Mapping[str, Estimates]

    def __len__(self) -> int:
        return len(self.groups.number)

    def ranked(self, metric: Metric | None) -> list[int]:
        """Return the places of the conditions, best mean first; in trial order without a metric."""
        if metric is None:
            return list(range(len(self)))
        mean = self.columns[metric.name].summary.mean
        sign = -1.0 if metric.direction is Direction.MAXIMIZE else 1.0
        order: list[int] = np.argsort(sign * mean, kind="stable").tolist()
        return order

    def findings(self, places: Sequence[int]) -> list[ConditionFinding]:
        """Write out some conditions, in their order."""
        shown = {name: column.of(places) for name, column in self.columns.items()}
        failures = _failures(self.results, self.groups)
        labels = self.results.labels(self.groups.number[places].tolist())
        return [
            ConditionFinding(
                variant=variant,
                assignment=assignment,
                trials=int(self.groups.laid.size[group]),
                estimates={name: listed[rank] for name, listed in shown.items()},
                failures=failures.get(group, {}),
            )
            for rank, (group, (variant, assignment)) in enumerate(zip(places, labels, strict=True))
        ]


def directed(metrics: Sequence[Metric]) -> Metric | None:
    """Return the metric that ranks: the first with a direction, or None."""
    return next((metric for metric in metrics if metric.direction is not Direction.NONE), None)


@dataclass(frozen=True, slots=True)
class _Groups:
    """Conditions in the order of their first trials; `code` numbers the condition of each trial."""

    code: Integers
    number: Integers
    laid: Groups


def _column(results: Results, groups: _Groups, metric: Metric, level: float, quantiles: Sequence[float]) -> Estimates:
    values = results.metrics.get(metric.name, np.full(len(groups.code), np.nan))
    return estimates(metric.name, values, groups.laid, level=level, quantiles=quantiles, unit=metric.unit)


def _grouped(results: Results) -> _Groups:
    number, first, code = np.unique(
        np.asarray(results.condition, dtype=np.int64), return_index=True, return_inverse=True
    )
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    code = place[code]
    return _Groups(code, number[order], Groups(code, len(number)))


def _results(measurements: Measurements) -> Results:
    """Number the conditions, and let nothing that is not done be a value."""
    code: Any = _numbered(measurements) if len(measurements.condition) else _coded(measurements, slice(None))
    _, first, code = np.unique(code, return_index=True, return_inverse=True)
    done = np.fromiter(map(Status.DONE.value.__eq__, measurements.status), dtype=np.bool_, count=len(measurements))
    metrics: dict[str, Any] = {name: np.where(done, column, np.nan) for name, column in measurements.metrics.items()}
    return Results(
        condition=code,
        metrics=metrics,
        lost=[
            Lost(row, str(measurements.status[row]), str(measurements.failure[row]))
            for row in np.flatnonzero(~done).tolist()
        ],
        labels=lambda numbers: [_label(measurements, first[number]) for number in numbers],
        factors=measurements.factors.keys,
    )


def _numbered(measurements: Measurements) -> Integers:
    """Number conditions from their numbers; one trial of each is looked at, since a condition may have several."""
    _, first, which = np.unique(np.asarray(measurements.condition), return_index=True, return_inverse=True)
    code: Integers = _coded(measurements, first.tolist())[which]
    return code


def _coded(measurements: Measurements, rows: slice | list[int]) -> Integers:
    """Number conditions from variant and factors, of some trials."""
    code = codes(_taken(measurements.variant, rows))[0]
    for values in measurements.factors.values():
        code = joined(code, codes(_taken(values, rows))[0])
    return code


def _taken(values: Sequence[Any], rows: slice | list[int]) -> Sequence[Any]:
    return values[rows] if isinstance(rows, slice) else [values[row] for row in rows]


def _label(measurements: Measurements, row: int) -> Label:
    values = ((path, column[row]) for path, column in measurements.factors.items())
    return measurements.variant[row], {path: value for path, value in values if value is not ABSENT}


def _failures(results: Results, groups: _Groups) -> Mapping[int, Mapping[str, int]]:
    """Count per condition why trials have no result: the failure's class, or the status where nothing failed."""
    counted: dict[int, dict[str, int]] = {}
    reasons = Counter((int(groups.code[lost.place]), lost.failure or lost.status) for lost in results.lost)
    for (group, reason), count in reasons.items():
        counted.setdefault(group, {})[reason] = count
    return counted
