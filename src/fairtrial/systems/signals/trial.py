"""One trial: a signal's values on its data, judged under a protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairtrial.contract.system import Context
from fairtrial.systems.signals.catalogue import signal
from fairtrial.systems.signals.judge.run import judge
from fairtrial.systems.signals.parameters import Parameters
from fairtrial.systems.signals.record import OUTCOMES, Trades
from fairtrial.systems.signals.stage import Stage


def run(parameters: Parameters, context: Context, stage: Stage) -> Mapping[str, float | None]:
    """Do one trial. Raises UserError for data that are not there, or were changed."""
    markets, values = stage.values(parameters.signal, parameters.data, context)
    found = judge(
        markets, values, signal=signal(parameters.signal.name), evaluation=parameters.evaluation,
        rng=context.rng("judge"),
    )  # fmt: skip
    for name, frame in (("thresholds", found.thresholds), ("blocks", found.blocks)):
        if frame:
            context.table(name, frame)
    if parameters.trades:
        context.table("trades", _table(found.trades))
    return found.metrics


def _table(trades: Trades) -> dict[str, Any]:
    """Return the raw table `trades`: a row a trade."""
    names = ("market", "fold", "signal_bin", "entry_bin", "exit_bin", "side", "gross_ticks", "cost_ticks", "threshold")
    outcome = [OUTCOMES[kind] for kind in trades.outcome.tolist()]
    return {**{name: getattr(trades, name) for name in names}, "net_ticks": trades.net_ticks, "outcome": outcome}
