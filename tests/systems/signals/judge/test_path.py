"""A price path made by hand: what both protocols say of it, worked out on paper."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fairtrial.systems.signals.judge.run import judge
from fairtrial.systems.signals.metrics import measured
from fairtrial.systems.signals.record import SL, TIMEOUT, TP, TRUNCATED, TURNED
from fairtrial.systems.signals.words import Costs, Evaluation, Folds

MID = [
    10, 11, 12, 14, 14, 13, 12, 12, 12, 12, 12,  # 0 to 10: up four from bin 0, down two from 3, flat from 6
    12, 16, 8, 8, 8, 9, 10, 10, 10, 6, 6, 6, 6,  # 11 to 23: a jump up, a jump down over both, up two, a jump down
]  # fmt: skip
SIGNALS = {0: 1, 3: 1, 6: -1, 11: -1, 12: 1, 14: -1, 19: -1, 22: 1}
"""Bin -> side."""


def values():
    """Return the values: the side at its bin, flat elsewhere."""
    found = np.zeros(len(MID))
    for at, side in SIGNALS.items():
        found[at] = side
    return found


@pytest.fixture
def judged(market_of, plain):
    """Judge the path."""

    def run(half=0.5, **given):
        market = market_of(MID, half, bin_s=60.0)
        evaluation = Evaluation(
            tp_ticks=4, sl_ticks=2, max_hold_bins=4, warmup_bins=0, cooldown_bins=1, threshold=1, min_signals=1, **given
        )
        rng = np.random.default_rng(0)
        return judge([market], [values()], signal=plain(), evaluation=evaluation, rng=rng)

    return run


def rows(trades):
    """Return (entry, exit, side, outcome, gross) of each trade."""
    columns = (trades.entry_bin, trades.exit_bin, trades.side, trades.outcome, trades.gross_ticks)
    return [tuple(column[at].item() for column in columns) for at in range(len(trades))]


def test_original(judged):
    """Three bins after the entry are looked at, the same bin's mid is the entry, all trades count, also the last."""
    found = judged(protocol="original")
    assert rows(found.trades) == [
        (0, 3, 1, TP, 4.0),
        (3, 6, 1, SL, -2.0),
        (6, 9, -1, TIMEOUT, 0.0),
        (11, 12, -1, SL, -4.0),  # the jump goes past the stop loss: what is lost is what was seen
        (12, 13, 1, SL, -8.0),  # the jump goes over both barriers
        (14, 17, -1, SL, -2.0),
        (19, 20, -1, TP, 4.0),
        (22, 23, 1, TIMEOUT, 0.0),  # the data end: timed out at the last bin
    ]
    assert {name: column.tolist() for name, column in found.thresholds.items()} == {
        "threshold": [1.0],
        "cooldown_bins": [1],
        "n_signals": [8],
        "n_up": [4],
        "n_down": [4],
        "tp_rate": [2 / 8],
        "sl_rate": [4 / 8],
        "timeout_rate": [2 / 8],
        "events_per_hour": [8 / 0.4],
        "mean_pnl_ticks": [-1.0],
        "median_time_to_outcome_ms": [120_000.0],  # 3, 3, 1, 1, 3, 1 bins of a minute
    }
    assert set(found.metrics) == measured("original")
    assert found.metrics["mean_pnl_ticks"] == -1
    assert found.metrics["time_to_outcome_s"] == 120
    assert found.metrics["threshold"] == 1


def honest(judged, half=0.5, **given):
    """Judge under the honest protocol: one test fold from bin 12 on unless the folds say otherwise, no delay."""
    given.setdefault("folds", Folds(count=1, embargo_bins=0, holdout=0))
    given.setdefault("costs", Costs(entry_delay_bins=0, half_spread=0.25, slippage_ticks=0.125, fee_ticks=0.25))
    return judged(half, **given)


def test_honest(judged):
    """Bins 12 to 23 are tested: four bins are looked at, costs are paid, what does not fit is truncated."""
    found = honest(judged)
    assert rows(found.trades)[:2] == [(12, 13, 1, SL, -8.0), (14, 17, -1, SL, -2.0)]
    third, last = rows(found.trades)[2:]
    assert third == (19, 20, -1, TP, 4.0)  # bins 20 to 23 are the last that there are: it fits
    assert last[:4] == (22, 23, 1, TRUNCATED)
    assert math.isnan(last[4])
    metrics = found.metrics
    assert set(metrics) == measured("honest")
    # half spread and slippage twice, fees once: 0.25 + 0.25 + 0.125 + 0.125 + 0.25 = 1
    expected = {
        "signals": 4, "signals_up": 2, "signals_down": 2, "events_per_hour": 20, "tp_rate": 1 / 3, "sl_rate": 2 / 3,
        "timeout_rate": 0, "mean_pnl_ticks": -2, "time_to_outcome_s": 60, "threshold": 1, "expectancy_net_ticks": -3,
        "expectancy_up_ticks": -9, "expectancy_down_ticks": 0, "cost_ticks": 1, "trades": 3, "trades_up": 1,
        "trades_down": 2, "truncated": 1, "hit_rate": 1 / 3, "profit_factor": 3 / 12, "max_drawdown_ticks": 12,
        "exposure": 5 / 12, "holdout_net_ticks": None, "holdout_trades": None,
    }  # fmt: skip
    assert {name: metrics[name] for name in expected} == pytest.approx(expected)
    net = np.array([-9, -3, 3.0])
    assert metrics["sharpe_trade"] == pytest.approx(-3 / 6)
    assert metrics["skewness"] == pytest.approx(0)
    assert metrics["kurtosis"] == pytest.approx(((net + 3) ** 4).mean() / 24**2)
    assert metrics["expectancy_low_ticks"] is None  # one block of time tells nothing
    assert metrics["sharpe_hour"] is None


def test_entry_delay_and_observed_spread(judged):
    """A bin later the jump is over; the spread is that of the bins of entry and exit."""
    half = np.full(len(MID), 0.5)
    half[15], half[17] = 1.0, 1.5
    found = honest(judged, half, costs=Costs(entry_delay_bins=1, fee_ticks=0.0))
    assert rows(found.trades)[:2] == [
        (13, 17, 1, TIMEOUT, 2.0),
        (20, 23, -1, TRUNCATED, pytest.approx(np.nan, nan_ok=True)),
    ]


def test_the_final_block(judged):
    """The last half is kept apart: what it holds is in its own two metrics only."""
    found = honest(judged, folds=Folds(count=1, embargo_bins=0, holdout=0.5))
    assert found.trades.fold.tolist() == [0, 0, -1, -1, -1, -1]
    assert rows(found.trades)[0][:4] == (6, 10, -1, TIMEOUT)  # in the test, bins 6 to 11
    assert rows(found.trades)[1][:4] == (11, 11, -1, TRUNCATED)
    assert found.metrics["trades"] == 1
    assert found.metrics["expectancy_net_ticks"] == -1
    assert found.metrics["holdout_trades"] == 3
    assert found.metrics["holdout_net_ticks"] == pytest.approx(-3)


def overlapping(market_of, plain, policy, *, mid=None, **given):
    """Judge three signals within an open trade: long at 0, long at 2, short at 4; all of it is a test."""
    mid = [10.0] * 12 if mid is None else mid
    market = market_of(mid, 0.0)
    signals = np.zeros(len(mid))
    signals[[0, 2, 4]] = 1, 1, -1
    evaluation = Evaluation(
        tp_ticks=4, sl_ticks=2, max_hold_bins=6, warmup_bins=0, cooldown_bins=1, threshold=1, overlap=policy,
        costs=Costs(entry_delay_bins=0, fee_ticks=0.0), folds=Folds(count=1, embargo_bins=0, holdout=1.0), **given,
    )  # fmt: skip
    found = judge([market], [signals], signal=plain(), evaluation=evaluation, rng=np.random.default_rng(0))
    return [row[:4] for row in rows(found.trades)]


def test_policies(market_of, plain):
    """skip: only the first; net: the short one turns it; independent: all three."""
    assert overlapping(market_of, plain, "skip") == [(0, 6, 1, TIMEOUT)]
    assert overlapping(market_of, plain, "net") == [(0, 4, 1, TURNED), (4, 10, -1, TIMEOUT)]
    assert overlapping(market_of, plain, "independent") == [
        (0, 6, 1, TIMEOUT), (2, 8, 1, TIMEOUT), (4, 10, -1, TIMEOUT),
    ]  # fmt: skip


def test_a_touch_in_the_bin_of_a_turn_is_a_touch(market_of, plain):
    """At bin 4 the price reaches the take profit, and the short signal comes: closed there, the next one opened."""
    mid = [10.0, 10, 10, 10, 14] + [14.0] * 7
    assert overlapping(market_of, plain, "net", mid=mid) == [(0, 4, 1, TP), (4, 10, -1, TIMEOUT)]
    assert overlapping(market_of, plain, "skip", mid=mid) == [(0, 4, 1, TP), (4, 10, -1, TIMEOUT)]


def test_no_entry_without_a_price(market_of, plain):
    """Where the book is not valid nothing is entered, and nothing touched: the signal counts, a trade it is not."""
    mid = [10.0] * 12
    mid[0] = mid[3] = np.nan
    assert overlapping(market_of, plain, "skip", mid=mid) == [(2, 8, 1, TIMEOUT)]
