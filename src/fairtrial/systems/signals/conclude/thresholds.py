"""Thresholds: which each fold chose, and how the older protocol's best one comes about."""

from __future__ import annotations

import polars as pl

from fairtrial.contract.system import Tables
from fairtrial.errors import UnknownName
from fairtrial.model.figure import Axis, Cell, Figure, Grid, Mark, Section, Series
from fairtrial.model.run import Measurements
from fairtrial.systems.signals.conclude.trials import Trial, leaders

SHOWN = 6
ROWS = 40
DRAWN = 2000
"""Dots of the plot, about: of more of them each second, third … one."""


def section(measured: Measurements, tables: Tables) -> Section | None:
    """Return the thresholds of the best trials: chosen in training (honest), or all of them (original)."""
    honest = leaders(measured, "expectancy_net_ticks", SHOWN)
    older = [] if honest else leaders(measured, "tp_rate", SHOWN)
    best = honest or older
    if not best:
        return None
    try:
        table = tables("thresholds", trials=[trial.number for trial in best] if honest else None)
    except UnknownName:
        return None
    return _chosen(best, table) if honest else _every(measured, best, table)


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


def _every(measured: Measurements, best: list[Trial], table: pl.DataFrame) -> Section:
    """Show every threshold of every trial: those that look best are those with few signals."""
    counted = table.filter(pl.col("mean_pnl_ticks").is_finite() & (pl.col("n_signals") > 0))
    drawn = counted.gather_every(max(1, -(-len(counted) // DRAWN)))
    names = ("threshold", "n_signals", "n_up", "n_down", "tp_rate", "sl_rate", "timeout_rate", "mean_pnl_ticks")
    rows: list[tuple[Cell, ...]] = []
    for trial in best:
        mine = table.filter(pl.col("trial") == trial.number).sort("threshold")
        rows += [(f"{measured.run}.{trial.number}", trial.label, *row) for row in mine.select(names).iter_rows()]
    said = (
        "Each threshold on all of the data, as the older harness listed them; it went on with the best tp_rate. "
        f"{_counted(counted)}"
    )
    figure = Figure(
        name="thresholds",
        title="Every threshold of every configuration",
        x=Axis("signals", log=True),
        y=Axis("mean result between mids, ticks"),
        series=(Series("", tuple(drawn["n_signals"].cast(float)), tuple(drawn["mean_pnl_ticks"]), kind="dots"),),
        marks=(Mark("y", 0.0, "what a walk without drift gives"),),
        caption="A mean of few trades strays far from what it stands for: the best ones of a list are found at its "
        "left end, whatever the signals are worth.",
    )
    drawings = (figure,) if len(drawn) else ()
    columns = ("trial", "condition", "threshold", "signals", "up", "down", "tp_rate", "sl_rate", "timeout_rate", "mean")
    decimals = dict.fromkeys(("tp_rate", "sl_rate", "timeout_rate", "mean"), 3)
    return Section("Thresholds", (said,), (Grid(columns, tuple(rows[:ROWS]), decimals=decimals),), drawings)


def _counted(table: pl.DataFrame) -> str:
    """Say how much was chosen from, and what the best of it rests on."""
    if table.is_empty():
        return "None of them had a signal that ended."
    first = table.sort("mean_pnl_ticks", descending=True).row(0, named=True)
    return (
        f"{len(table)} of them had signals; the largest mean, {first['mean_pnl_ticks']:.3g} ticks, rests on "
        f"{first['n_signals']} of them."
    )
