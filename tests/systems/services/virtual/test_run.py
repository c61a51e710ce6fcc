"""Loads on virtual services: what the records say of clients, schedules, failures, streams and a bad harness."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.record import COLUMNS, TYPES, Outcome
from fairtrial.systems.services.virtual.run import run
from fairtrial.systems.services.virtual.words import Shape

OPEN = {"mode": "open", "rate_per_s": 200, "warmup_s": 1, "duration_s": 20}
CLOSED = {"clients": 4, "warmup_s": 1, "duration_s": 5}


def go(load, seed=0, **shape):
    """Run a load; return its records."""
    return run(Shape(**shape), Load(**load), seed)[0]


@pytest.mark.parametrize("load", [OPEN, CLOSED])
def test_a_seed_decides_everything(load):
    """The same seed gives the same records, another one others; every column has its type."""
    one, same, other = go(load, 1), go(load, 1), go(load, 2)
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
        assert getattr(one, name).dtype == TYPES[name]
    assert one.t_done_ns[:100].tolist() != other.t_done_ns[:100].tolist()


@pytest.mark.parametrize("load", [OPEN, CLOSED])
def test_times_are_in_order(load):
    """Due, sent, done: in that order, all after the beginning, and nothing is due after the window."""
    records = go(load)
    assert (records.begin_ns <= records.t_sched_ns).all()
    assert (records.t_sched_ns <= records.t_send_ns).all()
    assert (records.t_send_ns < records.t_done_ns).all()
    assert records.t_sched_ns.max() < records.end_ns
    assert records.end_ns - records.begin_ns == (1 + load["duration_s"]) * 10**9


def test_clients_wait_for_their_answers():
    """A client of a closed loop sends when its answer has come, and numbers its requests from 0."""
    records = go(CLOSED)
    for client in range(4):
        own = records.client == client
        assert (records.t_send_ns[own][1:] == records.t_done_ns[own][:-1]).all()
        assert (records.seq[own] == np.arange(own.sum())).all()
    assert (records.t_sched_ns == records.t_send_ns).all()


def test_clients_think():
    """A constant pause lies between an answer and the next request."""
    records = go({**CLOSED, "clients": 1, "think_s": 0.05, "think": "constant"})
    pauses = (records.t_send_ns[1:] - records.t_done_ns[:-1]) * 1e-9
    assert pauses == pytest.approx(np.full(len(pauses), 0.05))


def test_clients_start_over_the_ramp():
    """Clients start one after another, evenly over the ramp, which comes before the warm-up."""
    records = go({**CLOSED, "ramp_s": 2.0})
    first = [(records.t_send_ns[records.client == one][0] - records.begin_ns) * 1e-9 for one in range(4)]
    assert first == pytest.approx([0.0, 0.5, 1.0, 1.5])
    assert records.end_ns - records.begin_ns == 8 * 10**9


def test_service_times_do_not_depend_on_the_load():
    """With a server for each, request i takes as long at any rate, and in a closed loop (common random numbers)."""
    free = {"servers": 5000, "service": {"mean_s": 0.01}}
    slow, fast, closed = go(OPEN, **free), go({**OPEN, "rate_per_s": 400}, **free), go(CLOSED, **free)
    assert slow.service_s[:1000] == pytest.approx(fast.service_s[:1000], abs=3e-9)
    assert slow.service_s[:1000] == pytest.approx(closed.service_s[:1000], abs=3e-9)


def test_failures_are_never_latencies():
    """A service that fails at once has no response time for it: the latencies are those of the others, unchanged."""
    whole, failing = go(OPEN, servers=500), go(OPEN, servers=500, errors={"rate": 0.3, "kind": "reset"})
    failed = failing.outcome == Outcome.ERROR
    assert failed.mean() == pytest.approx(0.3, abs=0.03)
    assert {failing.errors[code] for code in failing.error[failed]} == {"reset"}
    assert np.isnan(failing.response_s[failed]).all()
    np.testing.assert_array_equal(failing.response_s[~failed], whole.response_s[~failed])


def test_a_full_queue_answers_503_at_once():
    """Refusals come after the harness's own time, are errors, and are no latencies."""
    records = go({**OPEN, "rate_per_s": 2000}, queue=2, service={"mean_s": 0.002}, generator={"overhead_s": 0.0001})
    refused = records.outcome == Outcome.ERROR
    assert refused.mean() > 0.6
    assert {records.errors[code] for code in records.error[refused]} == {"http_503"}
    assert (records.t_done_ns - records.t_send_ns)[refused] == pytest.approx(100_000, abs=1)
    assert np.isnan(records.response_s[refused]).all()


def test_timeouts_are_misses():
    """What takes longer than the time-out ends then, as a miss; nothing that succeeded took longer."""
    records = go({**OPEN, "rate_per_s": 600, "timeout_s": 0.5}, service={"mean_s": 0.002})
    late = records.outcome == Outcome.TIMEOUT
    assert late.any()
    assert {records.errors[code] for code in records.error[late]} == {"timeout"}
    assert ((records.t_done_ns - records.t_sched_ns)[late] == 500_000_000).all()
    assert np.nanmax(records.service_s) <= 0.5
    assert np.isnan(records.response_s[late]).all()


def test_a_generator_that_is_later_than_the_time_out():
    """What the generator would send after its time is out is a time-out, and the service never sees it."""
    records = go({**OPEN, "timeout_s": 0.5}, servers=500, generator={"cpu_per_request_s": 0.01})
    unsent = records.t_send_ns == 0
    assert unsent.mean() > 0.5
    assert (records.outcome[unsent] == Outcome.TIMEOUT).all()
    assert set(records.client[unsent].tolist()) == {-1}
    assert ((records.t_done_ns - records.t_sched_ns)[unsent] == 500_000_000).all()


def test_a_pool_gives_a_connection_back_at_the_time_out():
    """One connection in a long stall: each request in turn is sent, times out, and makes way for the next."""
    load = {**OPEN, "rate_per_s": 50, "timeout_s": 0.5, "connections": 1}
    records = go(load, elastic=False, stall={"every_s": 10, "for_s": 2, "first_s": 5})
    late = records.outcome == Outcome.TIMEOUT
    assert 2 * 1.5 / 21 < late.mean() < 2 * 2 / 21
    assert (records.t_send_ns[1:] >= records.t_done_ns[:-1]).all()


def test_the_time_out_of_a_closed_loop():
    """A client of a closed loop waits no longer than the time-out from when it sent, and then sends again."""
    records = go({**CLOSED, "timeout_s": 0.5, "clients": 1}, service={"mean_s": 0.4})
    late = records.outcome == Outcome.TIMEOUT
    assert late.any()
    assert ((records.t_done_ns - records.t_send_ns)[late] == 500_000_000).all()
    assert (records.t_send_ns[1:] == records.t_done_ns[:-1]).all()


def test_too_many_in_flight_are_shed():
    """Beyond max_in_flight requests are not sent, and are misses without times of their own."""
    records = go({**OPEN, "rate_per_s": 1000, "max_in_flight": 10}, service={"mean_s": 0.002})
    shed = records.outcome == Outcome.SHED
    assert 0.4 < shed.mean() < 0.6
    assert not records.t_send_ns[shed].any()
    assert not records.t_done_ns[shed].any()
    assert set(records.client[shed].tolist()) == {-1}
    assert np.isnan(records.response_s[shed]).all()
    assert np.isnan(records.lateness_s[shed]).all()
    begun, ended = np.sort(records.t_send_ns[~shed]), np.sort(records.t_done_ns[~shed])
    inside = np.arange(1, len(begun) + 1) - np.searchsorted(ended, begun, side="right")
    assert inside.max() == 10


def test_a_pool_of_connections_makes_requests_wait():
    """With a bounded pool no more are sent at once; the wait is in the response and is no lateness."""
    records = go({**OPEN, "connections": 2}, servers=50, elastic=False, service={"mean_s": 0.009})
    assert (records.wait_ns > 0).any()
    assert records.lateness_s == pytest.approx(0, abs=3e-9)
    assert records.t_send_ns - records.t_sched_ns == pytest.approx(records.wait_ns, abs=3)
    begun, ended = np.sort(records.t_send_ns), np.sort(records.t_done_ns)
    assert (np.arange(1, len(begun) + 1) - np.searchsorted(ended, begun, side="right")).max() == 2


def test_stalls_are_met_in_service():
    """Nothing ends in a stall, and what is in service goes on after it."""
    records = go(OPEN, servers=50, stall={"every_s": 5, "for_s": 1, "first_s": 3})
    since = (records.t_done_ns - records.begin_ns) * 1e-9
    assert not ((since > 3) & ((since - 3) % 5 < 0.999)).any()
    assert np.nanmax(records.response_s) == pytest.approx(1.0, abs=0.05)


def test_a_stream_has_its_tokens():
    """The first token comes after the service time, the others at even intervals, and the gaps add up to the rest."""
    records = go(OPEN, servers=500, stream={"tokens_out": 30, "cv": 0.5, "tokens_in": 77, "per_token_s": 0.002})
    assert set(records.tokens_in.tolist()) == {77}
    many = records.tokens_out > 1
    assert (records.gaps == records.tokens_out - 1).all()
    assert records.per_token_s[many] == pytest.approx(0.002, rel=1e-5)
    owner = np.repeat(np.arange(len(records)), records.gaps)
    assert np.bincount(owner, records.gap, len(records)) == pytest.approx(
        records.t_done_ns - records.t_first_ns, abs=100
    )
    plain = go(OPEN, servers=500)
    assert records.first_s == pytest.approx(plain.response_s, abs=3e-9)
    assert not plain.t_first_ns.any()


def test_a_stall_is_one_long_gap():
    """A stall in the middle of a stream is a gap of its length, not a slower rate of tokens."""
    records = go(
        {**OPEN, "rate_per_s": 1, "warmup_s": 0},
        servers=50,
        service={"kind": "constant", "mean_s": 0.1},
        stream={"tokens_out": 100, "per_token_s": 0.05},
        stall={"every_s": 100, "for_s": 1, "first_s": 8},
    )
    long = records.gap > 10**8
    assert records.gap[long] == pytest.approx(1.05e9, abs=1000)
    running = (records.t_first_ns < records.begin_ns + 8e9) & (records.t_done_ns > records.begin_ns + 9e9)
    assert long.sum() == running.sum() > 0


def test_failed_streams_have_no_tokens():
    """Tokens, gaps and recall are of what succeeded."""
    records = go(OPEN, servers=500, stream={}, errors={"rate": 0.5}, recall=0.9)
    assert (records.tokens_out[~records.ok] == -1).all()
    assert not records.gaps[~records.ok].any()
    assert records.gaps.sum() == len(records.gap)
    assert np.isnan(records.recall[~records.ok]).all()
    assert records.recall[records.ok].mean() == pytest.approx(0.9, abs=0.02)


def test_a_late_harness_is_seen_late():
    """Lateness of the model is lateness of the records, and the response counts from the due time all the same."""
    records = go(OPEN, servers=500, generator={"lateness_s": 0.004})
    assert records.lateness_s.mean() == pytest.approx(0.004, rel=0.1)
    assert np.allclose(records.response_s, records.service_s + records.lateness_s)


@pytest.mark.parametrize("load", [OPEN, CLOSED])
def test_overhead_is_a_floor(load):
    """The harness's own time is in every request, and it knows it."""
    records, host = run(Shape(generator={"overhead_s": 0.003}), Load(**load), 0)
    assert records.service_s.min() >= 0.003
    assert host.floor_p50_s == 0.003


def test_a_busy_generator_says_so():
    """CPU of an open generator is the rate times the CPU of a request, shared by its processes."""
    costly = Shape(servers=500, generator={"cpu_per_request_s": 0.002})
    one, two = (run(costly, Load(**OPEN, processes=count), 0)[1] for count in (1, 2))
    assert one.cpu_share == pytest.approx(0.4, rel=0.1)
    assert two.cpu_share == pytest.approx(one.cpu_share / 2, rel=0.05)
    assert set(run(costly, Load(**OPEN, processes=2), 0)[0].worker.tolist()) == {0, 1}


def test_a_starved_generator_falls_behind():
    """With a fifth of a core the same generator cannot keep up: late, its loop lags, at little CPU."""
    starved = Shape(servers=500, generator={"cpu_per_request_s": 0.002, "cpu": 0.2})
    records, host = run(starved, Load(**OPEN), 0)
    assert host.cpu_share <= 0.2
    assert host.loop_lag_p99_s > 1
    assert np.quantile(records.lateness_s, 0.5) > 1


def test_a_closed_loop_may_be_bound_by_its_generator():
    """Beyond the generator's own rate more clients bring no more throughput, and its CPU is all used."""
    shape = Shape(servers=500, service={"mean_s": 0.001}, generator={"cpu_per_request_s": 0.001})
    records, host = run(shape, Load(clients=50, warmup_s=1, duration_s=5), 0)
    assert len(records) == pytest.approx(6000, rel=0.01)
    assert host.cpu_share == pytest.approx(1.0, rel=0.01)
    assert np.diff(np.sort(records.t_done_ns)).min() >= 10**6 - 2
    assert (records.t_send_ns[50:] >= np.sort(records.t_done_ns)[: len(records) - 50]).all()
    assert records.service_s[1000:].mean() == pytest.approx(0.05, rel=0.01)


def test_clients_go_round_the_processes():
    """Client c belongs to process c modulo their number, whose CPU is its own."""
    shape = Shape(servers=500, service={"mean_s": 0.001}, generator={"cpu_per_request_s": 0.001})
    records, _ = run(shape, Load(clients=50, warmup_s=1, duration_s=5, processes=2), 0)
    assert (records.worker == records.client % 2).all()
    assert len(records) == pytest.approx(12000, rel=0.01)


def test_speeds_of_runs():
    """A spread between runs makes one run slower as a whole."""
    free = {"servers": 500}
    plain = go(OPEN, 5, **free)
    ratio = go(OPEN, 5, **free, between_run_sd=0.05).service_s / plain.service_s
    assert ratio.std() < 1e-3
    assert 0 < abs(np.log(ratio.mean())) < 0.25


def test_another_salt_is_another_run():
    """Another salt has other arrivals and other service times."""
    one, other = go(OPEN, 5), go(OPEN, 5, salt=1)
    assert one.t_sched_ns[0] != other.t_sched_ns[0]


def test_clients_that_only_think():
    """A window in which nobody sends has no records, and its harness did nothing."""
    load = Load(think_s=100, think="constant", duration_s=1)
    records, host = run(Shape(), load, 0)
    assert len(records) == 0
    assert host.cpu_share == 0
