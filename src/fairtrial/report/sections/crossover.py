"""Crossover findings as a section."""

from __future__ import annotations

from fairtrial.model.curve import CrossoverFinding
from fairtrial.model.figure import Figure, Grid, Mark, Section, Series
from fairtrial.model.finding import Verdict
from fairtrial.report.sections import points
from fairtrial.report.words import Units, between, clean, ends, level, number, percent, settles


def crossover(found: CrossoverFinding, units: Units) -> Section:
    """Say where two arms cross, how sure that is, and what one is worth in the other."""
    first, second = found.arms
    heads = [f"{arm}: {found.metric} along {found.factor}" for arm in found.arms]
    tables = [points.table(found.factor, each, title=head) for each, head in zip(found.points, heads, strict=True)]
    if found.contrasts:
        differences = tuple(
            (level(c.level), c.n, c.estimate, *ends(c.interval), c.p, c.p_adjusted) for c in found.contrasts
        )
        columns = (found.factor, "n", "difference", "low", "high", "p", "p adj.")
        tables.append(Grid(columns, differences, f"{first} less {second}, level by level (Benjamini-Hochberg)"))
    if found.exchange:
        rows = tuple((each.first, each.second, each.low, each.high) for each in found.exchange)
        tables.append(Grid((first, second, "low", "high"), rows, f"How much {second} is worth as much as {first}"))
    if found.purchases:
        bought = tuple((p.cost, p.arm, p.amount, p.expected, p.probability) for p in found.purchases)
        heads = ["budget", "better buy", "amount", f"expected {found.metric}", "probability"]
        tables.append(Grid(tuple(heads), bought, "What a budget buys"))
    title = f"Crossover of {first} and {second} in {found.factor}"
    return Section(title, tuple(filter(None, _said(found, units))), tuple(tables), (_figure(found, units),))


def _said(found: CrossoverFinding, units: Units) -> list[str]:
    said = [found.answer]
    if found.interpolated is not None:
        said.append(f"Straight lines between the means cross at {number(found.interpolated)}.")
    if found.p_none is not None:
        said.append(f"In {percent(found.p_none)} of the bootstrap repeats they do not cross in range.")
    return said + list(settles(found, found.metric, units))


def _figure(found: CrossoverFinding, units: Units) -> Figure:
    drawn: list[Series] = []
    for arm, each, curve in zip(found.arms, found.points, found.curves, strict=True):
        drawn += points.series(each, arm)
        drawn += [points.line(curve, f"{arm}, fit", group=arm)] if curve is not None else []
    both = (*found.points[0], *found.points[1])
    fitted = "lines: fits" if any(found.curves) else ""
    place = f"grey: place of the crossing, {between(found.place_interval)}" if found.place_interval else ""
    return Figure(
        name=f"crossover {found.metric} {' '.join(found.arms)}",
        title=_title(found),
        x=points.along(found.factor, both),
        y=points.upright(found.metric, units),
        series=tuple(drawn),
        marks=_marks(found),
        caption=points.caption(both, fitted, place),
    )


def _title(found: CrossoverFinding) -> str:
    first, second = map(clean, found.arms)
    if found.place is None or found.verdict is not Verdict.SUPPORTED:
        return f"{first} and {second}: no crossing of {found.metric} is shown in range"
    return f"{first} and {second} cross at {found.factor} = {number(found.place)}"


def _marks(found: CrossoverFinding) -> tuple[Mark, ...]:
    if found.place is None:
        return ()
    return (Mark("x", found.place, f"crossing {number(found.place)}", *ends(found.place_interval)),)
