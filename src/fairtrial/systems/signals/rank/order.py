"""The order of configurations by what was asked for, and those that cannot be told from the first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from fairtrial.contract.journal import Ledger
from fairtrial.model.identity import canonical_json
from fairtrial.stats.reality import told_apart
from fairtrial.stats.resample import generator
from fairtrial.systems.signals.judge.block import LATTICE
from fairtrial.systems.signals.rank.configuration import Configuration
from fairtrial.systems.signals.rank.standing import Standing
from fairtrial.systems.signals.record import Floats
from fairtrial.systems.signals.words import Grid

BY = ("expectancy", "tp_rate", "mean_pnl_ticks", "events_per_hour")
"""What may be ranked by; expectancy: net, after costs, drawn towards the others'."""
ALPHA = 0.05
GRID_MS = Grid().cell_width_ms
DAY = ("seed", "market")


@dataclass(frozen=True, slots=True)
class Order:
    """Configurations, the best one first."""

    by: str
    rows: tuple[Standing, ...]
    level: frozenset[int]
    """Places of those that cannot be told from the first, itself among them; empty where nobody can say."""
    few: int
    """Configurations that were left out for having too few trades."""


def value(one: Standing, by: str) -> float:
    """Return what a configuration is ranked by, NaN where it has none."""
    if by == "expectancy":
        return math.nan if one.adjusted is None else one.adjusted
    return one.configuration.mean(by, "signals")


def order(ledger: Ledger, runs: Sequence[int], rows: Sequence[Standing], *, by: str, least: int) -> Order:
    """Put configurations in order; those with fewer than `least` trades are left out."""
    counted = [one for one in rows if count(one.configuration) >= least and math.isfinite(value(one, by))]
    ranked = tuple(sorted(counted, key=lambda one: -value(one, by)))
    level = _level(ledger, runs, ranked) if by == "expectancy" else frozenset()
    return Order(by=by, rows=ranked, level=level, few=len(rows) - len(counted))


def count(one: Configuration) -> int:
    """Return how many trades (of the original protocol: signals) a configuration rests on."""
    return one.total("trades" if one.evaluation["protocol"] == "honest" else "signals")


def _level(ledger: Ledger, runs: Sequence[int], ranked: Sequence[Standing]) -> frozenset[int]:
    """Compare with the first those that were judged on the same data, block of time by block of time."""
    if not ranked:
        return frozenset()
    same = [place for place, one in enumerate(ranked) if _bins(one.configuration) == _bins(ranked[0].configuration)]
    files = _files(ledger, runs)
    tables = [_blocks(ranked[place].configuration, files) for place in same]
    longest = max(ranked[place].configuration.evaluation["max_hold_bins"] for place in same)
    sums, counts = _aligned(tables, longest)
    if not sums.shape[1]:
        return frozenset()
    worse = told_apart(sums, counts, leader=0, alpha=ALPHA, rng=generator(0, "rank"))
    return frozenset(place for place, told in zip(same, worse.tolist(), strict=True) if not told)


def _bins(one: Configuration) -> bytes:
    """Say of which bins its blocks are made: another grid has the same ones, unless it cuts time differently."""
    data = one.parameters["data"]
    width = (data.get("grid") or {}).get("cell_width_ms", GRID_MS)
    return canonical_json([data.get("dataset"), data.get("days"), data.get("synthetic"), width])


def _files(ledger: Ledger, runs: Sequence[int]) -> Mapping[bytes, Path]:
    """Return digest of a trial -> its table of blocks."""
    return {row.digest: path for run in runs for row, _, path in ledger.tables(run, "blocks")}


def _blocks(one: Configuration, files: Mapping[bytes, Path]) -> pl.DataFrame:
    """Return the blocks of a configuration, those of all its days."""
    parts = [
        pl.read_parquet(files[trial.digest]).with_columns(seed=pl.lit(trial.seed, dtype=pl.UInt64))
        for trial in one.trials
        if trial.digest in files
    ]
    return pl.concat(parts) if parts else pl.DataFrame()


def _aligned(tables: Sequence[pl.DataFrame], hold_bins: int) -> tuple[Floats, Floats]:
    """Return sums and counts, (configurations, blocks), of blocks of time at least as long as the longest trade.

    A block that one of them has no trade in counts as 0.
    """
    if not tables or any(table.is_empty() for table in tables):
        return np.empty((len(tables), 0)), np.empty((len(tables), 0))
    wide = pl.col("block") // -(-hold_bins // LATTICE)
    summed = [table.group_by(*DAY, wide).agg(pl.col("net_ticks", "trades").sum()) for table in tables]
    keys = pl.concat([table.select(*DAY, "block") for table in summed]).unique().sort(*DAY, "block")
    rows = [keys.join(table, on=[*DAY, "block"], how="left", maintain_order="left") for table in summed]
    sums = np.array([table["net_ticks"].fill_null(0.0).to_numpy() for table in rows])
    counts = np.array([table["trades"].fill_null(0).to_numpy() for table in rows], dtype=np.float64)
    return sums, counts
