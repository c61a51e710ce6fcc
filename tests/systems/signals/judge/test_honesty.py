"""What the judge says where the truth is known: no discoveries without an edge, and an edge with sign and size."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import beta

from fairtrial.stats.multiplicity import holm
from fairtrial.systems.signals.judge.run import judge
from fairtrial.systems.signals.words import Costs, Evaluation, Folds

BINS = 9000
EVALUATION = Evaluation(
    max_hold_bins=300, warmup_bins=100, draws=5000, costs=Costs(half_spread=0.5), folds=Folds(embargo_bins=100)
)
COST = 0.5 + 0.5 + 0.5
"""Half the spread twice, and fees."""
QUANTILES = (0.5, 0.7, 0.8, 0.9, 0.95)
PROBABILITIES = (0.5, 0.55, 0.6, 0.65, 0.8)


def lower(hits, repeats):
    """Return the lower Clopper-Pearson bound of a rate."""
    return beta.ppf(0.025, hits, repeats - hits + 1) if hits else 0.0


def upper(hits, repeats):
    """Return the upper one."""
    return beta.ppf(0.975, hits + 1, repeats - hits) if hits < repeats else 1.0


def smoothed(mid, memory):
    """Return an average of past changes of the mid, in standard deviations."""
    found = lfilter([1 - memory], [1, -memory], np.diff(mid, prepend=mid[0]))
    return found / found.std()


def logistic(values):
    """Return probabilities."""
    return 1 / (1 + np.exp(-values))


def state(plain):
    """A signal that fires when its state changes, at quantiles."""
    return plain("state", quantiles=QUANTILES)


def probability(plain, levels=PROBABILITIES):
    """A signal that fires whenever its probability is high enough."""
    return plain("probability", levels)


CELLS = {
    "noise": lambda p, ar, mid, rng: (ar(BINS, rng, 0.0), state(p)),
    "lingers for 10 bins": lambda p, ar, mid, rng: (ar(BINS, rng, 0.9), state(p)),
    "lingers for 100 bins": lambda p, ar, mid, rng: (ar(BINS, rng, 0.99), state(p)),
    "probability": lambda p, ar, mid, rng: (logistic(ar(BINS, rng, 0.98)), probability(p)),
    "confidence": lambda p, ar, mid, rng: (ar(BINS, rng, 0.95), p("confidence", (0.0, 0.2, 0.5, 1.0))),
    "always long": lambda p, ar, mid, rng: (0.9 + 0.02 * ar(BINS, rng, 0.9), probability(p, (0.6, 0.7, 0.8))),
    "mostly long": lambda p, ar, mid, rng: (logistic(1 + ar(BINS, rng, 0.9)), probability(p, (0.6, 0.7, 0.8))),
    "follows the price": lambda p, ar, mid, rng: (smoothed(mid, 0.98), state(p)),
    "leans against the price": lambda p, ar, mid, rng: (-smoothed(mid, 0.98), state(p)),
    "leans against it whenever": lambda p, ar, mid, rng: (-smoothed(mid, 0.99), p("confidence", (0.5, 1.0, 1.5))),
}
"""Values and a signal, of a market without an edge."""


@pytest.fixture
def judged(market_of, walk, lingering, plain):
    """Judge one cell on one random walk; return the metrics."""

    def run(cell, seed, *, drift=0.0, policy="skip"):
        rng = np.random.default_rng([0, seed])
        mid, half = walk(BINS, rng, drift=drift)
        values, signal = CELLS[cell](plain, lingering, mid, rng)
        evaluation = EVALUATION.model_copy(update={"overlap": policy})
        return judge([market_of(mid, half)], [values], signal=signal, evaluation=evaluation, rng=rng).metrics

    return run


def discoveries(judged, repeats, cell, **given):
    """Return how often p is at most 0.05, how often the interval holds the cost, and of how many intervals."""
    found, held, intervals = 0, 0, 0
    for seed in range(repeats):
        metrics = judged(cell, seed, **given)
        found += metrics["p_random"] is not None and metrics["p_random"] <= 0.05
        if metrics["expectancy_low_ticks"] is not None:
            intervals += 1
            held += metrics["expectancy_low_ticks"] <= -COST <= metrics["expectancy_high_ticks"]
    return found, held, intervals


@pytest.mark.parametrize("cell", ["lingers for 10 bins", "probability", "leans against the price"])
def test_no_discoveries_in_short(judged, cell):
    """150 random walks."""
    found, held, intervals = discoveries(judged, 150, cell)
    assert lower(found, 150) <= 0.05
    assert upper(held, intervals) >= 0.95


@pytest.mark.long
@pytest.mark.parametrize("cell", CELLS)
def test_no_discoveries(judged, cell):
    """1,000 random walks: at most 5 % with p <= 0.05, and the interval holds the truth, minus what a trade costs."""
    found, held, intervals = discoveries(judged, 1000, cell)
    assert lower(found, 1000) <= 0.05
    assert intervals >= 900
    assert upper(held, intervals) >= 0.95


@pytest.mark.long
@pytest.mark.parametrize("policy", ["net", "independent"])
@pytest.mark.parametrize("cell", ["lingers for 100 bins", "probability", "leans against the price"])
def test_no_discoveries_under_other_policies(judged, cell, policy):
    """The same where open trades are turned, and where all trade."""
    found, _, _ = discoveries(judged, 1000, cell, policy=policy)
    assert lower(found, 1000) <= 0.05


@pytest.mark.long
@pytest.mark.parametrize("cell", ["always long", "mostly long", "lingers for 100 bins", "leans against the price"])
def test_drift_is_no_discovery(judged, cell):
    """The mid rises by 0.004 ticks a bin: being long earns it, and so do random entries that are as often long."""
    found, _, _ = discoveries(judged, 1000, cell, drift=0.004)
    assert lower(found, 1000) <= 0.05


def test_drift_in_short(judged):
    """100 markets that rise: being always long gains, and is not discovered."""
    metrics = [judged("always long", seed, drift=0.004) for seed in range(100)]
    gained = [one["mean_pnl_ticks"] for one in metrics]
    assert np.mean(gained) > 3 * np.std(gained) / np.sqrt(len(gained))
    assert lower(sum(one["p_random"] <= 0.05 for one in metrics), 100) <= 0.05


SHORT_LIVED = EVALUATION.model_copy(
    update={"tp_ticks": 4, "sl_ticks": 4, "max_hold_bins": 60, "cooldown_bins": 5, "overlap": "independent"}
)
"""Many short trades, which overlap."""


def bursts(bins, rng):
    """Return moves per bin of a market that hardly moves but for a few bursts, and of how many half ticks they are."""
    moves = np.full(bins, 0.05)
    for start in rng.integers(0, bins, rng.poisson(bins / 3000)):
        moves[start : start + 200] = 0.95
    return moves, np.where(moves > 0.5, 3, 1)


def spells(bins, rng):
    """Return the same of a market that goes from quiet to volatile and back, for a minute or more each."""
    volatile, at, now = np.zeros(bins, np.bool_), 0, bool(rng.random() < 0.3)
    while at < bins:
        stop = at + rng.geometric(1 / 600 if now else 1 / 1500)
        volatile[at:stop] = now
        at, now = stop, not now
    return np.where(volatile, 0.9, 0.08), np.where(volatile, 3, 1)


VOLATILE = {
    "follows the price": lambda mid, rng: smoothed(mid, 0.98),
    "leans against the price": lambda mid, rng: -smoothed(mid, 0.98),
    "leans against it for long": lambda mid, rng: -smoothed(mid, 0.995),
    "louder while it moves": lambda mid, rng: (
        rng.normal(size=len(mid)) * np.sqrt(lfilter([0.01], [1, -0.99], np.diff(mid, prepend=mid[0]) ** 2))
    ),
}
"""Signals that fire where the price moves much, of a market without an edge."""


@pytest.fixture
def unsteady(market_of, plain):
    """Judge one signal on one market whose volatility changes; return p."""

    def run(volatility, cell, seed):
        rng = np.random.default_rng([3, seed])
        moves, size = volatility(12_000, rng)
        steps = size * rng.choice([-1, 1], len(moves)) * (rng.random(len(moves)) < moves)
        mid = (80_000 + np.cumsum(steps)) / 2
        signal, values = plain("state", quantiles=(*QUANTILES, 0.99)), VOLATILE[cell](mid, rng)
        evaluation = SHORT_LIVED.model_copy(update={"draws": 1000})
        return judge([market_of(mid, 0.5)], [values], signal=signal, evaluation=evaluation, rng=rng).metrics["p_random"]

    return run


def rates(unsteady, repeats, volatility, cell):
    """Return how often p is at most 0.05, and at most 0.01."""
    p = [unsteady(volatility, cell, seed) for seed in range(repeats)]
    return [sum(one is not None and one <= level for one in p) for level in (0.05, 0.01)]


@pytest.mark.parametrize("cell", ["leans against the price", "leans against it for long"])
def test_bursts_are_no_discovery_in_short(unsteady, cell):
    """150 markets with bursts, in which the mean alone is a discovery in 13 to 20 %."""
    assert lower(rates(unsteady, 150, bursts, cell)[0], 150) <= 0.05


@pytest.mark.long
@pytest.mark.parametrize("volatility", [bursts, spells])
@pytest.mark.parametrize("cell", VOLATILE)
def test_volatility_is_no_discovery(unsteady, cell, volatility):
    """3,000 markets, of which 30 may have p <= 0.01: many short trades that overlap, where the price moves much."""
    five, one = rates(unsteady, 3000, volatility, cell)
    assert lower(five, 3000) <= 0.05
    assert lower(one, 3000) <= 0.01


def family(judged, repeats):
    """Return in how many data sets any of 20 configurations is a discovery after Holm's correction."""
    cells = [(cell, policy) for cell in CELLS for policy in ("skip", "net")]
    assert len(cells) == 20
    hits = 0
    for seed in range(repeats):
        p = [judged(cell, seed, policy=policy)["p_random"] for cell, policy in cells]
        hits += any(one is not None and one <= 0.05 for one in holm(p))
    return hits


def test_a_family_of_twenty_in_short(judged):
    """8 data sets."""
    assert lower(family(judged, 8), 8) <= 0.05


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_family_of_twenty(judged):
    """1,000 data sets with 20 configurations each: at most 5 % have any discovery."""
    assert lower(family(judged, 1000), 1000) <= 0.05


HOUR = 36_000
EDGE = 0.15
"""Half ticks that the mid moves on average in a bin towards a signal beyond 1; 1.5 ticks a trade, of 5 of spread."""
POWER = 0.85
FIXED = EVALUATION.model_copy(update={"threshold": 1.0})


@pytest.fixture
def foretold(market_of, lingering, plain):
    """Judge a market whose mid follows the signal, at threshold 1."""

    def run(bins, rng, edge, evaluation=FIXED):
        values = lingering(bins, rng, 0.98)
        toward = edge * np.sign(values) * (np.abs(values) >= 1)
        steps = (rng.random(bins) < 0.35) * np.where(rng.random(bins) < 0.5 + toward / 0.7, 1, -1)
        mid = (8000 + np.concatenate([[0], np.cumsum(steps[:-1])])) / 2
        return judge([market_of(mid, 0.5)], [values], signal=plain(), evaluation=evaluation, rng=rng).metrics

    return run


def found(foretold, repeats, edge, *, bins=3_000_000):
    """Return the metrics of hours with an edge, and the true expectancy, from many bins."""
    truth = foretold(bins, np.random.default_rng(1), edge, FIXED.model_copy(update={"draws": 1000}))
    hours = [foretold(HOUR, np.random.default_rng([2, seed]), edge) for seed in range(repeats)]
    return hours, truth


def check(hours, truth, edge):
    """Sign, size and intervals; where the edge pays, it is found as often as stated."""
    repeats = len(hours)
    excess = np.array([one["excess_ticks"] for one in hours])
    net = np.array([one["expectancy_net_ticks"] for one in hours])
    error = net.std(ddof=1) / np.sqrt(repeats)
    assert (np.sign(excess) == np.sign(edge)).mean() > 0.95
    assert abs(net.mean() - truth["expectancy_net_ticks"]) < 4 * error
    held = [
        one["expectancy_low_ticks"] <= truth["expectancy_net_ticks"] <= one["expectancy_high_ticks"] for one in hours
    ]
    assert upper(sum(held), repeats) >= 0.95
    hits = sum(one["p_random"] <= 0.05 for one in hours)
    assert (upper(hits, repeats) >= POWER and hits / repeats > 0.75) if edge > 0 else hits == 0


def test_an_edge_in_short(foretold):
    """30 hours."""
    check(*found(foretold, 30, EDGE, bins=500_000), EDGE)


@pytest.mark.long
@pytest.mark.parametrize("edge", [EDGE, -EDGE])
def test_an_edge_is_found_with_sign_and_size(foretold, edge):
    """400 hours each: found in 85 % of them; against the signal in none."""
    check(*found(foretold, 400, edge), edge)
