"""Latency against the number of workers, workload by workload: where the best size lies, and where all are alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fairtrial.model.figure import Axis, Cell, Figure, Grid, Section, Series
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.conclude.trials import Trials, aligned
from fairtrial.systems.threadpool.label.judge import judge
from fairtrial.systems.threadpool.label.record import Label, Labelled

SIZE, P95 = "pool.workers", "latency_p95_s"
SHOWN = 12
"""Workloads that are drawn; a table shows all."""


@dataclass(frozen=True, slots=True)
class Landscape:
    """One workload: what each size came to."""

    name: str
    sizes: tuple[int, ...]
    label: Label
    unstable: tuple[int, ...]

    @property
    def flat(self) -> bool:
        """No size can be told from the best one."""
        return set(self.label.best) == set(self.sizes) - set(self.unstable)


def landscapes(found: Trials) -> tuple[Landscape, ...]:
    """Return a landscape for every workload (variant and levels of the other factors)."""
    made = []
    for name, places in found.groups(apart=(SIZE,)).items():
        replicates = np.unique(found.replicate[places])
        levels = list(found.by(SIZE, places))
        sizes = tuple(int(str(level)) for level, _ in levels)
        p95_s = np.array([aligned(found, P95, at, replicates) for _, at in levels])
        stable = np.array([bool(np.all(found.metric("stable")[at] != 0)) for _, at in levels])
        made.append(_landscape(name, sizes, p95_s, stable))
    return tuple(made)


def _landscape(
    name: str, sizes: tuple[int, ...], p95_s: Floats, stable: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> Landscape:
    nothing = np.zeros(1, np.int64)
    one = Labelled(nothing, np.full((1, 10), np.nan), nothing, sizes, p95_s[None], stable[None])
    unstable = tuple(size for size, can in zip(sizes, stable, strict=True) if not can)
    return Landscape(name, sizes, judge(one)[0], unstable)


def section(found: Trials) -> Section | None:
    """Return the section; None where sizes did not vary."""
    made = landscapes(found)
    if all(len(each.sizes) < 2 for each in made):
        return None
    return Section("Size of the pool", tuple(_sentences(made)), (_table(made),), (_figure(made),))


def _sentences(made: tuple[Landscape, ...]) -> Iterator[str]:
    flat = [each for each in made if each.flat and len(each.label.best) > 1]
    told = [each for each in made if each.label.best and not each.flat]
    if told:
        smallest = sorted({each.label.smallest for each in told if each.label.smallest is not None})
        yield (
            f"In {len(told)} of {len(made)} workloads some sizes are told from the best one; the smallest size of the "
            f"best set is {_listed(smallest)}."
        )
    if flat:
        yield (
            f"In {len(flat)} of {len(made)} no stable size can be told from the best: there the number of workers "
            "does not matter at this budget."
        )
    if any(each.unstable for each in made):
        yield "A size that cannot do what arrives is unstable: its latency has no bound, and no number is given."


def _table(made: tuple[Landscape, ...]) -> Grid:
    sizes = sorted({size for each in made for size in each.sizes})
    rows = tuple((each.name, *(_cell(each, size) for size in sizes), _listed(each.label.best)) for each in made)
    return Grid(
        ("workload", *(f"N = {size}" for size in sizes), "best set"), rows, title="p95 in ms, mean of the replicates"
    )


def _cell(each: Landscape, size: int) -> Cell:
    if size not in each.sizes:
        return None
    if size in each.unstable:
        return "unstable"
    value = float(each.label.mean_s[each.sizes.index(size)]) * 1e3
    return f"{value:.4g}" if np.isfinite(value) else None


def _figure(made: tuple[Landscape, ...]) -> Figure:
    sizes = sorted({size for each in made for size in each.sizes})
    series = tuple(_series(each) for each in made[:SHOWN])
    left = f" Of {len(made)} workloads the first {SHOWN} are drawn." if len(made) > SHOWN else ""
    return Figure(
        "size-latency",
        "p95 against the number of workers",
        Axis("workers", log=True, ticks=tuple((float(size), str(size)) for size in sizes)),
        Axis("p95 latency (ms)", log=True),
        series,
        caption="Means of the replicates with their intervals; unstable sizes have no point." + left,
    )


def _series(each: Landscape) -> Series:
    places = [place for place, size in enumerate(each.sizes) if np.isfinite(each.label.mean_s[place])]

    def column(values: Floats) -> tuple[float, ...]:
        return tuple(float(values[place]) * 1e3 for place in places)

    label = each.label
    sizes = tuple(float(each.sizes[place]) for place in places)
    return Series(each.name, sizes, column(label.mean_s), column(label.low_s), column(label.high_s), kind="line")


def _listed(sizes: tuple[int, ...] | list[int]) -> str:
    return ", ".join(map(str, sizes)) or "–"
