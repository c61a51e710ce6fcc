"""Conditions: the trials of a run grouped by variant and assignment, an estimate for each metric, best first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fairtrial.analyse.coding import codes, joined
from fairtrial.model.finding import ConditionFinding, Estimate, Interval
from fairtrial.model.outcome import Status
from fairtrial.model.run import Label, Lost, Measurements, Results
from fairtrial.model.study import ABSENT, Direction, Metric
from fairtrial.stats.interval import t_half_width
from fairtrial.stats.summary import Floats, Integers, Summary, summarise

METHOD = "Student's t"


def conditions(
    measurements: Measurements, metrics: Sequence[Metric], *, level: float = 0.95, top: int | None = None
) -> list[ConditionFinding]:
    """Return a finding for each condition, best mean of the first metric that has a direction first.

    Conditions without a mean come last, equals stay in trial order; without a directed metric all do. Only trials
    that are done give values: what failed, was pruned or is undefined is missing, counted, and never a number. An
    interval is Student's t at `level`; a condition with one value has none. `top` stops after that many findings.
    """
    return ranking(measurements, metrics, level=level, top=top)[0]


def ranking(
    measured: Measurements | Results, metrics: Sequence[Metric], *, level: float = 0.95, top: int | None = None
) -> tuple[list[ConditionFinding], int]:
    """Return the findings of `conditions`, and how many there are without `top`."""
    results = measured if isinstance(measured, Results) else _results(measured)
    groups = _grouped(results)
    columns = {metric.name: _column(results, groups, metric.name, level) for metric in metrics}
    ranked = _ranked(groups, columns, directed(metrics))[:top]
    estimates = {name: column.estimates(ranked) for name, column in columns.items()}
    failures = _failures(results, groups)
    labels = results.labels(groups.number[ranked].tolist())
    findings = [
        ConditionFinding(
            variant=variant,
            assignment=assignment,
            trials=int(groups.size[group]),
            estimates={name: listed[rank] for name, listed in estimates.items()},
            failures=failures.get(group, {}),
        )
        for rank, (group, (variant, assignment)) in enumerate(zip(ranked, labels, strict=True))
    ]
    return findings, len(groups.number)


def directed(metrics: Sequence[Metric]) -> Metric | None:
    """Return the metric that ranks: the first with a direction, or None."""
    return next((metric for metric in metrics if metric.direction is not Direction.NONE), None)


@dataclass(frozen=True, slots=True)
class _Groups:
    """Conditions in the order of their first trials; `code` numbers the condition of each trial."""

    code: Integers
    number: Integers
    size: Integers


@dataclass(frozen=True, slots=True)
class _Column:
    """A metric over all conditions."""

    metric: str
    size: Integers
    summary: Summary
    half: Floats
    level: float

    def estimates(self, groups: Sequence[int]) -> list[Estimate]:
        """Make the estimates of some conditions, in their order."""
        summary = self.summary
        numbers = (summary.mean, summary.sd, summary.median, summary.minimum, summary.maximum, self.half)
        rows = zip(*(column[groups].tolist() for column in (self.size, summary.n, *numbers)), strict=True)
        return [self._estimate(size, n, row) for size, n, *row in rows]

    def _estimate(self, size: int, n: int, row: Sequence[float]) -> Estimate:
        if n == 0:
            return Estimate(self.metric, n=0, missing=size)
        mean, sd, median, minimum, maximum, half = row
        interval = Interval(mean - half, mean + half, self.level, METHOD) if n > 1 else None
        return Estimate(self.metric, n, size - n, mean, sd if n > 1 else None, median, minimum, maximum, interval)


def _column(results: Results, groups: _Groups, metric: str, level: float) -> _Column:
    values = results.metrics.get(metric, np.full(len(groups.code), np.nan))
    summary = summarise(values, groups.code, len(groups.number))
    return _Column(metric, groups.size, summary, t_half_width(summary.sd, summary.n, level), level)


def _grouped(results: Results) -> _Groups:
    number, first, code = np.unique(
        np.asarray(results.condition, dtype=np.int64), return_index=True, return_inverse=True
    )
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return _Groups(place[code], number[order], np.bincount(code, minlength=len(first))[order])


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


def _ranked(groups: _Groups, columns: Mapping[str, _Column], metric: Metric | None) -> list[int]:
    if metric is None:
        return list(range(len(groups.number)))
    mean = columns[metric.name].summary.mean
    ranked: list[int] = np.argsort(-mean if metric.direction is Direction.MAXIMIZE else mean, kind="stable").tolist()
    return ranked
