"""Which features the choices of learned models hang on: what each being told wrongly costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fairtrial.model.figure import Axis, Cell, Figure, Grid, Mark, Section, Series
from fairtrial.systems.threadpool.conclude.regret import HELD_OUT, named

SHOWN = 3
"""Features that a sentence names."""


@dataclass(frozen=True, slots=True)
class Worth:
    """What one feature is worth to one model: the rise of its mean regret, with an interval."""

    feature: str
    rise: float
    low: float
    high: float


def worths(table: Any) -> dict[str, tuple[Worth, ...]]:
    """Return model -> what its features are worth, from the raw table `importance` (a polars DataFrame).

    Of each model those trials count that held out no family, or else all; of several trainings the means.
    """
    import polars as pl

    if HELD_OUT in table.columns and (table[HELD_OUT] == "none").any():
        table = table.filter(pl.col(HELD_OUT) == "none")
    keys = [name for name in table.columns if name == "variant" or ("." in name and name != HELD_OUT)]
    values = pl.col("rise", "low", "high").mean()
    found: dict[str, list[Worth]] = {}
    for row in table.group_by([*keys, "feature"], maintain_order=True).agg(values).iter_rows(named=True):
        worth = Worth(*(row[name] for name in ("feature", "rise", "low", "high")))
        found.setdefault(named({name: row[name] for name in keys}), []).append(worth)
    return {kind: tuple(every) for kind, every in found.items()}


def section(table: Any) -> Section | None:
    """Return the section; None where nothing was learned."""
    if table is None or not len(table) or not (made := worths(table)):
        return None
    return Section("Features", tuple(_sentences(made)), (_table(made),), (_figure(made),))


def _sentences(made: dict[str, tuple[Worth, ...]]) -> Iterator[str]:
    for kind, every in made.items():
        told = sorted((one for one in every if one.low > 0), key=lambda one: -one.rise)
        words = ", ".join(f"{one.feature} (+{one.rise:.1%})" for one in told[:SHOWN])
        yield f"{kind}: {words or 'no feature'} {'matter' if len(told) > 1 else 'matters'} most to its regret."
    yield (
        "A feature is told wrongly by giving a row that of another one; those that say the same stand in for each "
        "other, and each of them alone then looks unimportant."
    )


def _table(made: dict[str, tuple[Worth, ...]]) -> Grid:
    cells = {kind: {one.feature: one for one in every} for kind, every in made.items()}
    names = list(dict.fromkeys(name for every in cells.values() for name in every))
    rows: list[tuple[Cell, ...]] = [
        (name, *(_cell(every[name]) if name in every else None for every in cells.values())) for name in names
    ]
    title = "Rise of the mean regret when a feature is another row's (95 %, over rows; means over trainings)"
    return Grid(("feature", *cells), tuple(rows), title=title)


def _cell(one: Worth) -> str:
    return f"{one.rise:+.1%} ({one.low:+.1%} to {one.high:+.1%})"


def _figure(made: dict[str, tuple[Worth, ...]]) -> Figure:
    names = list(dict.fromkeys(one.feature for every in made.values() for one in every))
    number = {name: float(len(names) - at) for at, name in enumerate(names)}
    series = []
    for at, (kind, every) in enumerate(made.items()):
        shift = 0.6 * ((at + 0.5) / len(made) - 0.5)
        places = tuple(number[one.feature] - shift for one in every)
        values = zip(*((100 * one.rise, 100 * one.low, 100 * one.high) for one in every), strict=True)
        rise, low, high = values
        series.append(Series(kind, rise, places, low, high))
    return Figure(
        "feature-worth",
        "What a feature is worth to a learned model",
        Axis("rise of the mean regret without it (percentage points)"),
        Axis("", ticks=tuple((number[name], name) for name in names)),
        tuple(series),
        marks=(Mark("x", 0.0, "nothing"),),
        caption="Tested on rows that were not learned from; intervals are bootstrapped over rows.",
    )
