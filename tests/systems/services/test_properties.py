"""What must hold whatever the service: failures never flatter, the order of levels and the units do not matter."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.analyse.curve.range import operating_range
from fairtrial.analyse.curve.saturation import saturation
from fairtrial.analyse.data import data
from fairtrial.model.claim import Clause
from fairtrial.model.run import Measurements
from fairtrial.systems.services.load.words import Load, Objective
from fairtrial.systems.services.measure.metrics import measure
from fairtrial.systems.services.record import Outcome
from fairtrial.systems.services.targets.simulated import Simulated, SimulatedTarget

OBJECTIVE = Objective(response_s=0.03)
MISSES = (Outcome.ERROR, Outcome.TIMEOUT, Outcome.CENSORED)
SEEDS = st.integers(0, 50)


@cache
def issued(seed, rate_per_s=18.0, replicate=0):
    """Put a load on a service of four servers: too few requests for a cut of the window, so that all of it counts."""
    load = Load(mode="open", rate_per_s=rate_per_s, warmup_s=1, duration_s=10)
    target = SimulatedTarget(Simulated(servers=4, service={"mean_s": 0.02}))
    return load, target.records(load, 100 * seed + replicate)[0]


def failed(records, share, outcome, seed):
    """Let each request fail with that probability."""
    hit = np.random.default_rng(seed).random(len(records)) < share
    return replace(records, outcome=np.where(hit, outcome, records.outcome).astype(np.uint8))


@given(seed=SEEDS, share=st.floats(0, 1), outcome=st.sampled_from(MISSES), draw=SEEDS)
def test_failures_never_improve_what_is_served(seed, share, outcome, draw):
    """Whatever fails, and however, lowers success rate, attainment, goodput and throughput, or leaves them."""
    load, records = issued(seed)
    whole, less = (
        measure(some, load=load, objective=OBJECTIVE).metrics
        for some in (records, failed(records, share, outcome, draw))
    )
    assert whole["requests"] == less["requests"]
    for name in ("success_rate", "attainment", "goodput_per_s", "throughput_per_s"):
        assert less[name] <= whole[name]


@given(seed=SEEDS, share=st.floats(0, 1), outcome=st.sampled_from(MISSES[1:]), draw=SEEDS)
def test_what_never_ended_never_improves_a_percentile(seed, share, outcome, draw):
    """Time-outs and censored requests rank above all answers: a percentile grows, or has no value any more."""
    load, records = issued(seed)
    whole, less = (
        measure(some, load=load, objective=OBJECTIVE).metrics
        for some in (records, failed(records, share, outcome, draw))
    )
    for name in ("latency_p50_s", "latency_p90_s"):
        before, after = (math.inf if metrics[name] is None else metrics[name] for metrics in (whole, less))
        assert after >= before


RATES = (4.0, 8.0, 12.0, 16.0)
REPLICATES = 4


def attained(seed, shares=(0.0,) * len(RATES)):
    """Return the attainment of each level and replicate, where a share of each level's requests fails."""
    found = np.empty((len(RATES), REPLICATES))
    for (at, k), _ in np.ndenumerate(found):
        load, records = issued(seed, RATES[at], k)
        broken = failed(records, shares[at], Outcome.ERROR, seed)
        found[at, k] = measure(broken, load=load, objective=OBJECTIVE).metrics["attainment"]
    return found


def table(metrics, levels, order=None):
    """Make data of a sweep, its trials in some order: metric -> (levels, replicates)."""
    shape = next(iter(metrics.values())).shape
    order = np.arange(shape[0] * shape[1]) if order is None else order
    repeated = np.tile(np.arange(shape[1]), shape[0])[order].tolist()
    return data(
        Measurements(
            run=1,
            number=range(1, len(order) + 1),
            variant=[""] * len(order),
            replicate=repeated,
            seed=repeated,
            status=["done"] * len(order),
            failure=[""] * len(order),
            factors={"load": np.repeat(levels, shape[1])[order].tolist()},
            metrics={name: values.ravel()[order].tolist() for name, values in metrics.items()},
        )
    )


def edge(values):
    """Return the edge of the range in which more than half of the requests are good; 0 for none."""
    found = operating_range(
        table({"attainment": values}, RATES), factor="load", clauses=[Clause("attainment", "min", 0.5)]
    )
    return found.edge or 0.0


@settings(max_examples=20)
@given(seed=st.integers(0, 2), shares=st.tuples(*[st.floats(0, 1)] * len(RATES)))
def test_failures_move_an_attainment_down(seed, shares):
    """At every level and in every replicate the attainment with failures is at most that without."""
    assert (attained(seed, shares) <= attained(seed)).all()


@settings(max_examples=15)
@given(seed=st.integers(0, 2), level=st.integers(0, len(RATES) - 1), share=st.floats(0.6, 1))
def test_a_level_that_fails_ends_the_range_below_it(seed, level, share):
    """Where most requests of a level fail, the operating range ends below that level, however good higher ones are."""
    shares = tuple(share if at == level else 0.0 for at in range(len(RATES)))
    before, after = edge(attained(seed)), edge(attained(seed, shares))
    assert after <= before
    assert after < RATES[level]


LEVELS = np.array([1, 2, 4, 8, 16, 32])


@cache
def sweep(seed, levels=tuple(LEVELS.tolist()), replicates=3):
    """Return throughput of a service of eight servers in a closed loop: (levels, replicates)."""
    target = SimulatedTarget(
        Simulated(servers=8, service={"kind": "gamma", "mean_s": 0.02, "cv": 0.3}, between_run_sd=0.03)
    )
    found = np.empty((len(levels), replicates))
    for (at, k), _ in np.ndenumerate(found):
        load = Load(clients=levels[at], warmup_s=0.2, duration_s=2)
        records, _ = target.records(load, 100 * seed + k)
        found[at, k] = np.count_nonzero(records.t_done_ns < records.end_ns) / 2.2
    return found


def knee(values, levels=LEVELS, order=None):
    """Look for the knee."""
    return saturation(table({"throughput": values}, levels, order), metric="throughput", factor="load")


@settings(max_examples=5)
@given(seed=st.integers(0, 2), order=st.permutations(range(18)))
def test_the_order_of_trials_does_not_matter(seed, order):
    """Levels visited in any order give the same findings to the last digit."""
    values = sweep(seed)
    assert knee(values, order=np.array(order)) == knee(values)
    clauses = [Clause("throughput", "min", 100.0)]
    whole, mixed = (
        operating_range(table({"throughput": values}, LEVELS, some), factor="load", clauses=clauses)
        for some in (None, np.array(order))
    )
    assert whole == mixed


@settings(max_examples=5)
@given(seed=st.integers(0, 2), across=st.sampled_from([0.01, 0.5, 3.0, 1000.0]), up=st.floats(0.001, 1000))
def test_units_do_not_matter(seed, across, up):
    """Measuring load or throughput in other units moves knee and capacity by just that factor."""
    plain, scaled = knee(sweep(seed)), knee(sweep(seed) * up, LEVELS * across)
    assert scaled.verdict is plain.verdict
    assert scaled.chosen == plain.chosen
    assert scaled.knee == pytest.approx(plain.knee * across, rel=1e-3)
    assert scaled.capacity == pytest.approx(plain.capacity * up, rel=1e-3)
    assert scaled.knee_interval.low == pytest.approx(plain.knee_interval.low * across, rel=1e-2)
    assert scaled.knee_interval.high == pytest.approx(plain.knee_interval.high * across, rel=1e-2)


@settings(max_examples=4)
@given(seed=st.integers(0, 2), more=st.sampled_from([(64,), (48, 64), (64, 128), (64, 128, 256)]))
def test_going_on_past_saturation_moves_no_knee(seed, more):
    """Levels far beyond the knee leave it and the capacity where they were."""
    levels = (*LEVELS.tolist(), *more)
    plain, longer = knee(sweep(seed)), knee(sweep(seed, levels), np.array(levels))
    assert longer.knee == pytest.approx(plain.knee, rel=0.1)
    assert longer.capacity == pytest.approx(plain.capacity, rel=0.05)
