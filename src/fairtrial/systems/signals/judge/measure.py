"""Trades in, metrics out; what is undefined is None."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.stats.series import block_interval, run_length
from fairtrial.systems.signals.judge.block import LATTICE, Columns, joined
from fairtrial.systems.signals.judge.fold import Stretch
from fairtrial.systems.signals.judge.random import Chance
from fairtrial.systems.signals.record import SL, TIMEOUT, TP, Bytes, Floats, Integers, Mask, Trades

Found = Mapping[str, float | None]
LEVEL = 0.95
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Tested:
    """What was tested, and for how long."""

    trades: Trades
    """Outside the final block."""
    sides: Bytes
    """Of the signals that fired."""
    stretches: Sequence[Stretch]
    bin_s: Floats
    """A length for each market."""
    blocks: Columns

    @property
    def hours(self) -> float:
        """Return the tested time."""
        return sum(len(part) * float(self.bin_s[part.market]) for part in self.stretches) / HOUR_S


def signalled(tested: Tested) -> Found:
    """Return how many signals fired."""
    up, down = int((tested.sides > 0).sum()), int((tested.sides < 0).sum())
    rate = (up + down) / tested.hours if tested.hours else None
    return {"signals": up + down, "signals_up": up, "signals_down": down, "events_per_hour": rate}


def outcomes(trades: Trades, bin_s: Floats) -> Found:
    """Return rates of outcomes among the trades that ended, their mean between mids, and the time to a barrier."""
    ended = np.isfinite(trades.gross_ticks)
    kinds = trades.outcome[ended]
    touched = (trades.outcome == TP) | (trades.outcome == SL)
    times = (trades.exit_bin - trades.entry_bin)[touched] * bin_s[trades.market[touched]]
    return {
        "tp_rate": mean((kinds == TP).astype(np.float64)),
        "sl_rate": mean((kinds == SL).astype(np.float64)),
        "timeout_rate": mean((kinds == TIMEOUT).astype(np.float64)),
        "mean_pnl_ticks": mean(trades.gross_ticks[ended]),
        "time_to_outcome_s": float(np.median(times)) if len(times) else None,
    }


def results(trades: Trades) -> Found:
    """Return what was earned after costs, and how it is distributed."""
    ended = np.isfinite(trades.net_ticks)
    net, side = trades.net_ticks[ended], trades.side[ended]
    losses = float(-net[net < 0].sum())
    return {
        "expectancy_net_ticks": mean(net),
        "expectancy_up_ticks": mean(net[side > 0]),
        "expectancy_down_ticks": mean(net[side < 0]),
        "cost_ticks": mean(trades.cost_ticks[ended]),
        "trades": len(net),
        "trades_up": int((side > 0).sum()),
        "trades_down": int((side < 0).sum()),
        "truncated": int((~ended).sum()),
        "hit_rate": mean((net > 0).astype(np.float64)),
        "profit_factor": float(net[net > 0].sum()) / losses if losses else None,
        "max_drawdown_ticks": drawdown(trades, ended),
        **moments(net),
    }


def drawdown(trades: Trades, ended: Mask) -> float | None:
    """Return the largest fall of the summed net result from its peak, the start counted; trades in order of exit."""
    if not ended.any():
        return None
    order = np.lexsort((trades.exit_bin[ended], trades.market[ended]))
    path = np.concatenate([[0.0], np.cumsum(trades.net_ticks[ended][order])])
    return float((np.maximum.accumulate(path) - path).max())


def moments(net: Floats) -> Found:
    """Return the ratio of mean and standard deviation, skewness and kurtosis (of the sample, 3 for a normal one)."""
    if len(net) < 2 or np.ptp(net) == 0:
        return {"sharpe_trade": None, "skewness": None, "kurtosis": None}
    away = (net - net.mean()) / net.std()
    sharpe = float(net.mean() / net.std(ddof=1))
    return {"sharpe_trade": sharpe, "skewness": float((away**3).mean()), "kurtosis": float((away**4).mean())}


def timed(tested: Tested, hold_bins: int, rng: np.random.Generator) -> Found:
    """Return what needs the order of time: interval, exposure, the ratio of an hour."""
    sums, counts = (np.asarray(tested.blocks[name], dtype=np.float64) for name in ("net_ticks", "trades"))
    low, high = block_interval(
        sums, counts, level=LEVEL, run=max(run_length(len(sums)), -(-hold_bins // LATTICE)), rng=rng
    )
    bounded = math.isfinite(low) and math.isfinite(high)
    return {
        "expectancy_low_ticks": low if bounded else None,
        "expectancy_high_ticks": high if bounded else None,
        "exposure": exposure(tested),
        "sharpe_hour": sharpe_hour(tested, hold_bins),
    }


def exposure(tested: Tested) -> float | None:
    """Return the share of the tested bins at whose end a trade was open, of those that ended."""
    total = sum(len(part) for part in tested.stretches)
    trades, ended = tested.trades, np.isfinite(tested.trades.gross_ticks)
    inside = 0
    for market in np.unique(trades.market[ended]):
        mine = ended & (trades.market == market)
        inside += _covered(trades.entry_bin[mine], trades.exit_bin[mine])
    return inside / total if total else None


def _covered(first: Integers, last: Integers) -> int:
    """Return how many bins intervals cover together; they are in order of their first bins."""
    before = np.concatenate([first[:1], np.maximum.accumulate(last)[:-1]])
    return int(np.maximum(last - np.maximum(first, before), 0).sum())


def sharpe_hour(tested: Tested, hold_bins: int) -> float | None:
    """Return mean over standard deviation of the net result of an hour, from blocks as long as the longest trade.

    Mean and variance of a block grow with its length; None below two blocks, and where nothing varies.
    """
    spans = {**tested.blocks, "span": tested.blocks["stop_bin"] - tested.blocks["start_bin"]}
    net, span = joined(spans, "net_ticks", hold_bins), joined(spans, "span", hold_bins)
    if len(net) < 2:
        return None
    rate = net.sum() / span.sum()
    variance = float(((net - rate * span) ** 2 / span).sum() / (len(net) - 1))
    bins = float(span.sum()) / tested.hours
    return float(rate * bins / math.sqrt(variance * bins)) if variance > 0 else None


def against_chance(expectancy: float | None, found: Chance | None) -> Found:
    """Return what random entries say."""
    if expectancy is None or found is None:
        return dict.fromkeys(("random_ticks", "excess_ticks", "p_random", "random_draws"))
    known = math.isfinite(found.mean_ticks)
    return {
        "random_ticks": found.mean_ticks if known else None,
        "excess_ticks": expectancy - found.mean_ticks if known else None,
        "p_random": found.p,
        "random_draws": found.draws,
    }


def held_out(trades: Trades | None) -> Found:
    """Return what the final block says; None: there is none."""
    if trades is None:
        return {"holdout_net_ticks": None, "holdout_trades": None}
    net = trades.net_ticks[np.isfinite(trades.net_ticks)]
    return {"holdout_net_ticks": mean(net), "holdout_trades": len(net)}


def mean(values: Floats) -> float | None:
    """Return the mean; None of nothing."""
    return float(values.mean()) if len(values) else None
