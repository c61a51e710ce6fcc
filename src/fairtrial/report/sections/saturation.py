"""Saturation findings as a section."""

from __future__ import annotations

from fairtrial.model.curve import SaturationFinding
from fairtrial.model.figure import Cell, Figure, Grid, Mark, Section
from fairtrial.model.finding import Interval, Verdict
from fairtrial.report.sections import fits, points
from fairtrial.report.words import Units, between, ends, number, of_arm, quantity


def saturation(found: SaturationFinding, units: Units) -> Section:
    """Say where a metric stops growing, and which models were weighed against each other."""
    said = [found.answer, *_said(found, units)]
    tables = [points.table(found.factor, found.points, title=f"{found.metric} along {found.factor}")]
    if found.fits:
        said += ["Levels that were over-saturated are in no fit."] if found.bracket else []
        tables.append(_models(found))
    places = _places(found)
    if places.rows:
        tables.append(places)
    title = f"Saturation of {found.metric} along {found.factor}{of_arm(found.variant)}"
    return Section(title, tuple(filter(None, said)), tuple(tables), (_figure(found, units),))


def _said(found: SaturationFinding, units: Units) -> list[str]:
    said = [f"Of the models fitted, {found.criterion} chooses {found.chosen}."] if found.chosen else []
    if found.capacity is not None:
        height = quantity(found.capacity, found.metric, units)
        said.append(f"The plateau is at {height}{_of(found.capacity_interval)}.")
    if found.saturation_level is not None:
        level = number(found.saturation_level)
        said.append(f"{found.factor} = {level} is the smallest level shown to reach 95 % of it.")
    return said


def _of(interval: Interval | None) -> str:
    return f" ({between(interval)})" if interval is not None else ""


def _models(found: SaturationFinding) -> Grid:
    return fits.table(found.fits, criterion=found.criterion)


def _places(found: SaturationFinding) -> Grid:
    listed = (
        ("knee", found.knee, found.knee_interval),
        ("closed-loop knee N*", found.asymptotic_knee, found.asymptotic_interval),
        ("USL peak", found.peak, found.peak_interval),
        ("capacity", found.capacity, found.capacity_interval),
    )
    rows: list[tuple[Cell, ...]] = [(name, at, *ends(interval)) for name, at, interval in listed if at is not None]
    if found.bracket is not None:
        rows.append((f"capacity, by {found.factor}", None, *found.bracket))
    return Grid(("place", "at", "low", "high"), tuple(rows), "Where it bends, and how high it gets")


def _figure(found: SaturationFinding, units: Units) -> Figure:
    drawn = list(points.series(found.points, found.metric))
    if found.curve is not None:
        drawn.append(points.line(found.curve, f"{found.chosen} fit", group=found.metric))
    return Figure(
        name=f"saturation {found.metric} {found.factor} {found.variant}",
        title=_title(found) + of_arm(found.variant),
        x=points.along(found.factor, found.points),
        y=points.upright(found.metric, units),
        series=tuple(drawn),
        marks=_marks(found),
        caption=points.caption(found.points, f"line: {found.chosen} fit" if found.curve else "", _grey(found)),
    )


def _title(found: SaturationFinding) -> str:
    if found.knee is None and found.bracket is not None:
        return f"{found.metric} along {found.factor}: {_within(found.bracket)}"
    if found.knee is None:
        said = "whether it bends is open" if found.verdict is Verdict.INCONCLUSIVE else "no knee in range"
        return f"{found.metric} along {found.factor}: {said}"
    return f"{found.metric} bends at {found.factor} = {number(found.knee)}"


def _within(bracket: tuple[float | None, float | None]) -> str:
    kept, beyond = bracket
    if kept is None or beyond is None:
        return "whether it bends is open" if beyond is None else f"the capacity lies below {number(beyond)}"
    return f"the capacity lies between {number(kept)} and {number(beyond)}"


def _marks(found: SaturationFinding) -> tuple[Mark, ...]:
    listed = (("knee", found.knee, found.knee_interval), ("peak", found.peak, found.peak_interval))
    marks = [Mark("x", at, f"{name} {number(at)}", *ends(interval)) for name, at, interval in listed if at]
    kept, beyond = found.bracket or (None, None)
    if beyond is not None:
        marks.append(Mark("x", beyond, f"over-saturated from {number(beyond)}", kept, beyond))
    return tuple(marks)


def _grey(found: SaturationFinding) -> str:
    if found.knee is None and found.bracket is not None and None not in found.bracket:
        return "grey: where the capacity lies"
    shows = found.knee is not None and found.knee_interval is not None
    return f"grey: place of the knee, {between(found.knee_interval)}" if shows else ""
