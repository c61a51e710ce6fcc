"""Trials along their load: which factor it is, which arms there are, what an estimate is."""

from __future__ import annotations

import math

import pytest

from fairtrial.model.study import ABSENT
from fairtrial.stats.interval import t_interval
from fairtrial.systems.services.conclude.ladder import estimate, ladder


@pytest.mark.parametrize(
    ("factors", "factor"),
    [
        ({"load.clients": [1, 2], "target.scale": [1, 2]}, "load.clients"),
        ({"load.rate_per_s": [10.0, 20.0], "target.scale": [1, 2]}, "load.rate_per_s"),
        ({"load.think_s": [0.1, 0.2], "target.scale": [1, 2]}, "load.think_s"),
        ({"target.top_k": [1, 10], "target.operation": ["a", "b"]}, "target.top_k"),
        ({"target.operation": ["a", "b"]}, ""),
        ({"load.clients": [4, 4]}, ""),
        ({"target.prepared": [True, False]}, ""),
        ({}, ""),
    ],
)
def test_the_load_is_found(planted, factors, factor):
    """By its name, else another word of the load, else the factor with the most levels; switches have no order."""
    made = ladder(planted.measurements(factors=factors, metrics={"throughput_per_s": [1.0, 2.0]}))
    assert made.factor == factor
    assert len(made.levels) == (2 if factor else 1)


def test_arms_are_whatever_else_varies(planted):
    """Variants and the settings of other factors make a series each; a level that a trial lacks leaves it out."""
    factors = {"load.clients": [2, 1, 2, ABSENT], "target.work": ["4MB", "4MB", "64MB", "4MB"]}
    made = ladder(planted.measurements(factors=factors, variant=["a", "a", "a", "b"]))
    assert made.levels == (1, 2)
    assert made.arms == ("a, target.work = 4MB", "a, target.work = 64MB", "b, target.work = 4MB")
    assert sorted(made.rows.values()) == [(0,), (1,), (2,)]
    assert made.place(made.arms[0], 1) == ("a, target.work = 4MB", 2)


def test_a_factor_that_moves_with_the_load_makes_no_arms(planted):
    """A zip of clients and connections has one axis."""
    made = ladder(planted.measurements(factors={"load.clients": [1, 2, 1], "load.connections": [10, 20, 10]}))
    assert (made.arms, made.averaged) == (("",), ())


def test_many_arms_are_averaged(planted):
    """More series than a plot tells apart: the factors over which they average are named."""
    factors = {"load.clients": [1, 2] * 8, "target.x": [str(n // 2) for n in range(16)]}
    made = ladder(planted.measurements(factors=factors))
    assert (made.arms, made.averaged) == (("",), ("target.x",))
    assert len(made.rows["", 0]) == 8


def test_intervals_end_at_what_is_possible(planted):
    """No latency is below 0 and no share above 1, however few and scattered the repetitions."""
    metrics = {"latency_p50_s": [0.001, 0.003, 0.009], "attainment": [0.9, 1.0, 1.0]}
    made = ladder(planted.measurements(factors={"load.clients": [1, 1, 1]}, metrics=metrics))
    latency, share = (made.at(name, "", 0) for name in metrics)
    assert latency.low == 0.0
    assert latency.high == pytest.approx(t_interval(latency.values, 0.95)[1])
    assert share.high == 1.0
    assert share.low == pytest.approx(t_interval(share.values, 0.95)[0])


def test_an_estimate_is_the_mean_of_repetitions_with_students_interval():
    """Missing values are in no number; one value has no interval; none has nothing."""
    found = estimate([2.0, math.nan, 3.0, None, 4.0])
    assert found.values == (2.0, 3.0, 4.0)
    assert (found.low, found.high) == pytest.approx(t_interval([2.0, 3.0, 4.0]))
    assert estimate([3.0]).mean == 3.0
    assert estimate([3.0]).low is None
    assert estimate([math.nan]).mean is None


def test_a_mean_needs_every_repetition(planted):
    """A percentile that the slow repetition lacks has no mean; a repetition that failed is missing anyway."""
    factors = {"load.clients": [1, 1, 2, 2]}
    metrics = {"latency_p99_s": [0.1, math.nan, 0.2, math.nan]}
    made = ladder(planted.measurements(factors=factors, metrics=metrics, status=["done", "done", "done", "failed"]))
    assert made.at("latency_p99_s", "", 0).mean is None
    assert made.at("latency_p99_s", "", 0).values == (0.1,)
    assert made.at("latency_p99_s", "", 1).mean == 0.2


def test_failed_trials_are_in_no_raw_group(planted):
    """Only trials that are done are looked up in raw tables."""
    made = ladder(planted.measurements(factors={"load.clients": [1, 2]}, status=["done", "failed"]))
    assert made.homes() == {1: ("", 0)}
