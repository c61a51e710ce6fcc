"""Random entries: against every offset one by one, drift, stopping, streams."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.signals.judge.fire import Fired
from fairtrial.systems.signals.judge.honest import ground, rules
from fairtrial.systems.signals.judge.overlap import trade
from fairtrial.systems.signals.judge.random import HITS, LEAST, Pattern, chance
from fairtrial.systems.signals.words import Costs, Evaluation

NAN = np.nan


def patterns_of(market_of, walk, evaluation, *, bins=600, seed=0, tests=((100, 300), (300, 520))):
    """Make tests with some ten signals each on one market."""
    rng = np.random.default_rng(seed)
    mid, half = walk(bins, rng, moves=0.8)
    mid[rng.random(bins) < 0.02] = NAN
    made = ground(market_of(mid, half), evaluation)
    found = []
    for start, stop in tests:
        bins_ = np.sort(rng.choice(np.arange(start, stop), 12, replace=False))
        fired = Fired(bins_, rng.choice(np.array([1, -1], np.int8), 12))
        found.append(Pattern(made, fired, start, stop, stop))
    return found


def plainly(pattern, how, offset, sign):
    """Move and trade one pattern the plain way; return sum and count."""
    start, stop = pattern.start, pattern.stop
    moved = sorted(
        (start + (at - start + offset) % (stop - start), sign * side)
        for at, side in zip(pattern.fired.bins.tolist(), pattern.fired.sides.tolist(), strict=True)
    )
    fired = Fired(np.array([at for at, _ in moved]), np.array([side for _, side in moved], np.int8))
    opened = trade(pattern.ground, how, fired, reach=stop)
    net = opened.gross_ticks - opened.cost_ticks
    return np.nansum(net), np.isfinite(net).sum()


@pytest.mark.parametrize("policy", ["skip", "net", "independent"])
def test_every_offset_one_by_one(policy, market_of, walk):
    """The p and the mean are those of all pairs of offsets, within four standard errors; the larger p counts."""
    evaluation = Evaluation(tp_ticks=3, sl_ticks=2, max_hold_bins=20, overlap=policy, costs=Costs(half_spread=0.1))
    how, tests = rules(evaluation), patterns_of(market_of, walk, evaluation)
    p, means = [], []
    for sign in (1, -1):
        sides = [np.array([plainly(one, how, offset, sign) for offset in range(one.offsets)]) for one in tests]
        sums = np.add.outer(sides[0][:, 0], sides[1][:, 0])
        counts = np.add.outer(sides[0][:, 1], sides[1][:, 1])
        means.append(sums / counts)
        p.append((means[-1] >= -0.4 - 1e-9).mean())
    found = chance(tests, how, -0.4, draws=20_000, rng=np.random.default_rng(1))
    truth = max(p)
    assert found.p == pytest.approx(truth, abs=4 * np.sqrt(truth * (1 - truth) / found.draws) + 1 / found.draws)
    assert found.mean_ticks == pytest.approx(means[0].mean(), abs=4 * means[0].std() / np.sqrt(found.draws))


def test_stopping(market_of, walk):
    """Fifty as good end it, not before 1,000; else all draws are used, and p says how many."""
    evaluation = Evaluation(tp_ticks=3, sl_ticks=2, max_hold_bins=20)
    how, tests = rules(evaluation), patterns_of(market_of, walk, evaluation)
    easy = chance(tests, how, -1e6, draws=10_000, rng=np.random.default_rng(0))
    assert (easy.draws, easy.p) == (LEAST, 1.0)
    never = chance(tests, how, 1e6, draws=4321, rng=np.random.default_rng(0))
    assert (never.draws, never.p) == (4321, 1 / 4322)
    values = np.sort(
        [chance(tests, how, -3 + 0.1 * at, draws=20_000, rng=np.random.default_rng(0)).p for at in range(40)]
    )
    assert (values > 0.005).any()
    rare = [
        one
        for at in range(40)
        if LEAST < (one := chance(tests, how, -3 + 0.1 * at, draws=20_000, rng=np.random.default_rng(0))).draws < 20_000
    ]
    assert rare
    for one in rare:
        assert one.p == (1 + HITS) / (1 + one.draws)


def test_the_same_stream_gives_the_same(market_of, walk):
    """And more draws than were needed change nothing."""
    evaluation = Evaluation(tp_ticks=3, sl_ticks=2, max_hold_bins=20)
    how, tests = rules(evaluation), patterns_of(market_of, walk, evaluation)
    one, two = (chance(tests, how, -1.5, draws=draws, rng=np.random.default_rng(7)) for draws in (5000, 100_000))
    assert one == two


def test_no_signal_or_no_trade(market_of, walk):
    """Draws without a trade that ended count as good: nothing is discovered from nothing."""
    evaluation = Evaluation(max_hold_bins=1000)
    tests = patterns_of(market_of, walk, evaluation)
    found = chance(tests, rules(evaluation), 5.0, draws=2000, rng=np.random.default_rng(0))
    assert found.p == 1
    assert np.isnan(found.mean_ticks)


def test_always_long_in_a_rising_market_is_matched(market_of, walk):
    """Signals at even spacing, all long, in a market that only rises: each draw does as well."""
    evaluation = Evaluation(tp_ticks=4, sl_ticks=4, max_hold_bins=50, costs=Costs(half_spread=0.5))
    made = ground(market_of(np.arange(2000) * 0.5, 0.5), evaluation)
    fired = Fired(np.arange(0, 2000, 20), np.ones(100, np.int8))
    tests = [Pattern(made, fired, 0, 2000, 2000)]
    found = chance(tests, rules(evaluation), 4 - 1.5, draws=2000, rng=np.random.default_rng(0))
    assert found.p == 1
    assert found.mean_ticks == pytest.approx(2.5)
