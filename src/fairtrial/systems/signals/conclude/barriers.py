"""Take profit against stop loss: what each pair gained, over all else that varied."""

from __future__ import annotations

import numpy as np

from fairtrial.model.figure import Cell, Grid, Section
from fairtrial.model.run import Measurements
from fairtrial.model.words import level
from fairtrial.systems.signals.conclude.trials import column, done

TP, SL = "evaluation.tp_ticks", "evaluation.sl_ticks"


def section(measured: Measurements) -> Section | None:
    """Return the mean for each pair of barriers; None unless both vary."""
    if any(path not in measured.factors for path in (TP, SL)):
        return None
    places = [trial.place for trial in done(measured)]
    profits = sorted({measured.factors[TP][place] for place in places})
    losses = sorted({measured.factors[SL][place] for place in places})
    if len(profits) < 2 or len(losses) < 2:
        return None
    metric = "expectancy_net_ticks"
    if not np.isfinite(column(measured, metric)[places]).any():
        metric = "mean_pnl_ticks"
    rows = tuple(
        (f"tp {level(profit)}", *(_mean(measured, metric, profit, loss) for loss in losses)) for profit in profits
    )
    named = "Net expectancy" if metric == "expectancy_net_ticks" else "Mean result between mids, before costs"
    said = (
        f"{named} in ticks a trade, mean over all else that varied; one pair that looks good among many proves little."
    )
    columns = ("", *(f"sl {level(loss)}" for loss in losses))
    return Section("Barriers", (said,), (Grid(columns, rows, decimals=dict.fromkeys(columns, 3)),))


def _mean(measured: Measurements, metric: str, profit: float, loss: float) -> Cell:
    pairs = zip(measured.factors[TP], measured.factors[SL], strict=True)
    there = np.array([pair == (profit, loss) for pair in pairs])
    values = column(measured, metric)[there]
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else None
