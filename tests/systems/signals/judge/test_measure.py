"""Metrics from trades: values by hand, and None where nothing is defined."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from fairtrial.systems.signals.judge import measure
from fairtrial.systems.signals.judge.block import blocks
from fairtrial.systems.signals.judge.fold import Stretch
from fairtrial.systems.signals.record import SL, TIMEOUT, TP, TRUNCATED, TURNED, Trades


def trades(rows):
    """Make trades from (entry, exit, side, outcome, gross); a tick of costs each."""
    columns = [np.array(column) for column in zip(*rows, strict=True)] or [np.empty(0)] * 5
    entry, exits, side, outcome, gross = columns
    zeros = np.zeros(len(entry), np.int64)
    gross = gross.astype(np.float64)
    kinds = (side.astype(np.int8), outcome.astype(np.int8))
    entry, exits = entry.astype(np.int64), exits.astype(np.int64)
    return Trades(zeros, zeros, entry, entry, exits, *kinds, gross, 0 * gross + 1, 0 * gross)


ROWS = [
    (0, 10, 1, TP, 9.0), (4, 6, -1, SL, -4.0), (20, 30, 1, TIMEOUT, 1.0), (25, 40, -1, TURNED, -2.0),
    (50, 52, 1, SL, -5.0), (90, 99, 1, TRUNCATED, np.nan),
]  # fmt: skip


def made(rows, stop=100):
    """All of 100 bins of a second were tested."""
    stretches, found = [Stretch(0, 0, stop, stop)], trades(rows)
    return measure.Tested(found, found.side, stretches, np.array([1.0]), blocks(found, stretches))


def test_rates_are_of_trades_that_ended():
    """Five ended; the truncated one is in none."""
    found = measure.outcomes(trades(ROWS), np.array([0.5]))
    assert found == pytest.approx(
        {"tp_rate": 0.2, "sl_rate": 0.4, "timeout_rate": 0.2, "mean_pnl_ticks": -0.2, "time_to_outcome_s": 1.0}
    )


def test_results():
    """Net 8, -5, 0, -3, -6: by exit the path is -5, 3, 3, 0, -6."""
    found = measure.results(trades(ROWS))
    net = np.array([8, -5, 0, -3, -6.0])
    expected = {
        "expectancy_net_ticks": -1.2, "expectancy_up_ticks": 2 / 3, "expectancy_down_ticks": -4, "cost_ticks": 1,
        "trades": 5, "trades_up": 3, "trades_down": 2, "truncated": 1, "hit_rate": 0.2, "profit_factor": 8 / 14,
        "max_drawdown_ticks": 9, "sharpe_trade": net.mean() / net.std(ddof=1), "skewness": scipy.stats.skew(net),
        "kurtosis": scipy.stats.kurtosis(net, fisher=False),
    }  # fmt: skip
    assert found == pytest.approx(expected)


def test_exposure_counts_a_bin_once():
    """0 to 10 holds 4 to 6; 20 to 40 is shared; 50 to 52; the truncated one is left out."""
    assert measure.exposure(made(ROWS)) == pytest.approx(0.32)


def test_the_ratio_of_an_hour():
    """Results of 10,000 blocks of a minute with mean 0.1 and deviation 1: 0.1 x 60 / sqrt(60), whatever the block."""
    rng = np.random.default_rng(0)
    n = 10_000
    rows = [
        (600 * at + 3, 600 * at + 4, 1, TIMEOUT, gain) for at, gain in enumerate((1.1 + rng.normal(size=n)).tolist())
    ]
    whole = measure.Tested(
        *(getattr(made(rows, 600 * n), name) for name in ("trades", "sides", "stretches")),
        np.array([0.1]),
        made(rows, 600 * n).blocks,
    )
    for hold in (600, 1200, 6000):
        assert measure.sharpe_hour(whole, hold) == pytest.approx(0.1 * 60**0.5, abs=4 * (60 / n) ** 0.5)


def test_nothing_is_none():
    """Without trades: counts are 0, all else is undefined."""
    empty = made([])
    found = {
        **measure.signalled(empty),
        **measure.outcomes(empty.trades, empty.bin_s),
        **measure.results(empty.trades),
        **measure.timed(empty, 50, np.random.default_rng(0)),
        **measure.against_chance(None, None),
        **measure.held_out(None),
    }
    counts = {
        "signals",
        "signals_up",
        "signals_down",
        "events_per_hour",
        "trades",
        "trades_up",
        "trades_down",
        "truncated",
    }
    assert {name for name, value in found.items() if value is not None} == counts | {"exposure"}
    assert not any(found[name] for name in counts)


def test_one_trade_and_equal_trades():
    """No spread, no ratio; no loss, no profit factor."""
    for rows in ([(0, 5, 1, TP, 9.0)], [(0, 5, 1, TP, 9.0), (10, 15, 1, TP, 9.0)]):
        found = measure.results(trades(rows))
        assert found["expectancy_net_ticks"] == 8
        undefined = ("sharpe_trade", "skewness", "kurtosis", "profit_factor", "expectancy_down_ticks")
        assert all(found[name] is None for name in undefined)
        assert found["max_drawdown_ticks"] == 0
