"""The samples of processes and gauges, condensed: one mean or peak for each trial, in its window."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fairtrial.systems.services.conclude.known import Facts
from fairtrial.systems.services.conclude.ladder import Estimate, Ladder, estimate

if TYPE_CHECKING:
    import polars

ROLES = ("server", "client", "machine")
GAUGES = ("waiting_", "backends", "active", "idle_in_transaction", "database_bytes")
"""Beginnings of the names of gauges."""
LEVELS = ("_waiting", "_running", "_deferred", "_processing", "_swapped", "usage_perc", "usage_ratio")
"""Ends of the names of gauges."""
MEANS: tuple[str, ...] = ("cpu_cores", "gpu_util")
PEAKS: tuple[str, ...] = ("rss_bytes", "gpu_bytes")
GROWING: tuple[str, ...] = ("read_bytes", "write_bytes")
OWN = frozenset({"t_s", "begin_s", "role", *MEANS, *PEAKS, *GROWING, "trial", "variant", "replicate"})
"""Columns that are no gauges of the server."""


@dataclass(frozen=True, slots=True)
class Samples:
    """What was sampled, a value a trial."""

    ladder: Ladder
    frame: polars.DataFrame | None = None
    """The samples of the windows."""
    values: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    """Name (`server cpu_cores`, `gauge waiting_lock` …) -> trial -> value."""

    def at(self, name: str, arm: str, place: int) -> Estimate:
        """Estimate what was sampled of one arm at one level, over repetitions."""
        known = self.values.get(name, {})
        rows = self.ladder.rows.get((arm, place), ())
        return estimate([known.get(self.ladder.measured.number[row]) for row in rows])

    def has(self, name: str) -> bool:
        """Say whether anything of that name was sampled."""
        return bool(self.values.get(name))

    @property
    def gauges(self) -> tuple[str, ...]:
        """List the server's gauges."""
        return tuple(name.removeprefix("gauge ") for name in self.values if name.startswith("gauge "))


def samples(ladder: Ladder, frame: polars.DataFrame | None, known: Facts) -> Samples:
    """Condense the samples of a run: means of CPU, GPU and gauges, peaks of memory, rates of I/O."""
    if frame is None or not len(frame):
        return Samples(ladder)
    inside = _inside(ladder, frame, known)
    values: dict[str, dict[int, float]] = {}
    for role in ROLES:
        for name, found in _of_role(inside, role).items():
            values[f"{role} {name}"] = found
    for name in _gauges(inside, ladder):
        values[f"gauge {name}"] = _by_trial(inside, name, "mean")
    return Samples(ladder, inside, {name: found for name, found in values.items() if found})


def _inside(ladder: Ladder, frame: polars.DataFrame, known: Facts) -> polars.DataFrame:
    """Keep the trials that are done, each from the end of its warm-up to the end of its load (the drain left out)."""
    import polars as pl

    measured, homes = ladder.measured, ladder.homes()
    warm = measured.metrics.get("warmup_s")
    rows = [row for row, number in enumerate(measured.number) if number in homes]
    windows = pl.DataFrame(
        {
            "trial": [measured.number[row] for row in rows],
            "begin_s": [0.0 if warm is None or math.isnan(warm[row]) else float(warm[row]) for row in rows],
            "end_s": [known.lasted_s(measured.number[row]) for row in rows],
        },
        schema={"trial": frame.schema["trial"], "begin_s": pl.Float64, "end_s": pl.Float64},
    )
    joined = frame.join(windows, on="trial").filter(pl.col("t_s") >= pl.col("begin_s"))
    return joined.filter(pl.col("end_s").is_null() | (pl.col("t_s") <= pl.col("end_s"))).drop("end_s")


def _of_role(inside: polars.DataFrame, role: str) -> dict[str, dict[int, float]]:
    import polars as pl

    rows = inside.filter(pl.col("role") == role)
    there = set(rows.columns)
    found = {name: _by_trial(rows, name, "mean") for name in MEANS if name in there}
    found |= {name: _by_trial(rows, name, "max") for name in PEAKS if name in there}
    return found | {name: _rate(rows, name) for name in GROWING if name in there}


def _by_trial(rows: polars.DataFrame, name: str, how: str) -> dict[int, float]:
    """Return trial -> mean or maximum of what is a number."""
    import polars as pl

    column = pl.col(name).cast(pl.Float64)
    found = rows.select("trial", value=column).filter(pl.col("value").is_finite()).group_by("trial")
    made = found.mean() if how == "mean" else found.max()
    return dict(made.sort("trial").iter_rows())


def _rate(rows: polars.DataFrame, name: str) -> dict[int, float]:
    """Return trial -> bytes a second, from a count that only grows."""
    import polars as pl

    known = rows.select("trial", "t_s", value=pl.col(name).cast(pl.Float64)).filter(pl.col("value").is_finite())
    spans = (
        known.sort("t_s")
        .group_by("trial")
        .agg(span=pl.col("t_s").last() - pl.col("t_s").first(), grown=pl.col("value").last() - pl.col("value").first())
    )
    made = spans.filter(pl.col("span") > 0).select("trial", pl.col("grown") / pl.col("span"))
    return dict(made.sort("trial").iter_rows())


def _gauges(inside: polars.DataFrame, ladder: Ladder) -> list[str]:
    """List the columns that are gauges of the server: known by name, or seen to go down, which no counter does."""
    factors = {*ladder.measured.factors, *(f"factor.{path}" for path in ladder.measured.factors)}
    named = [name for name, kind in inside.schema.items() if kind.is_numeric() and name not in OWN | factors]
    known = [name for name in named if name.startswith(GAUGES) or name.endswith(LEVELS)]
    return known + [name for name in named if name not in known and _falls(inside, name)]


def _falls(inside: polars.DataFrame, name: str) -> bool:
    import polars as pl

    steps = inside.sort("t_s").drop_nulls(name).select(pl.col(name).diff().over("trial").min())
    least = steps.item()
    return least is not None and least < 0
