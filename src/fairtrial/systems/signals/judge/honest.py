"""The honest protocol: thresholds chosen in training, trades in tests that follow it, a final block left alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fairtrial.systems.signals.judge import measure
from fairtrial.systems.signals.judge.barrier import Barriers, filled, passages
from fairtrial.systems.signals.judge.block import blocks
from fairtrial.systems.signals.judge.choose import Judgeable, Setting, best, tried
from fairtrial.systems.signals.judge.cost import crossing_ticks
from fairtrial.systems.signals.judge.fire import Fired
from fairtrial.systems.signals.judge.fold import Fold, cut
from fairtrial.systems.signals.judge.judged import Judged, together
from fairtrial.systems.signals.judge.overlap import POLICIES, Ground, Opened, Rules
from fairtrial.systems.signals.judge.random import Pattern, chance
from fairtrial.systems.signals.record import Floats, Market, Trades
from fairtrial.systems.signals.words import Evaluation

TRIED = ("fold", "threshold", "trades", "net_ticks", "chosen")


@dataclass(frozen=True, slots=True)
class Done:
    """A fold, traded."""

    fold: Fold
    threshold: float
    """NaN: there was nothing to choose from, and nothing is traded."""
    fired: Fired
    opened: Opened

    @property
    def trades(self) -> Trades:
        """Return its trades."""
        one, zeros = self.opened, np.zeros(len(self.opened.entry), np.int64)
        return Trades(
            market=zeros + self.fold.test.market,
            fold=zeros + self.fold.number,
            signal_bin=one.signal,
            entry_bin=one.entry,
            exit_bin=one.exit,
            side=one.side,
            outcome=one.outcome,
            gross_ticks=one.gross_ticks,
            cost_ticks=one.cost_ticks,
            threshold=np.full(len(zeros), self.threshold),
        )


def honest(
    markets: Sequence[Market],
    values: Sequence[Floats],
    *,
    signal: Judgeable,
    evaluation: Evaluation,
    rng: np.random.Generator,
) -> Judged:
    """Judge a signal's values; nothing of the final block is in any metric but its own two."""
    setting = Setting([ground(market, evaluation) for market in markets], values, signal, evaluation, rules(evaluation))
    time = cut([len(market) for market in markets], evaluation)
    rows: list[tuple[Any, ...]] = []
    tests = [_done(setting, fold, rows) for fold in time.folds]
    final = [_done(setting, time.final, rows)] if time.final else []
    trades = together([one.trades for one in tests])
    tested = measure.Tested(
        trades,
        np.concatenate([np.empty(0, np.int8), *(one.fired.sides for one in tests)]),
        [one.fold.test for one in tests],
        np.array([market.bin_s for market in markets]),
        blocks(trades, [one.fold.test for one in tests]),
    )
    metrics = {
        **measure.signalled(tested),
        **measure.outcomes(trades, tested.bin_s),
        **measure.results(trades),
        **measure.timed(tested, evaluation.max_hold_bins, rng),
        **_by_chance(setting, tests, trades, rng),
        **measure.held_out(final[0].trades if final else None),
        "threshold": _latest([*tests, *final]),
    }
    table = {name: np.array([row[at] for row in rows]) for at, name in enumerate(TRIED)}
    return Judged(metrics, together([trades, *(one.trades for one in final)]), table, tested.blocks)


def _latest(folds: Sequence[Done]) -> float | None:
    """Return the threshold that was chosen on most: before the final block, without one before the last test."""
    return None if not folds or math.isnan(folds[-1].threshold) else folds[-1].threshold


def ground(market: Market, evaluation: Evaluation) -> Ground:
    """Make a market ready for trades: what becomes of an entry at each bin, and what it costs."""
    mid = market.mid_ticks
    known = filled(mid)
    barriers = Barriers(evaluation.tp_ticks, evaluation.sl_ticks, evaluation.max_hold_bins)
    crossing = crossing_ticks(market, evaluation.costs)
    return Ground(known, np.isfinite(mid) & np.isfinite(crossing), crossing, passages(known, barriers))


def rules(evaluation: Evaluation) -> Rules:
    """Return how entries follow from signals."""
    costs, policy = evaluation.costs, POLICIES.index(evaluation.overlap)
    return Rules(costs.entry_delay_bins, evaluation.max_hold_bins, policy, costs.fee_ticks)


def _done(setting: Setting, fold: Fold, rows: list[tuple[Any, ...]]) -> Done:
    """Choose the threshold of a fold, write down what was tried, and trade its test."""
    found = tried(setting, fold.training)
    chosen = best(found, setting.evaluation.min_signals)
    rows += [(fold.number, one.threshold, one.trades, one.net_ticks, one is chosen) for one in found]
    fired, threshold = Fired(np.empty(0, np.int64), np.empty(0, np.int8)), math.nan
    if chosen is not None:
        fired, threshold = setting.fired(fold.test, chosen.threshold), chosen.threshold
    return Done(fold, threshold, fired, setting.traded(fold.test, fired))


def _by_chance(
    setting: Setting, tests: Sequence[Done], trades: Trades, rng: np.random.Generator
) -> Mapping[str, float | None]:
    """Compare with random entries; there is nothing to compare where no trade ended."""
    expectancy = measure.mean(trades.net_ticks[np.isfinite(trades.net_ticks)])
    if expectancy is None:
        return measure.against_chance(None, None)
    patterns = [
        Pattern(setting.grounds[test.market], one.fired, test.start, test.stop, test.reach)
        for one, test in ((one, one.fold.test) for one in tests)
    ]
    found = chance(patterns, setting.rules, draws=setting.evaluation.draws, rng=rng)
    return measure.against_chance(expectancy, found)
