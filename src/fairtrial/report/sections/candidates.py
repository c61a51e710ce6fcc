"""Conditions that may be the best: as rows, as a forest plot, and measured again."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fairtrial.model.choice import Again, Candidate
from fairtrial.model.figure import Axis, Cell, Figure, Grid, Series
from fairtrial.report.words import Units, clean, condition, ends, level, method, named

ARM = "variant"


def factors(listed: Sequence[Candidate] | Sequence[Again]) -> tuple[str, ...]:
    """List the columns that name the conditions: the arm where there are several, then the factors."""
    arms = (ARM,) if any(each.variant for each in listed) else ()
    return (*arms, *dict.fromkeys(path for each in listed for path in each.assignment))


def place(each: Candidate | Again, paths: Sequence[str]) -> tuple[Cell, ...]:
    """Return the levels of a condition; missing where it lacks the factor."""
    values = {ARM: each.variant, **each.assignment}
    return tuple(level(values[path]) if path in values else None for path in paths)


def again(listed: Sequence[Again]) -> Grid:
    """List what was measured again on fresh seeds: the first mean, the second, and how much too good the first was."""
    paths = factors(listed)
    columns = (*paths, "first n", "first", "again n", "again", "too good by", "low", "high", "run")
    rows = tuple(
        (
            *place(each, paths), each.first.n, each.first.mean, each.again.n, each.again.mean, each.regression,
            *ends(each.interval), each.run,
        )
        for each in listed
    )  # fmt: skip
    return Grid(columns, rows, "Measured again on fresh seeds")


DRAWN = 20
"""Candidates that are drawn, best first; all of them are in the table."""


def forest(every: Sequence[Candidate], metric: str, units: Units, *, title: str) -> Figure:
    """Draw candidates below each other, best first: those that cannot be told from the best in one colour."""
    listed = every[:DRAWN]
    groups = ("cannot be told from the best", "told from the best")
    drawn = [_means([(n, each) for n, each in enumerate(listed) if each.best is best], label)
             for best, label in zip((True, False), groups, strict=True)]  # fmt: skip
    shrunken = [(each.shrunken, float(n)) for n, each in enumerate(listed) if each.shrunken is not None]
    if shrunken:
        x, y = zip(*shrunken, strict=True)
        drawn.append(Series("shrunken", x, y, kind="dots"))
    bars = method(*(each.estimate.interval for each in listed))
    names = tuple((float(n), condition(each.variant, each.assignment)) for n, each in enumerate(listed))
    return Figure(
        name=f"candidates {metric}",
        title=title,
        x=Axis(clean(named(metric, units))),
        y=Axis("", ticks=names),
        series=tuple(series for series in drawn if series.x),
        caption=". ".join(filter(None, (_legend(bars, dots=bool(shrunken)), _cut(every)))) + ".",
    )


def _legend(bars: str, *, dots: bool) -> str:
    return f"Points: means{' with ' + bars if bars else ''}" + ("; dots: shrunken estimates" if dots else "")


def _cut(every: Sequence[Candidate]) -> str:
    return f"The first {DRAWN} of {len(every)} conditions" if len(every) > DRAWN else ""


def _means(listed: Sequence[tuple[int, Candidate]], label: str) -> Series:
    found = [(n, each.estimate) for n, each in listed if each.estimate.mean is not None]
    intervals = [[math.nan if end is None else end for end in ends(estimate.interval)] for _, estimate in found]
    return Series(
        label,
        x=tuple(float(estimate.mean or 0.0) for _, estimate in found),
        y=tuple(float(n) for n, _ in found),
        low=tuple(low for low, _ in intervals),
        high=tuple(high for _, high in intervals),
    )
