"""Scaling findings as a section."""

from __future__ import annotations

from fairtrial.model.curve import ScalingFinding
from fairtrial.model.figure import Figure, Grid, Mark, Section
from fairtrial.model.finding import Verdict
from fairtrial.model.words import probability
from fairtrial.report.sections import fits, points
from fairtrial.report.words import Units, between, ends, number, of_arm, percent, quantity, settles


def scaling(found: ScalingFinding, units: Units) -> Section:
    """Say how a metric falls with a size, how well that extrapolates, and whether it levels off."""
    tables = [
        points.table(found.factor, found.points, title=f"{found.metric} by {found.factor}{of_arm(found.variant)}")
    ]
    tables.append(fits.table(found.fits))
    if found.parameters:
        rows = tuple((name, *ends(interval)) for name, interval in found.parameters.items())
        tables.append(Grid(("parameter", "low", "high"), rows, f"Parameters of the {found.chosen}"))
    if found.held_out:
        held = tuple((each.x, each.predicted, each.observed) for each in found.held_out)
        tables.append(Grid((found.factor, "predicted", "observed"), held, "Sizes that the fit did not see"))
    title = f"Scaling of {found.metric} with {found.factor}{of_arm(found.variant)}"
    return Section(title, tuple(filter(None, _said(found, units))), tuple(tables), (_figure(found, units),))


def _said(found: ScalingFinding, units: Units) -> list[str]:
    said = [found.answer]
    if found.extrapolation_error is not None:
        said.append(
            f"On sizes that the fit did not see it errs by {percent(found.extrapolation_error)} (root mean square)."
        )
    if found.plateau is not None:
        interval = f" ({between(found.plateau_interval)})" if found.plateau_interval else ""
        said.append(f"It levels off at {quantity(found.plateau, found.metric, units)}{interval}.")
    if found.p is not None:
        said.append(f"That it improves with {found.factor} at all: {probability(found.p)}.")
    return said + list(settles(found, found.metric, units))


def _figure(found: ScalingFinding, units: Units) -> Figure:
    drawn = list(points.series(found.points, found.metric))
    if found.curve is not None:
        drawn.append(points.line(found.curve, f"{found.chosen} fit", group=found.metric))
    upright = points.upright(found.metric, units, log=points.positive(found.points))
    return Figure(
        name=f"scaling {found.metric} {found.factor} {found.variant}",
        title=_title(found),
        x=points.along(found.factor, found.points),
        y=upright,
        series=tuple(drawn),
        marks=_plateau(found),
        caption=points.caption(found.points, f"line: {found.chosen} fit" if found.curve else ""),
    )


def _title(found: ScalingFinding) -> str:
    if found.verdict is Verdict.SUPPORTED:
        return f"{found.metric} improves with {found.factor}{of_arm(found.variant)}: {found.chosen}"
    return f"{found.metric} by {found.factor}{of_arm(found.variant)}: no improvement shown"


def _plateau(found: ScalingFinding) -> tuple[Mark, ...]:
    if found.plateau is None:
        return ()
    return (Mark("y", found.plateau, f"plateau {number(found.plateau)}", *ends(found.plateau_interval)),)
