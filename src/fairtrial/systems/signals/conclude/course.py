"""How the leaders gained over time: the summed net result, trade by trade."""

from __future__ import annotations

import numpy as np
import polars as pl

from fairtrial.contract.system import Tables
from fairtrial.errors import UnknownName
from fairtrial.model.figure import Axis, Figure, Mark, Section, Series
from fairtrial.model.run import Measurements
from fairtrial.systems.signals.conclude.trials import Trial, leaders, shortened

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
    series = [line for trial, label in zip(best, labels, strict=True) if (line := _line(trial, label, table))]
    if not series:
        return None
    first = table.filter((pl.col("fold") == FINAL) & (pl.col("trial") == best[0].number))["entry_bin"]
    marks = [Mark("y", 0.0, "breaks even")]
    if len(first) and table["market"].n_unique() == 1:
        marks.append(Mark("x", float(first[0]), "final block"))
    said = "Summed net result of the best trials, entry by entry; truncated trades are in no sum."
    figure = Figure(
        name="course",
        title="How the leaders gained",
        x=Axis("bin of entry, one market after the other"),
        y=Axis("summed net result, ticks"),
        series=tuple(series),
        marks=tuple(marks),
        caption=said,
    )
    return Section("Course", (said,), figures=(figure,))


def _line(trial: Trial, label: str, table: pl.DataFrame) -> Series | None:
    rows = table.filter(pl.col("trial") == trial.number)
    if rows.is_empty():
        return None
    entry, market = rows["entry_bin"].to_numpy(), rows["market"].to_numpy()
    ahead = np.concatenate([[0], np.cumsum([entry[market == each].max() for each in range(int(market.max()))] or [])])
    at = entry + ahead[market]
    return Series(label, tuple(at.astype(float)), tuple(np.cumsum(rows["net_ticks"].to_numpy())), kind="steps")
