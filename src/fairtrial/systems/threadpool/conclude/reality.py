"""Models beside a real pool, or formulas beside a simulated one: ratios with intervals, workload by workload."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fairtrial.model.figure import Axis, Cell, Figure, Grid, Mark, Section, Series
from fairtrial.stats.interval import t_interval
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.conclude.trials import Ints, Trials, aligned

ENGINE, REAL, SIMULATED = "engine", "real", "simulated"
MODELS = (SIMULATED, "analytic")
NAMES = {REAL: "real pool", SIMULATED: "simulated pool"}
TOLD = ("latency_p50_s", "latency_p95_s")
MARGIN = 0.2
"""A model agrees where the whole interval of its ratio lies within this share of 1."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A metric of a model over that of the pool that it is a model of, in one workload at one size."""

    place: str
    model: str
    metric: str
    pool: float
    """Mean over replicates."""
    ratio: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """Say agrees, differs, or open."""
        if self.low >= 1 / (1 + MARGIN) and self.high <= 1 + MARGIN:
            return "agrees"
        return "differs" if self.low > 1 + MARGIN or self.high < 1 / (1 + MARGIN) else "open"


def ratios(found: Trials, reference: str) -> tuple[Ratio, ...]:
    """Return the ratios of all workloads and sizes that a model and the reference have both measured.

    The mean of the logarithms of the ratios over replicates with Student's interval: replicate k of either saw the
    same tasks, so that they are pairs. What is undefined on either side (an unstable size) has no ratio.
    """
    made = []
    for name, places in sorted(found.groups(apart=(ENGINE, "machine.measured")).items(), key=_natural):
        engines = dict(found.by(ENGINE, places))
        for model in MODELS:
            if reference in engines and model in engines and model != reference:
                pair = engines[reference], engines[model]
                made += [one for metric in TOLD if (one := _ratio(found, (name, model, metric), pair)) is not None]
    return tuple(made)


def _natural(group: tuple[str, Ints]) -> list[tuple[int, str]]:
    """Sort names as people do: 2 before 16."""
    parts = re.split(r"(\d+)", group[0])
    return [(int(part) if part.isdigit() else 0, part) for part in parts]


def _ratio(found: Trials, what: tuple[str, str, str], pair: tuple[Ints, Ints]) -> Ratio | None:
    name, model, metric = what
    replicates = np.unique(found.replicate)
    pool, said = (aligned(found, metric, places, replicates) for places in pair)
    logs: Floats = np.log(said / pool)
    logs = logs[np.isfinite(logs)]
    interval = t_interval(logs.tolist()) if len(logs) > 1 else None
    if interval is None:
        return None
    low, high = (math.exp(end) for end in interval)
    return Ratio(name, model, metric, float(np.nanmean(pool)), math.exp(float(logs.mean())), low, high)


def section(found: Trials) -> Section | None:
    """Return the section; None where nothing was measured beside a model of it.

    What models are set beside is the real pool, where it was measured, else the simulated one.
    """
    if ENGINE not in found.factors:
        return None
    reference = REAL if REAL in found.factors[ENGINE] else SIMULATED
    if not (made := ratios(found, reference)):
        return None
    pool = NAMES[reference]
    figures = tuple(_figure(made, metric, pool) for metric in TOLD if any(one.metric == metric for one in made))
    title = "Model and reality" if reference == REAL else "Formulas and simulation"
    return Section(title, (*_sentences(made, pool), *_floor(found)), (_table(made, pool),), figures)


def _sentences(made: tuple[Ratio, ...], pool: str) -> Iterator[str]:
    for model in MODELS:
        mine = [one for one in made if one.model == model and one.metric == "latency_p95_s"]
        if not mine:
            continue
        off = float(np.median([abs(math.log(one.ratio)) for one in mine]))
        counts = {word: sum(one.verdict == word for one in mine) for word in ("agrees", "differs", "open")}
        yield (
            f"p95, {model}: off by a factor of {math.exp(off):.2f} in the median of {len(mine)} places; agrees with "
            f"the {pool} within {MARGIN:.0%} in {counts['agrees']}, differs by more in {counts['differs']}, "
            f"{counts['open']} are open at this budget."
        )


def _floor(found: Trials) -> Iterator[str]:
    low, high, late = (np.nanmean(found.metric(name)) if np.isfinite(found.metric(name)).any() else math.nan
                       for name in ("floor_p50_s", "floor_p99_s", "lateness_p99_s"))  # fmt: skip
    if math.isfinite(low):
        yield (
            f"Floor: a task that does nothing takes {low * 1e6:.3g} us (median) and {high * 1e6:.3g} us (p99) through "
            f"the real pool; tasks were submitted {late * 1e6:.3g} us late at p99 (mean of the trials). Latencies near "
            "the floor are the harness's."
        )


def _table(made: tuple[Ratio, ...], pool: str) -> Grid:
    rows: list[tuple[Cell, ...]] = [
        (one.place, one.model, one.metric.split("_")[1], f"{one.pool * 1e3:.4g}",
         f"{one.ratio:.3g} ({one.low:.3g} to {one.high:.3g})", one.verdict)
        for one in made
    ]  # fmt: skip
    columns = ("workload and size", "model", "metric", f"{pool} (ms)", "model / pool (95 %)", "verdict")
    return Grid(columns, tuple(rows), title="Ratios, paired over replicates")


def _figure(made: tuple[Ratio, ...], metric: str, pool: str) -> Figure:
    places = list(dict.fromkeys(one.place for one in made if one.metric == metric))
    number = {place: float(len(places) - at) for at, place in enumerate(places)}
    series = []
    for at, model in enumerate(MODELS):
        mine = [one for one in made if one.model == model and one.metric == metric]
        shift = 0.12 - 0.24 * at
        series.append(
            Series(
                model,
                tuple(one.ratio for one in mine),
                tuple(number[one.place] + shift for one in mine),
                tuple(one.low for one in mine),
                tuple(one.high for one in mine),
            )
        )
    percent = metric.split("_")[1]
    return Figure(
        f"reality-{percent}",
        f"{percent} of the models over that of the {pool}",
        Axis(f"model / {pool}", log=True),
        Axis("", ticks=tuple((number[place], place) for place in places)),
        tuple(one for one in series if one.x),
        marks=(Mark("x", 1.0, "equal", 1 / (1 + MARGIN), 1 + MARGIN),),
        caption=f"Intervals at 95 %, paired over replicates; the band is {MARGIN:.0%} either way.",
    )
