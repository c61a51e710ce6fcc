"""How the leaders gained over time: the summed net result, trade by trade."""

from __future__ import annotations

import numpy as np
import polars as pl

from fairtrial.contract.system import Tables
from fairtrial.errors import UnknownName
from fairtrial.model.figure import Axis, Figure, Mark, Section, Series
from fairtrial.model.run import Measurements
from fairtrial.systems.signals.conclude.trials import Trial, leaders, shortened
from fairtrial.systems.signals.record import Floats

SHOWN = 5
FINAL = -1
"""Fold of the final block."""


def section(measured: Measurements, tables: Tables) -> Section | None:
    """Return the course of the best trials; None where none kept its trades, or the protocol knows no costs."""
    best = leaders(measured, "expectancy_net_ticks", SHOWN)
    if not best:
        return None
    columns = ("market", "fold", "entry_bin", "net_ticks")
    try:
        trades = tables("trades", columns=columns, trials=[trial.number for trial in best])
    except UnknownName:
        return None
    return _section(best, trades)


def _section(best: list[Trial], trades: pl.DataFrame) -> Section | None:
    table = trades.filter(pl.col("net_ticks").is_finite()).sort("trial", "market", "entry_bin")
    labels = shortened([trial.label for trial in best])
    starts = _starts(table)
    series = [line for trial, label in zip(best, labels, strict=True) if (line := _line(trial, label, table, starts))]
    if not series:
        return None
    first = table.filter((pl.col("fold") == FINAL) & (pl.col("trial") == best[0].number))["entry_bin"]
    marks = [Mark("y", 0.0, "breaks even")]
    several = table["market"].n_unique() > 1
    if len(first) and not several:
        marks.append(Mark("x", float(first[0]), "final block"))
    said = "Summed net result of the best trials, entry by entry; truncated trades are in no sum."
    figure = Figure(
        name="course",
        title="How the leaders gained",
        x=Axis("bin of entry, one market after the other" if several else "bin of entry"),
        y=Axis("summed net result, ticks"),
        series=tuple(series),
        marks=tuple(marks),
        caption=said,
    )
    return Section("Course", (said,), figures=(figure,))


def _starts(table: pl.DataFrame) -> Floats:
    """Return where each market begins along the plot: after the last entry that any trial made in those before it."""
    market = table["market"].to_numpy()
    last = np.zeros(1 + market.max(initial=0))
    np.maximum.at(last, market, table["entry_bin"].to_numpy().astype(np.float64))
    return np.concatenate([[0.0], np.cumsum(last)[:-1]])


def _line(trial: Trial, label: str, table: pl.DataFrame, starts: Floats) -> Series | None:
    rows = table.filter(pl.col("trial") == trial.number)
    if rows.is_empty():
        return None
    at = rows["entry_bin"].to_numpy() + starts[rows["market"].to_numpy()]
    return Series(label, tuple(at.tolist()), tuple(np.cumsum(rows["net_ticks"].to_numpy()).tolist()), kind="steps")
