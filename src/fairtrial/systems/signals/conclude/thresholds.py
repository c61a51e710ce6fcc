"""Thresholds: which each fold chose, and how the older protocol's best one comes about."""

from __future__ import annotations

import polars as pl

from fairtrial.contract.system import Tables
from fairtrial.errors import UnknownName
from fairtrial.model.figure import Axis, Figure, Grid, Section, Series
from fairtrial.model.run import Measurements
from fairtrial.systems.signals.conclude.trials import Trial, leaders, shortened

SHOWN = 6
ROWS = 40


def section(measured: Measurements, tables: Tables) -> Section | None:
    """Return the thresholds of the best trials: chosen in training (honest), or all of them (original)."""
    honest = leaders(measured, "expectancy_net_ticks", SHOWN)
    older = [] if honest else leaders(measured, "tp_rate", SHOWN)
    best = honest or older
    if not best:
        return None
    try:
        table = tables("thresholds", trials=[trial.number for trial in best])
    except UnknownName:
        return None
    return _chosen(best, table) if honest else _every(best, table)


def _chosen(best: list[Trial], table: pl.DataFrame) -> Section | None:
    """Show what the training folds of the leaders chose: one that jumps about rests on noise."""
    rows = []
    for trial in best:
        mine = table.filter((pl.col("trial") == trial.number) & pl.col("chosen")).sort("fold")
        for fold, threshold, trades, net in mine.select("fold", "threshold", "trades", "net_ticks").iter_rows():
            rows.append((trial.label, "final block" if fold < 0 else str(fold + 1), threshold, trades, net))
    if not rows:
        return None
    said = (
        "The threshold that each test fold was traded with, chosen on the training part before it, with what it gained "
        "there: one that jumps about from fold to fold rests on noise."
    )
    columns = ("condition", "fold", "threshold", "trades in training", "net in training")
    return Section("Thresholds", (said,), (Grid(columns, tuple(rows[:ROWS]), decimals={"net in training": 3}),))


def _every(best: list[Trial], table: pl.DataFrame) -> Section:
    labels = shortened([trial.label for trial in best])
    series, rows = [], []
    for trial, label in zip(best, labels, strict=True):
        mine = table.filter(pl.col("trial") == trial.number).sort("threshold")
        series.append(Series(label, tuple(mine["threshold"]), tuple(mine["tp_rate"]), kind="line"))
        names = ("threshold", "n_signals", "n_up", "n_down", "tp_rate", "sl_rate", "timeout_rate", "mean_pnl_ticks")
        rows += [(label, *row) for row in mine.select(names).iter_rows()]
    said = "Each threshold on all of the data, as the older harness listed them; it went on with the best tp_rate."
    figure = Figure(
        name="thresholds",
        title="Rate of take profits by threshold",
        x=Axis("threshold"),
        y=Axis("tp_rate"),
        series=tuple(series),
    )
    columns = ("condition", "threshold", "signals", "up", "down", "tp_rate", "sl_rate", "timeout_rate", "mean pnl")
    return Section("Thresholds", (said,), (Grid(columns, tuple(rows[:ROWS])),), (figure,))
