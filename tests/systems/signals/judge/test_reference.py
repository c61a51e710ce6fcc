"""Both protocols against a plain reference, written from the rules alone: lists, loops, no shared code."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fairtrial.systems.signals.judge.run import judge
from fairtrial.systems.signals.record import OUTCOMES
from fairtrial.systems.signals.words import Costs, Evaluation, Folds


def side_of(value, threshold, mode):
    """Return +1, -1 or 0."""
    if math.isnan(value):
        return 0
    if mode == "confidence":
        return int(np.sign(value)) if abs(value) >= threshold else 0
    if value >= threshold:
        return 1
    return -1 if value <= (1 - threshold if mode == "probability" else -threshold) else 0


def fires(values, threshold, mode, cooldown):
    """Return [(bin, side)]."""
    found, before, last = [], 0, None
    for at, value in enumerate(values):
        side = side_of(value, threshold, mode)
        wanted = side != 0 and (mode != "state" or side != before)
        if wanted and (last is None or at - last >= cooldown):
            found.append((at, side))
            last = at
        before = side
    return found


def outcome_of(mid, entry, side, evaluation, last):
    """Return (exit bin, outcome) among the bins after the entry up to `last`."""
    for at in range(entry + 1, last + 1):
        if not math.isnan(mid[at]) and not math.isnan(mid[entry]):
            moved = side * (mid[at] - mid[entry])
            if moved >= evaluation.tp_ticks:
                return at, "tp"
            if moved <= -evaluation.sl_ticks:
                return at, "sl"
    return last, "timeout"


def latest(numbers, at):
    """Return the last number up to there."""
    while at >= 0 and math.isnan(numbers[at]):
        at -= 1
    return numbers[at] if at >= 0 else math.nan


def original(mid, values, threshold, mode, evaluation):
    """Return [(signal bin, exit, side, outcome, gross)]."""
    found, n = [], len(mid)
    for cut_bin, side in fires(values[evaluation.warmup_bins :], threshold, mode, evaluation.cooldown_bins):
        at = cut_bin + evaluation.warmup_bins
        last = min(at + evaluation.max_hold_bins, n) - 1
        exit_, outcome = outcome_of(mid, at, side, evaluation, last)
        found.append((at, exit_, side, outcome, side * (latest(mid, exit_) - mid[at])))
    return found


def honest(market, values, stretch, threshold, mode, evaluation):
    """Return [[signal, entry, exit, side, outcome, gross, cost]] of a stretch (start, stop, reach)."""
    start, stop, reach = stretch
    mid, half, costs = market.mid_ticks, market.half_spread_ticks, evaluation.costs
    trades = []

    def spread(at):
        return latest(half, at) if costs.half_spread == "observed" else costs.half_spread

    for cut_bin, side in fires(values[start:stop], threshold, mode, evaluation.cooldown_bins):
        signal = start + cut_bin
        entry = signal + costs.entry_delay_bins
        if entry < reach and math.isnan(mid[entry]):
            continue
        if evaluation.overlap != "independent" and trades and entry < trades[-1][2]:
            if evaluation.overlap == "skip" or trades[-1][3] == side:
                continue
            trades[-1][2] = entry
            if trades[-1][4] != "truncated":
                trades[-1][4] = "turned"
        if entry + evaluation.max_hold_bins >= reach:
            exit_ = outcome_of(mid, entry, side, evaluation, reach - 1)[0] if entry < reach else entry
            trades.append([signal, entry, exit_, side, "truncated", math.nan, math.nan])
        else:
            exit_, outcome = outcome_of(mid, entry, side, evaluation, entry + evaluation.max_hold_bins)
            trades.append([signal, entry, exit_, side, outcome, 0, 0])
    for trade in trades:
        if trade[4] != "truncated":
            trade[5] = trade[3] * (latest(mid, trade[2]) - mid[trade[1]])
            trade[6] = spread(trade[1]) + spread(trade[2]) + 2 * costs.slippage_ticks + costs.fee_ticks
    return trades


def choose(market, values, training, signal, evaluation):
    """Return the threshold that a stretch of training teaches; None: there is nothing to choose from."""
    start, stop, _ = training
    known = values[start:stop]
    known = known[~np.isnan(known)]
    if stop <= start or not len(known):
        return None
    tried = []
    for threshold in signal.thresholds(known):
        trades = honest(market, values, training, threshold, signal.mode, evaluation)
        net = [trade[5] - trade[6] for trade in trades if trade[4] != "truncated"]
        tried.append((len(net), sum(net) / len(net) if net else 0.0, threshold))
    enough = [(mean, -threshold) for count, mean, threshold in tried if count >= evaluation.min_signals]
    if enough:
        top = max(mean for mean, _ in enough)
        return min(-threshold for mean, threshold in enough if mean > top - 1e-9)
    most = max(count for count, _, _ in tried)
    return min(threshold for count, _, threshold in tried if count == most)


def stretches(n, evaluation):
    """Yield (number, test, training) as the words of the folds say."""
    folds, warm = evaluation.folds, evaluation.warmup_bins
    final = n - round(folds.holdout * (n - warm))
    edges = [warm + (final - warm) * at // (folds.count + 1) for at in range(folds.count + 2)]
    tests = [(at, edges[at + 1], edges[at + 2]) for at in range(folds.count)] + [(-1, final, n)]
    for number, start, stop in tests:
        reach = start - folds.embargo_bins
        yield (
            number,
            (start, stop, stop),
            (warm, reach - evaluation.costs.entry_delay_bins - evaluation.max_hold_bins, reach),
        )


def random_case(number, market_of, walk, lingering, plain):
    """Draw a market with gaps, values with gaps, a signal and an evaluation."""
    rng = np.random.default_rng([5, number])
    n = int(rng.integers(900, 2000))
    mid, half = walk(n, rng, moves=0.6)
    mid[rng.random(n) < rng.choice([0, 0.03])] = np.nan
    mode = ("state", "probability", "confidence")[number % 3]
    values = lingering(n, rng, rng.choice([0.0, 0.9, 0.99]))
    if mode == "probability":
        values = 1 / (1 + np.exp(-values))
    values[rng.random(n) < rng.choice([0, 0.05])] = np.nan
    levels = (0.5, 0.55, 0.6, 0.9) if mode == "probability" else (0.0, 0.3, 0.8, 2.0)
    signal = plain(mode, levels, () if number % 2 else (0.3, 0.6, 0.9))
    given = {
        "tp_ticks": float(rng.choice([2, 4, 8, 2.5])), "sl_ticks": float(rng.choice([1.5, 4, 8])),
        "max_hold_bins": int(rng.integers(2, 80)), "warmup_bins": int(rng.integers(0, 100)),
        "cooldown_bins": int(rng.choice([0, 1, 5, 30])), "min_signals": int(rng.choice([1, 5, 20])),
    }  # fmt: skip
    folds = Folds(
        count=int(rng.integers(1, 5)), embargo_bins=int(rng.integers(0, 50)), holdout=float(rng.choice([0, 0.2]))
    )
    spread = "observed" if rng.random() < 0.5 else 0.75
    costs = Costs(entry_delay_bins=int(rng.integers(0, 4)), half_spread=spread, slippage_ticks=0.1, fee_ticks=0.3)
    return market_of(mid, half), values, signal, given, {"folds": folds, "costs": costs, "draws": 1000}, rng


def numbers(trades, at):
    """Return one trade of ours as the reference writes it."""
    return [
        trades.signal_bin[at], trades.entry_bin[at], trades.exit_bin[at], trades.side[at], OUTCOMES[trades.outcome[at]],
        trades.gross_ticks[at], trades.cost_ticks[at],
    ]  # fmt: skip


def same(ours, theirs):
    """Compare trades; NaN equals NaN."""
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one[:5] == other[:5]
        assert one[5:] == pytest.approx(other[5:], abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("policy", ["skip", "net", "independent"])
@pytest.mark.parametrize("number", range(12))
def test_honest(number, policy, market_of, walk, lingering, plain):
    """Thresholds and trades of every fold are those of the reference, and the mean follows from them."""
    market, values, signal, given, more, rng = random_case(number, market_of, walk, lingering, plain)
    evaluation = Evaluation(overlap=policy, **given, **more)
    found = judge([market], [values], signal=signal, evaluation=evaluation, rng=rng)
    every = []
    for fold, test, training in stretches(len(market), evaluation):
        threshold = choose(market, values, training, signal, evaluation)
        chosen = [
            value
            for value, of, yes in zip(
                *(found.thresholds.get(name, []) for name in ("threshold", "fold", "chosen")), strict=True
            )
            if yes and of == fold
        ]
        if fold >= 0 or evaluation.folds.holdout:
            assert chosen == pytest.approx([] if threshold is None else [threshold])
        expected = [] if threshold is None else honest(market, values, test, threshold, signal.mode, evaluation)
        same([numbers(found.trades, at) for at in np.flatnonzero(found.trades.fold == fold)], expected)
        every += expected if fold >= 0 else []
    net = [trade[5] - trade[6] for trade in every if trade[4] != "truncated"]
    assert found.metrics["trades"] == len(net)
    assert found.metrics["truncated"] == len(every) - len(net)
    if net:
        assert found.metrics["expectancy_net_ticks"] == pytest.approx(sum(net) / len(net))
        assert found.blocks["net_ticks"].sum() == pytest.approx(sum(net))


@pytest.mark.parametrize("number", range(18))
def test_original(number, market_of, walk, lingering, plain):
    """Trades and rows of every threshold are those of the reference."""
    market, values, signal, given, _, rng = random_case(number, market_of, walk, lingering, plain)
    evaluation = Evaluation(protocol="original", **given)
    found = judge([market], [values], signal=signal, evaluation=evaluation, rng=rng)
    known = values[evaluation.warmup_bins :]
    levels = signal.thresholds(known[~np.isnan(known)])
    assert found.thresholds["threshold"].tolist() == pytest.approx(levels)
    for at, level in enumerate(found.thresholds["threshold"].tolist()):
        expected = original(market.mid_ticks, values, level, signal.mode, evaluation)
        mine = np.flatnonzero(found.trades.threshold == level)
        ours = [[*numbers(found.trades, one)[1:6]] for one in mine]
        assert [one[:4] for one in ours] == [list(one[:4]) for one in expected]
        gross = [one[4] for one in expected]
        assert [one[4] for one in ours] == pytest.approx(gross, nan_ok=True, abs=1e-9)
        row = {name: column[at] for name, column in found.thresholds.items()}
        assert row["n_signals"] == len(expected)
        if expected:
            kinds = [one[3] for one in expected]
            rates = [kinds.count(kind) / len(kinds) for kind in ("tp", "sl", "timeout")]
            assert [row["tp_rate"], row["sl_rate"], row["timeout_rate"]] == pytest.approx(rates)
            assert row["mean_pnl_ticks"] == pytest.approx(
                np.nanmean(gross) if not np.isnan(gross).all() else np.nan, nan_ok=True
            )
            assert row["events_per_hour"] == pytest.approx(len(expected) / (len(market) * 0.1 / 3600))
            times = [(one[1] - one[0]) * 100 for one in expected if one[3] != "timeout"]
            assert row["median_time_to_outcome_ms"] == pytest.approx(np.median(times) if times else np.nan, nan_ok=True)
