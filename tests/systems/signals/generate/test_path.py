"""The path of the quotes: drift, volatility, spread and intent are as asked, within three standard errors."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.signals.generate.pace import foretold_ticks, pace
from fairtrial.systems.signals.generate.path import path
from fairtrial.systems.signals.words import Synthetic

SECONDS = 1800


def each(synthetic, measured, count=120):
    """Measure paths of half an hour; return the mean and three standard errors of it."""
    rates = pace(synthetic)
    found = np.array([measured(path(rates, SECONDS, np.random.default_rng([1, seed]))) for seed in range(count)])
    return found.mean(), 3 * found.std(ddof=1) / np.sqrt(count)


def mids(drawn, step_s):
    """Mid and intent at each step."""
    at = np.searchsorted(drawn.at_s, np.arange(0, SECONDS, step_s), side="right") - 1
    return drawn.quotes[at].mean(axis=1), drawn.intent[at]


@pytest.mark.parametrize(
    "words", [{}, {"volatility_ticks": 0.2}, {"volatility_ticks": 6.0}, {"volatility_ticks": 3.0, "events_per_s": 10.0}]
)
def test_volatility(words):
    """The variance of a second's change is the volatility squared."""
    market = Synthetic(**words)
    mean, error = each(market, lambda drawn: np.mean(np.diff(mids(drawn, 1.0)[0]) ** 2))
    assert error < 0.2 * market.volatility_ticks**2
    assert abs(mean - market.volatility_ticks**2) <= error


@pytest.mark.parametrize("words", [{"drift_ticks_per_s": 0.2}, {"drift_ticks_per_s": -4.0}, {"edge": 0.7}])
def test_drift(words):
    """The mid goes where the drift says, also where the volatility asked for has no room for it; an edge has none."""
    market = Synthetic(**words)
    mean, error = each(market, lambda drawn: drawn.quotes[-1].mean() / SECONDS)
    assert abs(mean - market.drift_ticks_per_s) <= error
    assert error < 0.05


@pytest.mark.parametrize("edge", [-1.0, -0.3, 0.3, 1.0])
def test_an_edge_is_what_is_stated(edge):
    """The change within the next horizon, times the intent, is `foretold_ticks` in the mean: sign and size."""
    market = Synthetic(edge=edge)

    def measured(drawn):
        mid, intent = mids(drawn, 1.0)
        return np.mean(intent[:-5] * (mid[5:] - mid[:-5]))

    mean, error = each(market, measured, 400)
    assert abs(mean - foretold_ticks(market)) <= error
    assert error < 0.04


def test_the_stated_correlation():
    """The intent's correlation with the change over the next horizon is 0.65 at an edge of 1, and 0.40 at 0.3."""

    def measured(drawn):
        mid, intent = mids(drawn, 1.0)
        return np.corrcoef(intent[:-5], mid[5:] - mid[:-5])[0, 1]

    for edge, stated in ((1.0, 0.65), (0.3, 0.40), (0.0, 0.0)):
        mean, error = each(Synthetic(edge=edge), measured)
        assert abs(mean - stated) <= error + 0.005


def test_the_intent_forgets_in_its_horizon():
    """The intent's autocorrelation after the horizon is 1/e."""
    mean, error = each(
        Synthetic(horizon_s=3.0), lambda drawn: np.mean(mids(drawn, 3.0)[1][1:] * mids(drawn, 3.0)[1][:-1])
    )
    assert abs(mean - np.exp(-1)) <= error


def test_the_spread():
    """It is one tick for 88 % of the time, never more than three, and independent of where the mid goes."""
    drawn = path(pace(Synthetic()), 20_000.0, np.random.default_rng(0))
    spread = np.diff(drawn.quotes, axis=1)[:, 0]
    stays = np.diff(np.append(drawn.at_s, 20_000.0))
    assert set(spread) == {1, 2, 3}
    assert stays[spread == 1].sum() / 20_000 == pytest.approx(1 / (1 + 0.12 + 0.12**2), abs=0.01)


def test_shifts_may_jump():
    """Some shifts are longer than a tick, so that a barrier can be overshot."""
    drawn = path(pace(Synthetic()), 20_000.0, np.random.default_rng(0))
    moves = np.abs(np.diff(drawn.quotes.mean(axis=1)))
    shifts = moves[moves >= 1]
    assert np.mean(shifts > 1) == pytest.approx(0.06, abs=0.01)


def test_one_seed_one_path():
    """The same generator gives the same path, another one another."""
    rates = pace(Synthetic())
    one, same, other = (path(rates, 100.0, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(getattr(one, name), getattr(same, name)) for name in ("at_s", "quotes", "intent"))
    assert not np.array_equal(one.at_s[:20], other.at_s[:20])
