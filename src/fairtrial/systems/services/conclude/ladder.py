"""The trials of a run along its load: which factor the levels are, which arms there are, estimates at each level."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fairtrial.model.figure import Axis, Series
from fairtrial.model.identity import is_number
from fairtrial.model.run import Measurements
from fairtrial.model.study import ABSENT
from fairtrial.model.words import condition, level
from fairtrial.stats.interval import t_interval
from fairtrial.systems.services.measure.known import METRICS

CONFIDENCE = 0.95
ARMS = 6
"""Arms that a plot tells apart; of more, the other factors are averaged."""
FIRST = ("load.clients", "load.rate_per_s")
"""Factors that are the load, should several have an order."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric over the repetitions of one level; None where too few values allow it."""

    values: tuple[float, ...] = ()
    mean: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Ladder:
    """Which trials belong to which arm and level. Without a factor that has an order there is one level, ''."""

    measured: Measurements
    factor: str
    levels: tuple[Any, ...]
    arms: tuple[str, ...]
    """Labels of the series; the one '' where nothing but the level varies."""
    rows: Mapping[tuple[str, int], tuple[int, ...]] = field(default_factory=dict)
    """(arm, place of the level) -> entries of `measured`."""
    averaged: tuple[str, ...] = ()
    """Factors over whose levels the series average."""

    def names(self, place: int) -> str:
        """Name a level: `load.clients = 8`; 'the only level' where there is none."""
        return f"{self.factor} = {level(self.levels[place])}" if self.factor else "the only level"

    def has(self, metric: str) -> bool:
        """Say whether a metric has a value anywhere."""
        return any(math.isfinite(value) for value in self.measured.metrics.get(metric, ()))

    def at(self, metric: str, arm: str, place: int) -> Estimate:
        """Estimate a metric of one arm at one level: mean and Student's interval over its repetitions that are done.

        Where one of them has no value there is no mean: what is undefined in a slow repetition would flatter the rest.
        """
        column = self.measured.metrics.get(metric)
        done = [row for row in self.rows.get((arm, place), ()) if self.measured.status[row] == "done"]
        found = Estimate() if column is None else estimate([column[row] for row in done], most=self._most(metric))
        return found if len(found.values) == len(done) else Estimate(found.values)

    def _most(self, metric: str) -> float:
        """Return what a metric cannot exceed."""
        return 1.0 if metric in METRICS and METRICS[metric].unit == "share" else math.inf

    def heads(self) -> tuple[str, ...]:
        """Return the columns that say which arm and level a row of a table is about."""
        return (*(["arm"] if self.arms != ("",) else []), *([self.factor] if self.factor else []))

    def place(self, arm: str, place: int) -> tuple[Any, ...]:
        """Return the cells of these columns."""
        return (*([arm] if self.arms != ("",) else []), *([self.levels[place]] if self.factor else []))

    def cells(self) -> Iterator[tuple[str, int]]:
        """Yield (arm, place of the level), arm by arm, where there are trials."""
        yield from ((arm, place) for arm in self.arms for place in range(len(self.levels)) if (arm, place) in self.rows)

    def homes(self) -> dict[int, tuple[str, int]]:
        """Return trial number -> (arm, place) of the trials that are done: what raw tables are grouped by."""
        measured = self.measured
        return {
            measured.number[row]: cell
            for cell, rows in self.rows.items()
            for row in rows
            if measured.status[row] == "done"
        }

    def axis(self) -> Axis:
        """Make the axis of the levels: logarithmic where they grow by a factor."""
        places = self.places()
        log = len(places) > 2 and places[0] > 0 and max(places) / min(places) >= 4 and _grows(places)
        named = log and len(places) <= 12
        ticks = tuple((place, level(value)) for place, value in zip(places, self.levels, strict=True)) if named else ()
        return Axis(self.factor, log=log, ticks=ticks)

    def places(self) -> tuple[float, ...]:
        """Return the levels as numbers."""
        return tuple(float(value) for value in self.levels) if self.factor else (0.0,)

    def curve(self, metric: str, arm: str, label: str, *, scale: float = 1.0) -> tuple[Series, ...]:
        """Draw a metric along the levels: a line, and points with their intervals, in one colour."""
        found = [(self.places()[place], self.at(metric, arm, place)) for place in range(len(self.levels))]
        return drawn(found, label, scale=scale)


def ladder(measured: Measurements) -> Ladder:
    """Arrange the trials of a run: the levels of its load, and everything else that varies as arms."""
    varied = {path: known for path, column in measured.factors.items() if len(known := _distinct(column)) > 1}
    factor = _along(varied)
    levels = tuple(sorted(varied[factor], key=float)) if factor else ("",)
    others = [path for path in varied if path != factor and not _follows(measured, path, factor)]
    labels = [_label(measured, row, others) for row in range(len(measured))]
    averaged: tuple[str, ...] = ()
    if len(set(labels)) > ARMS and others:
        averaged, labels = tuple(others), list(measured.variant)
    rows: dict[tuple[str, int], tuple[int, ...]] = {}
    for row, arm in enumerate(labels):
        value = measured.factors[factor][row] if factor else ""
        if value in levels:
            rows[arm, levels.index(value)] = (*rows.get((arm, levels.index(value)), ()), row)
    return Ladder(measured, factor, levels, tuple(dict.fromkeys(labels)), rows, averaged)


def estimate(values: Sequence[float | None], *, most: float = math.inf) -> Estimate:
    """Return mean and Student's 95 % interval of the values that are numbers, as far as it is possible.

    Times, rates, counts and bytes are not negative, and a share is at `most` 1: an interval ends there.
    """
    known = tuple(float(value) for value in values if value is not None and math.isfinite(value))
    if not known:
        return Estimate()
    mean, ends = math.fsum(known) / len(known), t_interval(known, CONFIDENCE)
    return (
        Estimate(known, mean)
        if ends is None
        else Estimate(known, mean, max(ends[0], 0.0), min(ends[1], max(most, mean)))
    )


def drawn(found: Sequence[tuple[float, Estimate]], label: str, *, scale: float = 1.0) -> tuple[Series, ...]:
    """Draw estimates along x: a line, and points with their intervals; nothing where there is no value."""
    there = [(x, each) for x, each in found if each.mean is not None]
    if not there:
        return ()
    x = tuple(place for place, _ in there)
    y, low, high = (tuple(_scaled(getattr(each, end), scale) for _, each in there) for end in ("mean", "low", "high"))
    line = (Series(label, x, y, kind="line"),) if len(there) > 1 else ()
    return (*line, Series(label, x, y, low, high))


def _scaled(value: float | None, scale: float) -> float:
    return math.nan if value is None else value * scale


def _distinct(column: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for value in column:
        if value is not ABSENT and value not in found:
            found.append(value)
    return found


def _along(varied: Mapping[str, Sequence[Any]]) -> str:
    """Choose the factor that is the load: by name, then another below `load.`, then the one with the most levels."""
    ordered = [path for path, levels in varied.items() if all(is_number(value) for value in levels)]
    ranked = sorted(ordered, key=lambda path: (_rank(path), -len(varied[path]), path))
    return ranked[0] if ranked else ""


def _rank(path: str) -> int:
    if path in FIRST:
        return FIRST.index(path)
    return len(FIRST) + (not path.startswith("load."))


def _follows(measured: Measurements, path: str, factor: str) -> bool:
    """Say whether a factor only moves together with the level."""
    if not factor:
        return False
    seen: dict[str, Any] = {}
    pairs = zip(measured.factors[factor], measured.factors[path], strict=True)
    return all(seen.setdefault(repr(one), other) == other for one, other in pairs)


def _label(measured: Measurements, row: int, others: Sequence[str]) -> str:
    settings = {path: measured.factors[path][row] for path in others}
    return condition({path: value for path, value in settings.items() if value is not ABSENT}, measured.variant[row])


def _grows(places: Sequence[float]) -> bool:
    """Say whether ascending levels grow by a factor rather than by a step."""
    steps = [after - before for before, after in itertools.pairwise(places)]
    ratios = [math.log(after / before) for before, after in itertools.pairwise(places)]
    return max(steps) / min(steps) > 1.25 * max(ratios) / min(ratios)
