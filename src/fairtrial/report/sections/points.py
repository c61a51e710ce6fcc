"""Points along a factor as a table, as an axis and as series: what every curve is drawn on."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from fairtrial.model.curve import Curve
from fairtrial.model.figure import Axis, Grid, Series, shown
from fairtrial.model.finding import Point
from fairtrial.model.identity import is_number
from fairtrial.report.words import Units, clean, ends, level, method, named

TICKS = 12
"""Levels beyond which an axis chooses its own ticks."""


def table(factor: str, points: Sequence[Point], *, title: str = "") -> Grid:
    """List a metric at each level: replicates with a value, trials without, mean with its interval, sd."""
    rows = [
        (level(point.level), point.n, point.missing, point.mean, *ends(point.interval), point.sd) for point in points
    ]
    return Grid((factor, "n", "missing", "mean", "low", "high", "sd"), tuple(rows), title)


def along(factor: str, points: Sequence[Point]) -> Axis:
    """Make the axis of a factor: logarithmic where its levels grow by a factor, named where they are no numbers."""
    places = sorted({point.x: point.level for point in points}.items())
    values = [place for place, _ in places]
    if not all(is_number(value) for _, value in places):
        return Axis(clean(factor), ticks=tuple((place, shown(level(value))) for place, value in places))
    log = geometric(values)
    few = log and len(values) <= TICKS
    return Axis(clean(factor), log=log, ticks=tuple((place, shown(level(v))) for place, v in places) if few else ())


def geometric(values: Sequence[float]) -> bool:
    """Say whether ascending values are better told apart on a log axis: their ratios vary less than their steps."""
    if len(values) < 3 or values[0] <= 0:
        return False
    pairs = list(itertools.pairwise(values))
    steps = [after - before for before, after in pairs]
    ratios = [math.log(after / before) for before, after in pairs]
    return max(steps) / min(steps) > 1.25 * max(ratios) / min(ratios)


def middle(factor: str, points: Sequence[Point], place: tuple[float, float]) -> float:
    """Return the middle between two levels as it looks on the axis."""
    low, high = place
    return math.sqrt(low * high) if along(factor, points).log else (low + high) / 2


def upright(metric: str, units: Units, *, log: bool = False) -> Axis:
    """Make the axis of a metric."""
    return Axis(clean(named(metric, units)), log=log)


def positive(points: Sequence[Point]) -> bool:
    """Say whether a log axis can hold all of it, and tells it better: positive values over more than a factor of 3."""
    values = [
        value for point in points for value in (*point.values, point.mean) if value is not None and value == value
    ]
    return bool(values) and min(values) > 0 and max(values) > 3 * min(values)


def series(points: Sequence[Point], label: str) -> tuple[Series, Series]:
    """Make the dots (a replicate each) and the means with their intervals, in one colour."""
    dots = [(point.x, value) for point in points for value in point.values if math.isfinite(value)]
    means = [(point.x, point.mean, *map(_number, ends(point.interval))) for point in points if point.mean is not None]
    (at, value), (x, y, low, high) = _columns(dots, 2), _columns(means, 4)
    return Series(label, at, value, kind="dots"), Series(label, x, y, low, high)


def line(curve: Curve, label: str, *, group: str = "", kind: str = "line") -> Series:
    """Make a fitted curve with its band."""
    return Series(label, curve.x, curve.y, curve.low, curve.high, kind, group)


def caption(points: Sequence[Point], *more: str) -> str:
    """Say what points, bars and dots are."""
    bars = method(*(point.interval for point in points))
    said = f"Points: means over replicates{' with ' + bars if bars else ''}; dots: single replicates"
    return "; ".join([said, *filter(None, more)]) + "."


def _columns(rows: Sequence[tuple[float, ...]], width: int) -> list[tuple[float, ...]]:
    return list(zip(*rows, strict=True)) if rows else [()] * width


def _number(end: Any) -> float:
    return math.nan if end is None else float(end)
