"""Operating ranges as a section: up to which level every service level is kept."""

from __future__ import annotations

from fairtrial.model.curve import Level, RangeFinding
from fairtrial.model.figure import Grid, Section
from fairtrial.report.words import level, number, of_arm, percent


def operating_range(found: RangeFinding) -> Section:
    """Say which levels are safe, how much is left at the edge, and which clause fails first."""
    said = [found.answer, "A level is safe only where its bounds keep every clause and every lower level is safe."]
    if found.edge is not None and not found.reached:
        said.append(f"The edge was not reached: every tested level up to {number(found.edge)} is safe.")
    if found.recommended is not None:
        said.append(f"With a fifth in reserve, stay at {found.factor} = {number(found.recommended)} or below.")
    if found.first_failing:
        said.append(f"The clause that fails first is {found.first_failing}.")
    said += _settles(found)
    tables = [_levels(found)]
    if found.headroom:
        tables.append(_headroom(found))
    return Section(
        f"Operating range of {found.factor}{of_arm(found.variant)}", tuple(filter(None, said)), tuple(tables)
    )


def _settles(found: RangeFinding) -> list[str]:
    """Say what the level that ends the range could have shown, or the last one where none does."""
    last = next((each for each in found.levels if not each.safe), None) or next(iter(found.levels[-1:]), None)
    if last is None:
        return []
    where, needed, said = f"{found.factor} = {level(last.level)}", found.needed, []
    if needed.smallest_effect is not None:
        said.append(f"At {where} a mean {number(needed.smallest_effect)} inside its limit is shown with power 0.8.")
    if needed.replicates is not None:
        said.append(f"{needed.replicates:,} replicates would settle whether {where} is safe.")
    return said


def _levels(found: RangeFinding) -> Grid:
    rows = tuple(_row(found, each) for each in found.levels)
    columns = (found.factor, "safe", "n", "missing", *(f"{clause}: bound" for clause in found.clauses), "not shown")
    return Grid(columns, rows, "Levels against the service levels (confidence bounds on each clause's bad side)")


def _row(found: RangeFinding, each: Level) -> tuple[str | float | int | None, ...]:
    bounds = (each.bounds.get(clause) for clause in found.clauses)
    return (level(each.level), "yes" if each.safe else "no", each.n, each.missing, *bounds, ", ".join(each.failing))


def _headroom(found: RangeFinding) -> Grid:
    rows = tuple((clause, percent(share)) for clause, share in found.headroom.items())
    return Grid(
        ("clause", "headroom"), rows, f"Headroom at {found.factor} = {number(found.edge)}: share of the limit left"
    )
