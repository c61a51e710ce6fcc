"""Threshold findings as a section."""

from __future__ import annotations

from fairtrial.model.curve import Curve, Jump, ThresholdFinding
from fairtrial.model.figure import Figure, Grid, Mark, Section
from fairtrial.model.finding import Verdict
from fairtrial.model.words import probability
from fairtrial.report.sections import points
from fairtrial.report.words import Units, between, ends, level, number, of_arm, percent, settles


def threshold(found: ThresholdFinding, units: Units) -> Section:
    """Say whether there is a step and where, beside the descriptive rule of adjacent means."""
    said = [found.answer, *_tests(found), *settles(found, found.metric, units), _jumps(found)]
    tables = [points.table(found.factor, found.points, title=f"{found.metric} along {found.factor}")]
    if found.jumps:
        tables.append(_listed(found))
    title = f"Threshold of {found.metric} along {found.factor}{of_arm(found.variant)}"
    return Section(title, tuple(filter(None, said)), tuple(tables), (_figure(found, units),))


def _tests(found: ThresholdFinding) -> list[str]:
    said = []
    if found.p_step is not None:
        step = f" of {number(found.step)}" if found.step is not None else ""
        said.append(
            f"The largest step{step}{_of(between(found.step_interval))} has {probability(found.p_step)} by permutation."
        )
    if found.p_trend is not None:
        said.append(f"A monotone trend ({found.direction}) against none: {probability(found.p_trend)} by permutation.")
    return said


def _of(words: str) -> str:
    return f" ({words})" if words else ""


def _jumps(found: ThresholdFinding) -> str:
    rule = f"adjacent means that differ by {percent(found.change)} or more"
    if not found.jumps:
        return f"Descriptive, no test: there are no {rule}."
    return f"Descriptive, no test: the second table lists {rule}; without replicates noise makes such jumps too."


def _listed(found: ThresholdFinding) -> Grid:
    rows = tuple((level(jump.before), level(jump.after), _percent(jump)) for jump in found.jumps)
    title = f"Jumps of {percent(found.change)} or more between adjacent means (descriptive)"
    return Grid(("from", "to", "change %"), rows, title)


def _percent(jump: Jump) -> float:
    return 100 * jump.change


def _figure(found: ThresholdFinding, units: Units) -> Figure:
    x = tuple(point.x for point in found.points)
    drawn = list(points.series(found.points, "mean"))
    if len(found.isotonic) == len(x) and found.direction in ("increasing", "decreasing"):
        drawn.append(points.line(Curve(x, found.isotonic), "monotone fit"))
    return Figure(
        name=f"threshold {found.metric} {found.factor} {found.variant}",
        title=_title(found) + of_arm(found.variant),
        x=points.along(found.factor, found.points),
        y=points.upright(found.metric, units),
        series=tuple(drawn),
        marks=_marks(found),
        caption=points.caption(found.points, _band(found)),
    )


def _title(found: ThresholdFinding) -> str:
    if found.verdict is Verdict.SUPPORTED and found.place is not None:
        low, high = found.place
        return f"{found.metric} steps between {number(low)} and {number(high)} of {found.factor}"
    if found.verdict is Verdict.NOT_SUPPORTED:
        return f"{found.metric}: no threshold along {found.factor}"
    return f"{found.metric} along {found.factor}: whether there is a threshold is open"


def _marks(found: ThresholdFinding) -> tuple[Mark, ...]:
    if found.place is None or found.verdict is not Verdict.SUPPORTED:
        return ()
    low, high = ends(found.place_interval)
    return (Mark("x", points.middle(found.factor, found.points, found.place), "step", low, high),)


def _band(found: ThresholdFinding) -> str:
    shows = found.place_interval is not None and bool(_marks(found))
    return f"grey: place of the step, {between(found.place_interval)}" if shows else ""
