"""Choosers that are formulas: what they choose, and rows that they cannot read."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.errors import FairtrialError
from fairtrial.systems.threadpool.analytic import older, queueing, rule
from fairtrial.systems.threadpool.analytic.known import chooser
from fairtrial.systems.threadpool.analytic.predict import predict
from fairtrial.systems.threadpool.analytic.seen import Seen, blocking_us, seen
from fairtrial.systems.threadpool.parameters import FORMULAS, Policy
from fairtrial.systems.threadpool.telemetry.schema import NAMES
from fairtrial.systems.threadpool.words import SIZES, Arrivals, Duration, Machine, Pool, Workload


def chosen(costs):
    return [SIZES[place] for place in costs.argmin(axis=1)]


def test_columns_are_those_of_the_schema():
    """In its order."""
    assert Seen.__slots__ == NAMES
    features = np.arange(20.0).reshape(2, 10)
    assert seen(features).task_size_var.tolist() == [8.0, 18.0]
    with pytest.raises(FairtrialError, match=r"shape \(rows, 10\), not \(10,\)"):
        seen(features[0])


def test_blocking_is_the_median_less_work_and_queue(rows):
    """1 waiting at 1000 a second is a millisecond; never below 0."""
    features = rows(
        runq_len=[0, 1, 9, 1],
        arrival_rate=[1000, 1000, 1000, 0],
        task_time_p50_us=5000,
        task_size_mean=[500, 500, 500, 9],
        idle_worker_count=1,
    )
    assert blocking_us(seen(features)).tolist() == [4500.0, 3500.0, 0.0, 0.0]
    assert np.isnan(blocking_us(seen(rows(task_time_p50_us=np.nan))))


def test_a_growing_queue_hides_how_long_tasks_block(rows):
    """No worker idle, and a queue longer than the latency can hold: no formula knows, so none shrinks the pool."""
    features = rows(
        runq_len=[9, 9, 4], arrival_rate=1000, task_time_p50_us=5000, task_size_mean=500, idle_worker_count=[0, 2, 0]
    )
    assert np.isnan(blocking_us(seen(features))).tolist() == [True, False, False]
    for kind in ("rule", "queueing"):
        assert chooser(Policy(kind=kind), cores=1).inside(features).tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("p50", "size", "cores", "expected"),
    [(400, 500, 8, 8), (500, 500, 8, 8), (1000, 500, 8, 16), (1001, 500, 8, 32), (2500, 500, 8, 64), (9e4, 500, 8, 64),
     (400, 500, 6, 8), (400, 500, 1, 1), (400, 500, 100, 64), (700, 0, 8, 64)],
)  # fmt: skip
def test_the_rule_takes_the_next_size_up(rows, p50, size, cores, expected):
    """C (1 + W / S), the least of the sizes that suffices; at most 64."""
    costs = rule.costs(rows(arrival_rate=1000, task_time_p50_us=p50, task_size_mean=size), cores=cores)
    assert chosen(costs) == [expected]
    assert costs.min() == 1.0
    assert np.sort(costs[0])[1] == 2.0


def test_a_fixed_size_reads_nothing():
    """Its own size, also one that is none of the usual, also without telemetry."""
    fixed = chooser(Policy(kind="fixed", workers=12), cores=8)
    features = np.full((3, 10), np.nan)
    assert fixed.sizes == (12,)
    assert fixed.costs(features).tolist() == [[1.0]] * 3
    assert fixed.inside(features).tolist() == [True] * 3


@pytest.mark.parametrize("kind", FORMULAS)
def test_missing_numbers_are_not_known(rows, kind):
    """NaN costs, and outside; other rows beside them are as they were."""
    features = rows(
        runq_len=0.0, arrival_rate=[4000.0] * 3, task_time_p50_us=400.0, task_time_p95_us=900.0,
        task_size_mean=[500.0, np.nan, 500.0], task_size_var=1e5,
    )  # fmt: skip
    one = chooser(Policy(kind=kind), cores=8)
    costs = one.costs(features)
    assert costs.shape == (3, 7)
    assert one.sizes == SIZES
    assert one.inside(features).tolist() == [True, False, True]
    assert np.isnan(costs[1]).all()
    assert np.isfinite(costs[[0, 2]]).all()
    assert (costs[0] == costs[2]).all()


def test_weights_of_the_policy_count(rows):
    """The older oracle and the one from queueing theory take the policy's."""
    features = rows(arrival_rate=4000.0, task_time_p50_us=400.0, task_time_p95_us=900.0, task_size_mean=500.0)
    heavy = Policy(kind="older", alpha=2.0, beta=3.0, gamma=5.0)
    assert (chooser(heavy, cores=8).costs(features) == older.costs(features, 2.0, 3.0, 5.0)).all()
    machine = Machine(cores=4, switch_us=20)
    found = chooser(heavy.model_copy(update={"kind": "queueing"}), cores=4, machine=machine).costs(features)
    assert (found == queueing.terms(features, machine).cost(2.0, 3.0, 5.0)).all()


def test_learned_policies_are_no_formulas():
    """Asking for one is a mistake of ours."""
    with pytest.raises(FairtrialError, match="tree is learned"):
        chooser(Policy(kind="tree"), cores=8)


def telemetry_of(rows, workload):
    """Make the row that a lightly loaded pool would show."""
    cpu, blocking = workload.cpu, workload.blocking
    return rows(
        arrival_rate=workload.arrivals.rate_per_s,
        task_size_mean=cpu.mean_us,
        task_size_var=cpu.variation * cpu.mean_us**2,
        task_time_p50_us=cpu.mean_us + blocking.mean_us,
    )


@pytest.mark.parametrize(("rate", "blocking_us"), [(3000, 0.0), (14_000, 0.0), (8000, 2000.0), (12_800, 4000.0)])
def test_queueing_theory_from_telemetry_is_queueing_theory(rows, rate, blocking_us):
    """Where the telemetry says all, the latency term is the p95 that the workload's own prediction has."""
    workload = Workload(
        arrivals=Arrivals(rate_per_s=rate),
        cpu=Duration(kind="lognormal", cv=1.0, mean_us=500),
        blocking=Duration(kind="constant", mean_us=blocking_us),
    )
    terms = queueing.terms(telemetry_of(rows, workload), Machine())
    for place, size in enumerate(SIZES):
        found = predict(workload, Machine(), Pool(workers=size))
        if found["stable"]:
            assert terms.latency_us[0, place] * 1e-6 == pytest.approx(found["latency_p95_s"], rel=0.15)
        else:
            assert terms.latency_us[0, place] >= 1e6 * (found["rho"] - 1)


def test_queueing_theory_chooses_what_the_load_needs(rows):
    """Little load: few workers; much computing: as many as cores; blocking: many more; overload: those that do most."""
    features = rows(
        arrival_rate=[50, 15_000, 12_000, 40_000], task_size_mean=500, task_size_var=1e5,
        task_time_p50_us=[450, 450, 4500, 450],
    )  # fmt: skip
    sizes = chosen(chooser(Policy(kind="queueing"), cores=8).costs(features))
    assert sizes[0] <= 2
    assert sizes[1] == 8
    assert sizes[2] == 64
    assert sizes[3] == 8


def test_switching_and_idling_in_their_units(rows):
    """Idle: 50 us a worker without a task; switching: at a task's end, and each quantum of those who compete."""
    features = rows(arrival_rate=[1000.0, 40_000.0], task_size_mean=500, task_size_var=1e5, task_time_p50_us=450)
    machine = Machine(cores=2, switch_us=10, quantum_us=990)
    terms = queueing.terms(features, machine)
    assert terms.idle_us[0, -1] == pytest.approx(50 * (64 - 0.5), rel=1e-2)
    assert terms.switching_us[0, 1] == pytest.approx(10.0, rel=0.1)  # one a task, of 10 us
    assert terms.idle_us[1].tolist() == [0.0] * 7
    assert terms.switching_us[1, 3] == pytest.approx(2 / 1e-3 / 40_000 * 10)  # overloaded: two cores, each millisecond


def test_what_cannot_be_worked_out_is_not_known(rows):
    """Nothing arrives, or tasks have no size."""
    features = rows(arrival_rate=[0.0, 10.0], task_size_mean=[500.0, 0.0], task_time_p50_us=400.0)
    assert queueing.readable(features).tolist() == [False, False]
    assert np.isnan(queueing.terms(features, Machine()).cost(1, 1, 1)).all()
