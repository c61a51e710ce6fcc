"""The history of a study: changes of its metrics over many runs, advisory only."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fairtrial.compare.cells import conditions
from fairtrial.compare.gauge import directed
from fairtrial.compare.likeness import different
from fairtrial.compare.sample import Sample
from fairtrial.model.comparison import Shift
from fairtrial.model.run import Label
from fairtrial.model.words import count
from fairtrial.stats.history import splits
from fairtrial.stats.multiplicity import benjamini_hochberg
from fairtrial.stats.resample import generator

FEWEST = 20
"""Runs below which nothing is said of a series."""
REPEATS = 999
ALPHA, CORRECTED = 0.001, 0.05
"""Of a split within a series, and of what is left after the correction over series."""


@dataclass(frozen=True, slots=True)
class History:
    """Changes over the runs of a study."""

    study: str
    runs: tuple[int, ...]
    left_out: tuple[int, ...]
    """Runs that declare other things than the newest."""
    series: int
    """Metrics times conditions that are long enough."""
    shifts: tuple[Shift, ...]
    answer: str


@dataclass(frozen=True, slots=True)
class _Series:
    metric: str
    variant: str
    assignment: Mapping[str, Any]
    points: list[tuple[int, float, float]]
    """Run, its time, the mean of its values on the scale that is judged."""
    log: bool


def history(samples: Sequence[Sample], *, alpha: float = ALPHA) -> History:
    """Find changes in every metric with a direction, condition by condition, over runs in the order they were made.

    Each run is one value: the mean over its replicates, of logarithms where all values are positive. Series of fewer
    than 20 runs are left alone. The p values are corrected over series (Benjamini-Hochberg). Answers "none".
    """
    newest = samples[-1]
    alike = [item for item in samples if not different(item.study, newest.study, together=False)]
    found = [series for series in _series(alike) if len(series.points) >= FEWEST]
    shifts = _shifts(found, alpha)
    runs = tuple(item.side.run for item in alike)
    left_out = tuple(item.side.run for item in samples if item.side.run not in runs)
    said = _answer(newest.side.study, runs, len(found), shifts)
    return History(newest.side.study, runs, left_out, len(found), shifts, said)


def _series(samples: Sequence[Sample]) -> list[_Series]:
    rows: dict[tuple[str, tuple[str, ...]], list[tuple[Sample, list[float]]]] = {}
    labels: dict[tuple[str, ...], Label] = {}
    names = [metric.name for metric in directed(samples[-1].study)]
    for item, key, label, columns in _conditions(samples):
        labels.setdefault(key, label)
        for name in names:
            rows.setdefault((name, key), []).append((item, list(filter(math.isfinite, columns.get(name, ())))))
    found = {place: [row for row in listed if row[1]] for place, listed in rows.items()}
    return [_one(name, labels[key], listed) for (name, key), listed in found.items() if listed]


def _conditions(
    samples: Sequence[Sample],
) -> Iterator[tuple[Sample, tuple[str, ...], Label, Mapping[str, Sequence[float]]]]:
    for item in samples:
        for key, (label, columns) in conditions(item.measured).items():
            yield item, key, label, columns


def _one(metric: str, label: Label, rows: list[tuple[Sample, list[float]]]) -> _Series:
    log = all(value > 0 for _, known in rows for value in known)
    points = [
        (item.side.run, item.side.created, float(np.mean(np.log(known) if log else known))) for item, known in rows
    ]
    return _Series(metric, *label, points, log)


def _shifts(found: Sequence[_Series], alpha: float) -> tuple[Shift, ...]:
    raw = []
    for series in found:
        column = [value for _, _, value in series.points]
        rng = generator(0, "history", series.metric, repr((series.variant, dict(series.assignment))))
        marks = splits(column, alpha=alpha, repeats=REPEATS, rng=rng)
        edges = [0, *(mark.place for mark in marks), len(column)]
        for place, mark in enumerate(marks):
            means = [float(np.mean(column[edges[place + side] : edges[place + side + 1]])) for side in (0, 1)]
            raw.append(_shift(series, mark.place, mark.p, means))
    least = [min((shift.p for shift in raw if _of(shift, series)), default=1.0) for series in found]
    corrected = dict(zip(map(_name, found), benjamini_hochberg(least), strict=True))
    adjusted = (replace(shift, p_adjusted=max(shift.p, corrected[_name(shift)] or 1.0)) for shift in raw)
    kept = (shift for shift in adjusted if shift.p_adjusted <= CORRECTED)
    return tuple(sorted(kept, key=lambda shift: shift.after[0]))


def _name(item: Shift | _Series) -> tuple[str, str, str]:
    return item.metric, item.variant, repr(dict(item.assignment))


def _of(shift: Shift, series: _Series) -> bool:
    return _name(shift) == _name(series)


def _shift(series: _Series, place: int, p: float, means: Sequence[float]) -> Shift:
    before, after = series.points[place - 1], series.points[place]
    change = math.expm1(means[1] - means[0]) if series.log else _relative(*means)
    return Shift(
        metric=series.metric,
        variant=series.variant,
        assignment=dict(series.assignment),
        before=before[:2],
        after=after[:2],
        change=change,
        p=p,
        p_adjusted=p,
    )


def _relative(before: float, after: float) -> float:
    return (after - before) / abs(before) if before else math.inf


def _answer(study: str, runs: Sequence[int], series: int, shifts: Sequence[Shift]) -> str:
    if not series:
        return f"{len(runs)} comparable runs of {study}: a history needs {FEWEST}."
    if not shifts:
        return f"No change over {len(runs)} runs of {study} ({series} series)."
    return (
        f"{count(len(shifts), 'change')} over {len(runs)} runs of {study} ({series} series); advisory: a gate decides."
    )
