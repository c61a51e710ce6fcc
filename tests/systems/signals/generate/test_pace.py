"""Rates, and what an edge means."""

from __future__ import annotations

from math import exp, sqrt

import pytest

from fairtrial.systems.signals.generate.pace import WIDE, foretold_ticks, pace, pull
from fairtrial.systems.signals.words import Synthetic


@pytest.mark.parametrize("volatility", [0.05, 0.3, 1.0, 4.0, 40.0, 1000.0])
@pytest.mark.parametrize("events", [1.0, 200.0, 20_000.0])
def test_the_variance_is_as_asked(volatility, events):
    """The variance of shifts and turns a second, by the formulas of their laws, is the volatility squared."""
    rates = pace(Synthetic(volatility_ticks=volatility, events_per_s=events))
    shares = [1, WIDE, WIDE**2]
    widening = rates.widens * (shares[0] + shares[1]) / sum(shares)
    turns = widening + rates.narrows * (shares[1] + shares[2]) / sum(shares)
    shifted = rates.shifts * (2 - rates.last) / rates.last**2
    assert shifted + turns / 4 == pytest.approx(volatility**2, rel=1e-9)
    assert 0 < rates.last <= 1


def test_zero_edge_and_drift_is_a_fair_coin():
    """Without edge and drift nothing leans."""
    rates = pace(Synthetic())
    assert (rates.tilt, rates.lean) == (0.0, 0.0)


@pytest.mark.parametrize("words", [{}, {"volatility_ticks": 0.1}, {"horizon_s": 0.01}, {"events_per_s": 1.0}])
@pytest.mark.parametrize("edge", [-1.0, 1.0])
@pytest.mark.parametrize("drift", [-100.0, -0.4, 0.0, 3.0])
def test_the_coin_is_a_coin(words, edge, drift):
    """Whatever is asked, the chance of a move upwards lies between 0 and 1."""
    rates = pace(Synthetic(edge=edge, drift_ticks_per_s=drift, **words))
    assert abs(rates.tilt) + abs(rates.lean) <= 0.95 + 1e-9


def test_an_edge_in_ticks():
    """As the docstring says: 2.5 volatilities over the root of the horizon, 63 % of it within the horizon."""
    market = Synthetic(edge=0.5, volatility_ticks=2.0, horizon_s=8.0)
    assert pull(market) == pytest.approx(5 / sqrt(8))
    assert foretold_ticks(market) == pytest.approx(0.5 * 5 / sqrt(8) * 8 * (1 - exp(-1)))
    assert foretold_ticks(Synthetic(edge=1.0)) == pytest.approx(3.534, abs=1e-3)
    assert foretold_ticks(Synthetic(edge=-1.0)) == -foretold_ticks(Synthetic(edge=1.0))


def test_a_pull_leaves_room():
    """At a low volatility the pull is less: the mid cannot move faster without more of it."""
    assert pull(Synthetic(volatility_ticks=0.1)) < 0.25 / sqrt(5)
