"""From records to metrics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fairtrial.model.study import Direction
from fairtrial.systems.services.load.words import Load, Objective
from fairtrial.systems.services.measure.metrics import COMMON, METRICS, kept, measure, of_host
from fairtrial.systems.services.record import COLUMNS, Host, Outcome, blank

OPEN = Load(mode="open", rate_per_s=100, warmup_s=2, duration_s=10)
PLAIN = Objective()


@pytest.fixture
def fixture(made):
    """A thousand requests in ten seconds after two of warm-up, a few of which went wrong."""
    rng = np.random.default_rng(7)
    due = np.arange(0, 12, 0.01)
    outcome = np.zeros(len(due), int)
    outcome[300:310], outcome[400:405], outcome[500:502], outcome[600] = 1, 2, 3, 4
    error = np.where(outcome == 1, np.arange(len(due)) % 2, -1)
    response = rng.gamma(2, 0.005, len(due))
    return made(due, response, end_s=12, outcome=outcome, error=error, errors=("http_500", "reset"))


def shuffled(records, order):
    """Put records into another order (without gaps between chunks)."""
    return replace(records, **{name: getattr(records, name)[order] for name in COLUMNS if name != "gap"})


def test_the_numbers_of_a_fixture(fixture):
    """Counts, rates and percentiles of known records are those counted by hand."""
    found = measure(fixture, load=OPEN, objective=Objective(response_s=0.01))
    inside = (fixture.t_sched_ns >= 2e9) & fixture.ok
    times = (fixture.t_done_ns - fixture.t_sched_ns)[inside] * 1e-9
    lost = 8
    metrics = found.metrics
    assert metrics["requests"] == 1000
    assert [metrics[name] for name in ("errors", "timeouts", "shed", "censored")] == [10, 5, 2, 1]
    assert metrics["success_rate"] == pytest.approx(0.982)
    assert metrics["attainment"] == pytest.approx((times <= 0.01).sum() / 1000)
    assert metrics["goodput_per_s"] == pytest.approx((times <= 0.01).sum() / 10)
    assert metrics["offered_per_s"] == pytest.approx(100)
    assert metrics["achieved"] == 1.0
    assert metrics["stable"] == 1.0
    assert metrics["warmup_s"] == pytest.approx(2.0)
    far = np.concatenate([times, np.full(lost, 1e6)])
    assert metrics["latency_p50_s"] == pytest.approx(np.percentile(far, 50), rel=1e-12)
    assert metrics["latency_p95_s"] == pytest.approx(np.percentile(far, 95), rel=1e-12)
    assert metrics["latency_mean_s"] == pytest.approx(times.mean())
    assert found.needs == {"latency_p99_s": 10, "latency_p999_s": 9010, "service_p99_s": 10, "lateness_p99_s": 2}
    assert found.errors == {"http_500": 5, "reset": 5, "timeout": 5, "shed": 2, "censored": 1}
    assert found.window == (2_000_000_000, 12_000_000_000)


def test_without_losses_percentiles_are_numpys(made):
    """Failures alone leave the percentiles of the successes: numpy's linear interpolation of them."""
    rng = np.random.default_rng(0)
    due, response = np.arange(0, 12, 0.01), rng.gamma(2, 0.005, 1200)
    outcome = (rng.random(1200) < 0.05).astype(int)
    found = measure(made(due, response, end_s=12, outcome=outcome), load=OPEN, objective=PLAIN).metrics
    times = np.rint(response * 1e9)[(due >= 1.9999) & (outcome == 0)] * 1e-9
    for name, p in (("p50", 50), ("p90", 90), ("p95", 95)):
        assert found[f"latency_{name}_s"] == pytest.approx(np.percentile(times, p), rel=1e-7)
    assert found["latency_p99_s"] is None


def test_an_http_500_is_a_failure(made):
    """An answer of status 500, however fast, is a miss of success rate, attainment and goodput, and no latency."""
    due = np.arange(0, 12, 0.01)
    failed = np.arange(1200) % 2
    response = np.where(failed, 1e-6, 0.5)
    records = made(due, response, end_s=12, outcome=failed, errors=("http_500",), error=failed - 1)
    found = measure(records, load=OPEN, objective=Objective(response_s=1.0))
    assert found.metrics["success_rate"] == found.metrics["attainment"] == 0.5
    assert found.metrics["goodput_per_s"] == pytest.approx(50)
    assert found.metrics["latency_p50_s"] == pytest.approx(0.5)
    assert found.errors == {"http_500": 500}


def test_throughput_counts_what_ends_in_the_window(made):
    """Successes that began in the warm-up and end in the window count; those that end after it do not."""
    due = np.array([1.5, 1.0, 5.0, 11.5, 6.0])
    records = made(due, [1.0, 0.5, 1.0, 1.0, 1.0], end_s=12, outcome=[0, 0, 0, 0, 1])
    found = measure(records, load=Load(clients=2, warmup_s=2, duration_s=10), objective=PLAIN).metrics
    assert found["throughput_per_s"] == pytest.approx(0.2)
    assert found["requests"] == 3


def test_little(made):
    """Four clients that always wait have no residual; with a tenth of the time lost between requests it is 10 %."""
    due = np.concatenate([np.arange(0, 12, 0.1)] * 4)
    load = Load(clients=4, warmup_s=2, duration_s=10)
    full, gaps = (
        measure(made(due, np.full(len(due), each), end_s=12), load=load, objective=PLAIN).metrics["little_residual"]
        for each in (0.1, 0.09)
    )
    assert full == pytest.approx(0.0, abs=0.011)
    assert gaps == pytest.approx(0.1, abs=0.011)


def test_little_knows_thinking(made):
    """Time to think is not lost."""
    due = np.arange(0, 12, 0.1)
    load = Load(clients=1, think_s=0.06, warmup_s=2, duration_s=10)
    found = measure(made(due, np.full(120, 0.04), end_s=12), load=load, objective=PLAIN).metrics
    assert found["little_residual"] == pytest.approx(0.0, abs=0.011)
    assert "stable" not in found


def test_a_request_never_got_round_to_is_not_achieved(made):
    """What the generator neither sent nor shed is missing from `achieved`; what waits for a connection is not."""
    due = np.arange(0, 12, 0.01)
    records = made(due, np.full(1200, 0.01), end_s=12, outcome=np.where(np.arange(1200) >= 1100, 4, 0))
    send = np.where(np.arange(1200) >= 1150, 0, records.t_send_ns)
    never = replace(records, t_send_ns=send)
    waiting = replace(never, wait_ns=np.where(send == 0, 5, 0))
    assert measure(never, load=OPEN, objective=PLAIN).metrics["achieved"] == pytest.approx(0.95)
    assert measure(waiting, load=OPEN, objective=PLAIN).metrics["achieved"] == 1.0


def test_every_clause_of_the_objective_counts():
    """Response, first token, time per token and recall must all be kept, by successes."""
    records = blank(
        6,
        t_sched_ns=[1] * 6,
        t_send_ns=[1] * 6,
        t_first_ns=np.array([100, 100, 300, 100, 100, 0]) * 1_000_000,
        t_done_ns=np.array([200, 900, 400, 200, 200, 200]) * 1_000_000,
        tokens_out=[11, 11, 11, 2, 1, 11],
        recall=[0.9, 0.9, 0.9, 0.9, np.nan, 0.9],
    )
    assert kept(records, Objective(response_s=0.5)).tolist() == [True, False, True, True, True, True]
    assert kept(records, Objective(ttft_s=0.2)).tolist() == [True, True, False, True, True, False]
    assert kept(records, Objective(tpot_s=0.05)).tolist() == [True, False, True, False, True, False]
    assert kept(records, Objective(recall=0.9)).tolist() == [True] * 6
    assert kept(records, Objective(recall=0.95)).tolist() == [False, False, False, False, True, False]
    failed = replace(records, outcome=np.full(6, Outcome.ERROR, np.uint8))
    assert not kept(failed, PLAIN).any()


def test_operations_are_told_apart(made):
    """Each operation has its own counts and percentiles; one that was never due is left out."""
    due = np.arange(0, 12, 0.01)
    op = np.arange(1200) % 2
    records = made(due, np.where(op, 0.2, 0.1), end_s=12, op=op, ops=("read", "write", "scan"))
    table = measure(records, load=OPEN, objective=PLAIN).per_operation
    assert set(table) == {"read", "write"}
    assert table["read"]["requests"] == 500
    assert table["read"]["latency_p95_s"] == pytest.approx(0.1)
    assert table["write"]["latency_mean_s"] == pytest.approx(0.2)
    assert table["write"]["throughput_per_s"] == pytest.approx(50, rel=0.03)


def test_tokens_and_recall_are_there_where_they_are_known(made):
    """Tokens a second count the successes that end in the window; means are of what was due in it."""
    due = np.arange(0, 12, 0.1)
    records = made(due, np.full(120, 0.01), end_s=12, tokens_out=np.full(120, 30), tokens_in=np.full(120, 7))
    records = replace(records, recall=np.where(np.arange(120) % 2, 1.0, 0.5).astype(np.float32))
    found = measure(records, load=Load(clients=1, warmup_s=2, duration_s=10), objective=PLAIN).metrics
    assert found["tokens_per_s"] == pytest.approx(300)
    assert (found["tokens_out_mean"], found["tokens_in_mean"], found["recall_mean"]) == (30, 7, 0.75)
    plain = measure(made(due, np.full(120, 0.01), end_s=12), load=Load(warmup_s=2), objective=PLAIN).metrics
    assert not {"tokens_per_s", "tokens_out_mean", "tokens_in_mean", "recall_mean"} & set(plain)


def test_nothing_due_is_undefined(made):
    """A window without requests has counts of zero and rates that are undefined, not zero."""
    found = measure(made([0.5], [0.1], end_s=12), load=OPEN, objective=PLAIN)
    assert found.metrics["requests"] == 0
    assert found.metrics["success_rate"] is None
    assert found.metrics["attainment"] is None
    assert found.metrics["latency_p50_s"] is None
    assert found.metrics["throughput_per_s"] == 0.0


def test_an_unstable_level_has_no_latencies(queued):
    """At twice its capacity an open level has its misses and rates, but neither percentiles nor a mean."""
    records, load = queued(np.random.default_rng(0), 2.0, 5000)
    found = measure(records, load=load, objective=Objective(response_s=0.05))
    assert found.metrics["stable"] == 0.0
    names = [name for name in found.metrics if name.startswith(("latency_", "service_"))]
    assert {found.metrics[name] for name in names} == {None}
    assert found.ladder == ()
    assert set(found.spread.values()) == {None}
    assert found.metrics["throughput_per_s"] == pytest.approx(500, rel=0.06)
    assert found.metrics["attainment"] < 0.2


def test_every_metric_is_declared(fixture):
    """What is measured has a name, a unit and a direction in the catalogue."""
    found = {*measure(fixture, load=OPEN, objective=PLAIN).metrics, *of_host(Host())}
    assert found <= set(METRICS)
    assert found <= COMMON
    assert METRICS["latency_p99_s"].direction is Direction.MINIMIZE
    assert METRICS["throughput_per_s"].unit == "1/s"
    assert all(metric.help for metric in METRICS.values())
    assert not any(name.startswith(("ttft", "tpot", "tokens", "recall", "cached")) for name in COMMON)


NEVER_BETTER = ("success_rate", "attainment", "goodput_per_s", "throughput_per_s")


@settings(max_examples=40)
@given(seed=st.integers(0, 1000), hit=st.lists(st.integers(0, 1199), max_size=300), kind=st.sampled_from([1, 2, 3, 4]))
def test_failures_never_improve_a_level(made, seed, hit, kind):
    """Whatever of a level fails, none of its shares and rates of successes rises."""
    due = np.arange(0, 12, 0.01)
    response = np.random.default_rng(seed).gamma(2, 0.005, 1200)
    outcome = np.zeros(1200, int)
    outcome[hit] = kind
    before, after = (
        measure(made(due, response, end_s=12, outcome=some), load=OPEN, objective=Objective(response_s=0.015)).metrics
        for some in (np.zeros(1200, int), outcome)
    )
    assume(before["warmup_s"] == after["warmup_s"])
    assert all(after[name] <= before[name] for name in NEVER_BETTER)


@settings(max_examples=25)
@given(seed=st.integers(0, 1000))
def test_the_order_of_records_does_not_matter(made, seed):
    """Workers merged in any order are the pooled raw requests: every number is the same to the last digit."""
    rng = np.random.default_rng(seed)
    due = np.sort(rng.uniform(0, 12, 1200))
    outcome = np.where(rng.random(1200) < 0.05, rng.integers(1, 5, 1200), 0)
    records = made(due, rng.gamma(2, 0.005, 1200), end_s=12, outcome=outcome, worker=rng.integers(0, 4, 1200))
    whole = measure(records, load=OPEN, objective=Objective(response_s=0.015))
    for order in (np.argsort(records.worker, kind="stable"), rng.permutation(1200)):
        assert measure(shuffled(records, order), load=OPEN, objective=Objective(response_s=0.015)) == whole


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), power=st.integers(-3, 6))
def test_units_scale(made, seed, power):
    """A service that is slower by a factor in all respects has times longer by it, and rates lower."""
    factor = 2.0**power
    rng = np.random.default_rng(seed)
    due, response = np.arange(0, 12, 0.01), rng.gamma(2, 0.002, 1200) + 0.001
    plain, scaled = (
        measure(
            made(due * each, response * each, end_s=12 * each),
            load=Load(mode="open", rate_per_s=100 / each, warmup_s=2 * each, duration_s=10 * each),
            objective=Objective(response_s=0.01 * each),
        ).metrics
        for each in (1.0, factor)
    )
    assume(plain["warmup_s"] * factor == pytest.approx(scaled["warmup_s"]))  # bins have a length in seconds
    for name, value in plain.items():
        if value is not None and METRICS[name].unit == "s":
            assert scaled[name] == pytest.approx(value * factor, rel=1e-4, abs=1e-8)
        elif value is not None and METRICS[name].unit == "1/s":
            assert scaled[name] == pytest.approx(value / factor, rel=1e-6)


def test_the_interval_of_one_run_is_there_and_labelled(queued):
    """Percentiles that are told have an interval from this run, around them."""
    records, load = queued(np.random.default_rng(3), 0.7, 20_000)
    found = measure(records, load=load, objective=PLAIN)
    assert set(found.within) == {"latency_p50_s", "latency_p95_s", "latency_p99_s"}
    for name, (low, high) in found.within.items():
        assert low < found.metrics[name] < high
