"""Long and short apart: a signal that is nearly always on one side is a bet on the drift."""

from __future__ import annotations

from fairtrial.model.figure import Cell, Grid, Section
from fairtrial.model.run import Measurements
from fairtrial.systems.signals.conclude.trials import Trial, column, leaders

SHOWN = 10
ONE_SIDED = 0.9
SAID = (
    "Net expectancy of long and of short trades, and that of random entries with the same count, sides and spacing: "
    "what they gain or lose is drift and cost, and no merit of the signal."
)
COLUMNS = (
    "trial", "condition", "long", "short", "net, long", "net, short", "random entries", "excess", "exposure",
    "truncated",
)  # fmt: skip
METRICS = (
    "trades_up", "trades_down", "expectancy_up_ticks", "expectancy_down_ticks", "random_ticks", "excess_ticks",
    "exposure", "truncated",
)  # fmt: skip


def section(measured: Measurements) -> Section | None:
    """Return the split by side of the best trials, with what random entries on the same sides gain."""
    best = leaders(measured, "expectancy_net_ticks", SHOWN)
    if not best:
        return None
    rows = tuple(_row(measured, trial) for trial in best)
    said = [SAID]
    lean = [str(row[0]) for row in rows if _one_sided(row)]
    if lean:
        said.append(f"Nearly all on one side, so that drift alone could explain them: {', '.join(lean)}.")
    decimals = dict.fromkeys(("net, long", "net, short", "random entries", "excess", "exposure"), 3)
    return Section("Sides and random entries", tuple(said), (Grid(COLUMNS, rows, decimals=decimals),))


def _row(measured: Measurements, trial: Trial) -> tuple[Cell, ...]:
    values = [float(column(measured, name)[trial.place]) for name in METRICS]
    counts = {0, 1, 7}
    cells: list[Cell] = [int(value) if at in counts and value == value else value for at, value in enumerate(values)]
    return (f"{measured.run}.{trial.number}", trial.label, *cells)


def _one_sided(row: tuple[Cell, ...]) -> bool:
    up, down = row[2], row[3]
    if not isinstance(up, int) or not isinstance(down, int) or not up + down:
        return False
    return max(up, down) >= ONE_SIDED * (up + down)
