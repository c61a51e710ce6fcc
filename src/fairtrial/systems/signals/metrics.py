"""What a trial of this system measures: names, units, and which of them a protocol has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fairtrial.model.study import Direction, Metric

DOWN, UP, NEITHER = Direction.MINIMIZE, Direction.MAXIMIZE, Direction.NONE


def _shared() -> Iterator[Metric]:
    yield Metric("tp_rate", NEITHER, "share", "Trades that reached the take profit first, of those that ended")
    yield Metric("sl_rate", NEITHER, "share", "Trades that reached the stop loss first, of those that ended")
    yield Metric("timeout_rate", NEITHER, "share", "Trades that reached neither in time, of those that ended")
    yield Metric("signals", NEITHER, "", "Signals that fired")
    yield Metric("signals_up", NEITHER, "", "Of these, upwards")
    yield Metric("signals_down", NEITHER, "", "Of these, downwards")
    yield Metric("events_per_hour", NEITHER, "1/h", "Signals an hour of what was tested")
    yield Metric("mean_pnl_ticks", UP, "ticks", "Mean of a trade between mid prices, before costs")
    yield Metric("time_to_outcome_s", NEITHER, "s", "Median time from entry to take profit or stop loss")
    yield Metric("threshold", NEITHER, "", "Threshold of the final block (original: the one with the best tp_rate)")


def _honest() -> Iterator[Metric]:
    yield Metric("expectancy_net_ticks", UP, "ticks", "Mean of a trade after spread, slippage and fees")
    yield Metric("expectancy_low_ticks", NEITHER, "ticks", "Lower end of its 95 % interval, block bootstrap over time")
    yield Metric("expectancy_high_ticks", NEITHER, "ticks", "Upper end of its 95 % interval")
    yield Metric("expectancy_up_ticks", NEITHER, "ticks", "The same mean, long trades")
    yield Metric("expectancy_down_ticks", NEITHER, "ticks", "The same mean, short trades")
    yield Metric("cost_ticks", NEITHER, "ticks", "Mean cost of a trade")
    yield Metric("trades", NEITHER, "", "Trades that ended, outside the final block")
    yield Metric("trades_up", NEITHER, "", "Of these, long")
    yield Metric("trades_down", NEITHER, "", "Of these, short")
    yield Metric("truncated", NEITHER, "", "Trades whose longest time did not fit into the data: in no rate and mean")
    yield Metric("hit_rate", NEITHER, "share", "Trades with a net gain")
    yield Metric("profit_factor", NEITHER, "", "Net gains over net losses; undefined without a loss")
    yield Metric("max_drawdown_ticks", DOWN, "ticks", "Largest fall of the summed net result from its peak")
    yield Metric("exposure", NEITHER, "share", "Share of the tested time with a trade open")
    yield Metric("sharpe_trade", NEITHER, "", "Mean over standard deviation of a trade's net result")
    yield Metric("sharpe_hour", NEITHER, "", "Mean over standard deviation of an hour's net result, from blocks")
    yield Metric("skewness", NEITHER, "", "Skewness of a trade's net result")
    yield Metric("kurtosis", NEITHER, "", "Kurtosis of a trade's net result (3 for a normal one)")
    yield Metric("random_ticks", NEITHER, "ticks", "Mean net result of random entries: same count, sides and spacing")
    yield Metric("excess_ticks", UP, "ticks", "Net expectancy less that of random entries")
    yield Metric("p_random", NEITHER, "share", "Chance that random entries do as well, sides kept or exchanged")
    yield Metric("random_draws", NEITHER, "", "Random entries that p was taken from")
    yield Metric(
        "holdout_net_ticks", NEITHER, "ticks", "Net expectancy in the final block, on which nothing was chosen"
    )
    yield Metric("holdout_trades", NEITHER, "", "Trades that ended in the final block")


GROUPS: Mapping[str, Mapping[str, Metric]] = {
    "honest": {metric.name: metric for metric in (*_honest(), *_shared())},
    "original": {metric.name: metric for metric in _shared()},
}
METRICS: Mapping[str, Metric] = GROUPS["honest"]


OLDER = {
    "threshold": "threshold",
    "signals": "n_signals",
    "signals_up": "n_up",
    "signals_down": "n_down",
    "tp_rate": "tp_rate",
    "sl_rate": "sl_rate",
    "timeout_rate": "timeout_rate",
    "events_per_hour": "events_per_hour",
    "mean_pnl_ticks": "mean_pnl_ticks",
}
"""Metric -> what the older harness called it: a column of its table of thresholds."""


def measured(protocol: str) -> frozenset[str]:
    """Return the names of what a trial measures under a protocol."""
    return frozenset(GROUPS[protocol])
