"""Random entries: against every offset one by one, drift, stopping, streams, what has no spread."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.signals.judge.fire import Fired
from fairtrial.systems.signals.judge.honest import ground, rules
from fairtrial.systems.signals.judge.overlap import trade
from fairtrial.systems.signals.judge.random import HITS, LEAST, Pattern, chance
from fairtrial.systems.signals.words import Costs, Evaluation

NAN = np.nan
PROMPT = Costs(half_spread=0.5, entry_delay_bins=0)
SIGNALS = 12
"""In each test."""


def patterns_of(market_of, walk, evaluation, *, right, bins=600, seed=0, tests=((100, 300), (300, 520))):
    """Make tests with some ten signals each on one market; the first `right` of each take the side that gains."""
    rng = np.random.default_rng(seed)
    mid, half = walk(bins, rng, moves=0.8)
    mid[rng.random(bins) < 0.02] = NAN
    made = ground(market_of(mid, half), evaluation)
    found = []
    for start, stop in tests:
        at = np.sort(rng.choice(np.arange(start, stop), SIGNALS, replace=False))
        later = np.minimum(at + evaluation.max_hold_bins // 2, bins - 1)
        gains = np.where(made.mid_ticks[later] >= made.mid_ticks[at], 1, -1)
        sides = np.where(np.arange(SIGNALS) < right, gains, -gains).astype(np.int8)
        found.append(Pattern(made, Fired(at, sides), start, stop, stop))
    return found


def plainly(pattern, how, offset, sign):
    """Move and trade one pattern the plain way; return net result and trades of each block."""
    start, stop = pattern.start, pattern.stop
    moved = sorted(
        (start + (at - start + offset) % (stop - start), sign * side)
        for at, side in zip(pattern.fired.bins.tolist(), pattern.fired.sides.tolist(), strict=True)
    )
    fired = Fired(np.array([at for at, _ in moved]), np.array([side for _, side in moved], np.int8))
    opened = trade(pattern.ground, how, fired, reach=stop)
    net = opened.gross_ticks - opened.cost_ticks
    longest = how.hold_bins + how.delay_bins
    sums, trades = np.zeros((2, (stop - start) // longest + 1))
    for entry, one in zip(opened.entry.tolist(), net.tolist(), strict=True):
        if np.isfinite(one):
            sums[(entry - start) // longest] += one
            trades[(entry - start) // longest] += 1
    return sums, trades


def every(tests, how, sign):
    """Return the mean of every pair of offsets, its trades, and the root of its squares, block by block."""
    made = [np.array([plainly(one, how, offset, sign) for offset in range(one.offsets)]) for one in tests]
    one, two = made[0][:, None], made[1][None]
    trades = one[:, :, 1].sum(axis=-1) + two[:, :, 1].sum(axis=-1)
    means = (one[:, :, 0].sum(axis=-1) + two[:, :, 0].sum(axis=-1)) / trades
    over = [((part[:, :, 0] - means[..., None] * part[:, :, 1]) ** 2).sum(axis=-1) for part in (one, two)]
    return means, trades, np.sqrt(over[0] + over[1])


@pytest.mark.parametrize("delay", [0, 3])
@pytest.mark.parametrize("policy", ["skip", "net", "independent"])
def test_every_offset_one_by_one(policy, delay, market_of, walk):
    """The p and the mean are those of all pairs of offsets, within four standard errors; the larger p counts."""
    costs = Costs(half_spread=0.1, entry_delay_bins=delay)
    evaluation = Evaluation(tp_ticks=3, sl_ticks=2, max_hold_bins=20, overlap=policy, costs=costs)
    how, tests = rules(evaluation), patterns_of(market_of, walk, evaluation, right=10)
    seen, p, plain = None, [], None
    for sign in (1, -1):
        means, trades, root = every(tests, how, sign)
        assert (root > 0).all()
        if seen is None:
            plain, seen = means, (means[0, 0], trades[0, 0], root[0, 0])
        error = 4 * means.std() / np.sqrt(LEAST)
        centres = means.mean() + np.array([-error, 0, error])
        reached = [
            ((means - one) * trades / root >= (seen[0] - one) * seen[1] / seen[2] - 1e-9).mean() for one in centres
        ]
        p.append((reached[1], min(reached), max(reached)))
    truth, low, high = max(p)
    found = chance(tests, how, draws=20_000, rng=np.random.default_rng(1))
    assert 0.0005 < truth < 0.3
    error = 4 * np.sqrt(truth * (1 - truth) / found.draws) + 1 / found.draws
    assert low - error <= found.p <= high + error
    assert found.mean_ticks == pytest.approx(plain.mean(), abs=4 * plain.std() / np.sqrt(found.draws))


def test_stopping(market_of, walk):
    """Fifty as good end it, not before 1,000."""
    evaluation = Evaluation(tp_ticks=3, sl_ticks=2, max_hold_bins=20)

    def run(right, draws, seed=0):
        tests = patterns_of(market_of, walk, evaluation, right=right, seed=seed)
        return chance(tests, rules(evaluation), draws=draws, rng=np.random.default_rng(0))

    easy = run(0, 10_000)
    assert easy.draws == LEAST
    assert easy.p > 0.9
    several = [run(9, 20_000, seed) for seed in range(40)]
    rare = [one for one in several if LEAST < one.draws < 20_000]
    assert len(rare) > 5
    for one in rare:
        assert one.p == (1 + HITS) / (1 + one.draws)


def test_the_same_stream_gives_the_same(market_of, walk):
    """And more draws than were needed change nothing."""
    evaluation = Evaluation(tp_ticks=3, sl_ticks=2, max_hold_bins=20)
    how, tests = rules(evaluation), patterns_of(market_of, walk, evaluation, right=8)
    one, two = (chance(tests, how, draws=draws, rng=np.random.default_rng(7)) for draws in (5000, 100_000))
    assert one == two


def test_no_signal_or_no_trade(market_of, walk):
    """Draws without a trade that ended count as good: nothing is discovered from nothing."""
    evaluation = Evaluation(max_hold_bins=1000)
    tests = patterns_of(market_of, walk, evaluation, right=SIGNALS)
    nothing = [one._replace(fired=Fired(one.fired.bins[:0], one.fired.sides[:0])) for one in tests]
    for given in (tests, nothing):
        found = chance(given, rules(evaluation), draws=2000, rng=np.random.default_rng(0))
        assert found.p == 1
        assert np.isnan(found.mean_ticks)


def test_always_long_in_a_rising_market_is_matched(market_of, walk):
    """Signals at even spacing, all long, in a market that only rises: each draw does as well."""
    evaluation = Evaluation(tp_ticks=4, sl_ticks=4, max_hold_bins=50, costs=Costs(half_spread=0.5))
    made = ground(market_of(np.arange(2000) * 0.5, 0.5), evaluation)
    fired = Fired(np.arange(0, 2000, 20), np.ones(100, np.int8))
    tests = [Pattern(made, fired, 0, 2000, 2000)]
    found = chance(tests, rules(evaluation), draws=2000, rng=np.random.default_rng(0))
    assert found.p == 1
    assert found.mean_ticks == pytest.approx(2.5)


@pytest.fixture
def waves(market_of):
    """Trade each turn of a price that goes up and down by 8 ticks in waves of uneven length."""

    def run(sides, *, flat=0, draws=2000):
        rng = np.random.default_rng(3)
        lengths = rng.integers(9, 40, len(sides))
        down = np.arange(len(sides)) % 2
        legs = [np.linspace(8.0 * one, 8.0 - 8 * one, n) for one, n in zip(down, lengths, strict=True)]
        mid = 1000 + np.round(2 * np.concatenate([*legs, np.zeros(flat)])) / 2
        evaluation = Evaluation(tp_ticks=4, sl_ticks=4, max_hold_bins=40, costs=PROMPT)
        turns = np.cumsum(lengths) - lengths
        fired = Fired(turns, np.where(down == 1, -sides, sides).astype(np.int8))
        tests = [Pattern(ground(market_of(mid, 0.5), evaluation), fired, 0, len(mid), len(mid))]
        return chance(tests, rules(evaluation), draws=draws, rng=np.random.default_rng(0))

    return run


def test_all_gain_the_same(waves):
    """No spread, and above what draws gain: only draws by a bin or two are as good, and all draws are used."""
    found = waves(np.ones(60), draws=4321)
    assert found.draws == 4321
    assert found.p < 0.015
    assert found.p * 4322 == pytest.approx(round(found.p * 4322))


def test_all_lose_the_same(waves):
    """No spread, and below what draws gain: every draw is as good."""
    assert waves(-np.ones(60)).p == 1


def test_draws_without_spread_count_as_good(waves):
    """Where most of the time nothing moves, most draws lose the same at each trade, and say nothing."""
    sides = np.where(np.arange(10) == 4, -1, 1)
    moving, still = waves(sides), waves(sides, flat=10_000)
    assert moving.p < 0.05
    assert still.p > 0.9
