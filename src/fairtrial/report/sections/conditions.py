"""Conditions as a section: every metric of every condition, and the comparison table of means and sds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fairtrial.model.figure import Cell, Grid, Section
from fairtrial.model.finding import ConditionFinding, Estimate
from fairtrial.model.words import count
from fairtrial.report.words import Units, ends, level, method, named

DECIMALS = 4
ARM = "variant"
IMPOSSIBLE = (
    " An end is cut where it lay beyond what can be: no time, size, count or rate is negative, no share above 1."
)


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of a run, best first, and the metrics to show."""

    found: tuple[ConditionFinding, ...]
    metrics: tuple[str, ...]


def conditions(ranked: Conditions, units: Units) -> Section:
    """List the conditions, a table for each metric and one that compares them all.

    Failed, pruned and undefined trials are counted under `missing` and are in no number.
    """
    found, metrics = ranked.found, ranked.metrics
    paths = _paths(found)
    tables = [_comparison(found, metrics, paths)]
    tables += [_metric(found, metric, paths, units) for metric in metrics]
    estimates = (item for each in found for item in each.estimates.values())
    intervals = method(*(item.interval for item in estimates))
    said = [f"{count(len(found), 'condition')}."]
    said.append(
        f"Low and high: {intervals}.{IMPOSSIBLE if ' cut ' in intervals else ''}"
        if intervals
        else "Single values: an interval needs two replicates."
    )
    return Section("Conditions", tuple(said), tuple(tables))


def _paths(found: Sequence[ConditionFinding]) -> tuple[str, ...]:
    arms = (ARM,) if any(each.variant for each in found) else ()
    return (*arms, *dict.fromkeys(path for each in found for path in each.assignment))


def _place(each: ConditionFinding, paths: Sequence[str]) -> tuple[Cell, ...]:
    values = {ARM: each.variant, **each.assignment}
    return tuple(level(values[path]) if path in values else None for path in paths)


def _comparison(found: Sequence[ConditionFinding], metrics: Sequence[str], paths: Sequence[str]) -> Grid:
    """Means first, then sds: four decimals."""
    numbers = (*(f"{metric}_mean" for metric in metrics), *(f"{metric}_std" for metric in metrics))
    rows = []
    for each in found:
        known = [each.estimates.get(metric) or Estimate(metric, 0, each.trials) for metric in metrics]
        rows.append((*_place(each, paths), *(item.mean for item in known), *(item.sd for item in known)))
    title = "Comparison: means, then standard deviations"
    return Grid((*paths, *numbers), tuple(rows), title, dict.fromkeys(numbers, DECIMALS))


def _metric(found: Sequence[ConditionFinding], metric: str, paths: Sequence[str], units: Units) -> Grid:
    quantiles = sorted({q for each in found if metric in each.estimates for q in each.estimates[metric].quantiles})
    columns = (*paths, "n", "missing", "mean", "low", "high", "sd", "median", "min", "max")
    rows = tuple((*_place(each, paths), *_numbers(each, metric, quantiles)) for each in found)
    why = ("why missing",) if any(each.failures for each in found) else ()
    return Grid((*columns, *(f"q{q:g}" for q in quantiles), *why), _with_failures(found, rows), named(metric, units))


def _with_failures(found: Sequence[ConditionFinding], rows: Sequence[tuple[Cell, ...]]) -> tuple[tuple[Cell, ...], ...]:
    if not any(each.failures for each in found):
        return tuple(rows)
    return tuple((*row, _failures(each.failures)) for each, row in zip(found, rows, strict=True))


def _failures(failures: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in sorted(failures.items()))


def _numbers(each: ConditionFinding, metric: str, quantiles: Sequence[float]) -> tuple[Cell, ...]:
    item = each.estimates.get(metric) or Estimate(metric, n=0, missing=each.trials)
    middle = (item.n, item.missing, item.mean, *ends(item.interval), item.sd, item.median, item.minimum, item.maximum)
    return (*middle, *(item.quantiles.get(q) for q in quantiles))
