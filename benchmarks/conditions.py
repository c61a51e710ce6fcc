"""The table of conditions over a million trials of ten metrics, against the same in polars on the columns in memory.

Both sides get the numbers of the conditions and the metrics as columns, and make n, mean, sd, minimum, maximum and
Student's t interval of every metric in every condition (fairtrial the median and a quantile as well). They alternate
in one process; printed are wall seconds (median) and the ratio pass by pass.

Usage: python benchmarks/conditions.py [--quick] [--passes N]
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from measure import bench, options, spread, table

from fairtrial.analyse import conditions
from fairtrial.model.run import Results
from fairtrial.model.study import Direction, Metric
from fairtrial.stats.interval import t_half_width

METRICS = [Metric(f"m{k}", Direction.MAXIMIZE) for k in range(10)]
BAR = "3"
SHOWN = 20


def main() -> None:
    """Print a table."""
    chosen = options(__doc__ or "")
    n, passes = (20_000, 1) if chosen.quick else (1_000_000, max(5, chosen.passes))
    with bench(f"conditions of {n:,} trials x {len(METRICS)} metrics"):
        rows = [row(n, count, passes) for count in (100, n // 10)]
        table(
            ["conditions", "fairtrial", f"its best {SHOWN} written out", "polars", "ratio", "asked for: at most"], rows
        )


def row(n: int, count: int, passes: int) -> list[str]:
    """Measure both sides, the first pass not counted, the order turned round with every pass."""
    results, frame = columns(n, count)
    sides: dict[str, Callable[[], Any]] = {
        "ours": lambda: conditions.table(results, METRICS, quantiles=(0.9,)),
        "shown": lambda: conditions.ranking(results, METRICS, top=SHOWN),
        "polars": lambda: in_polars(frame),
    }
    took: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(passes + 1):
        for name in sides if number % 2 else reversed(sides):
            start = time.perf_counter()
            sides[name]()
            took[name].append(time.perf_counter() - start)
    check(results, frame)
    ratios = [ours / theirs for ours, theirs in zip(took["ours"][1:], took["polars"][1:], strict=True)]
    medians = [f"{statistics.median(took[name][1:]):.3f} s" for name in ("ours", "shown", "polars")]
    return [f"{count:,}", *medians, spread(ratios), BAR]


def columns(n: int, count: int) -> tuple[Results, pl.DataFrame]:
    """Make n trials of conditions in random order, a hundredth of the values missing, for both sides."""
    rng = np.random.default_rng(0)
    condition = rng.permutation(np.arange(n) % count)
    metrics = {metric.name: np.where(rng.random(n) < 0.01, np.nan, rng.normal(size=n)) for metric in METRICS}
    results = Results(
        condition, metrics, (), lambda numbers: [("", {"x": number}) for number in numbers], lambda: ["x"]
    )
    return results, pl.DataFrame({"condition": condition, **metrics}).with_columns(pl.col("^m.*$").fill_nan(None))


def in_polars(frame: pl.DataFrame) -> pl.DataFrame:
    """Make the table in polars; the quantile of t once for each different n."""
    made = frame.group_by("condition").agg(
        made
        for metric in METRICS
        for made in (
            pl.col(metric.name).count().alias(f"{metric.name} n"),
            pl.col(metric.name).mean().alias(f"{metric.name} mean"),
            pl.col(metric.name).std().alias(f"{metric.name} sd"),
            pl.col(metric.name).min().alias(f"{metric.name} min"),
            pl.col(metric.name).max().alias(f"{metric.name} max"),
        )
    )
    halves = {
        f"{metric.name} half": t_half_width(made[f"{metric.name} sd"].to_numpy(), made[f"{metric.name} n"].to_numpy())
        for metric in METRICS
    }
    return made.with_columns(
        pl.Series(f"{metric.name} {end}", made[f"{metric.name} mean"].to_numpy() + sign * halves[f"{metric.name} half"])
        for metric in METRICS
        for end, sign in (("low", -1), ("high", 1))
    )


def check(results: Results, frame: pl.DataFrame) -> None:
    """Stop where the two sides do not agree."""
    ours, theirs = conditions.table(results, METRICS), in_polars(frame).sort("condition")
    place = np.argsort(ours.groups.number)
    for metric in METRICS:
        column = ours.columns[metric.name]
        for name, mine in (("mean", column.summary.mean), ("sd", column.summary.sd), ("max", column.summary.maximum)):
            np.testing.assert_allclose(mine[place], theirs[f"{metric.name} {name}"].to_numpy(), rtol=1e-9, atol=1e-12)


if __name__ == "__main__":
    main()
