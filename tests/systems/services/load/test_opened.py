"""The open loop in virtual time: due times hold whatever the service does; waiting, shedding, time-outs, the drain."""

from __future__ import annotations

import random
from itertools import repeat

import numpy as np
import pytest

from fairtrial.systems.services.load.opened import Bounds, Opened
from fairtrial.systems.services.load.parts import merge
from fairtrial.systems.services.load.schedule import arrivals, share
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.record import Outcome
from fairtrial.systems.services.target import RequestFailed

S = 1_000_000_000


def drive(virtual, server, load, *, elastic=False, drain_s=None, seed=0, prepare=None):
    """Run the load from second 2 on; return its records."""

    async def work():
        bounds = Bounds(load.connections, load.max_in_flight, load.timeout_s, elastic=elastic)
        schedule = share(arrivals(load, seed), 0, 1)
        loop = Opened(server.session, repeat((0, None)), schedule, bounds, clock=virtual.clock, pace=virtual.pace())
        await loop.connect()
        if prepare:
            prepare(server)
        await loop.run(2 * S, 2 * S + round((load.lead_s + load.duration_s) * S), drain_s=drain_s)
        await loop.close()
        return merge(loop.records(0, ("call",)))

    return virtual.run_until_complete(work())


def constant(rate, seconds, **more) -> Load:
    return Load(mode="open", arrivals="constant", rate_per_s=rate, duration_s=seconds, warmup_s=0, **more)


def stalled(at_s: float) -> float:
    """Return when work that would go on at a time does: a server stands still for 1 s in every 20 s."""
    phase = (at_s - 2) % 20
    return at_s + (11 - phase) if 10 <= phase < 11 else at_s


@pytest.mark.parametrize(("connections", "elastic"), [(8, False), (1, True)])
def test_stall_shows_in_the_response(virtual, service, connections, elastic):
    """A server that stalls 1 s every 20 s at 100 requests a second has p99 near 844 ms, from the due time.

    Counted from the send, with at most 8 in flight, it would seem to be near 23 ms.
    """
    rng = random.Random(3)
    server = service(lambda: rng.expovariate(1 / 0.002), pauses=stalled)
    load = Load(mode="open", rate_per_s=100.0, duration_s=295, warmup_s=0, connections=connections)
    records = drive(virtual, server, load, elastic=elastic)
    assert len(records) == 29_500
    assert records.ok.all()
    assert np.percentile(records.response_s, 99) == pytest.approx(0.844, rel=0.03)
    assert np.percentile(records.response_s, 50) == pytest.approx(0.0019, abs=0.0003)
    if not elastic:
        assert np.percentile(records.service_s, 99) == pytest.approx(0.023, abs=0.006)
        assert np.max(records.lateness_s) < 1e-6


def test_sent_when_due(virtual, service):
    """With free connections every request is sent at its instant, in order, exactly as many as scheduled."""
    records = drive(virtual, service(servers=float("inf")), constant(1000, 3))
    assert records.seq[np.argsort(records.t_sched_ns)].tolist() == list(range(3000))
    assert np.max(records.lateness_s) < 1e-6
    assert records.response_s == pytest.approx(0.002, abs=1e-6)


def test_bounded_pool_is_first_come_first_served(virtual, service):
    """Requests that find all connections busy are sent in the order in which they were due; their wait is known."""
    records = drive(virtual, service(lambda: 0.1), constant(20, 1, connections=1))
    records = records.take(np.argsort(records.seq))
    assert np.all(np.diff(records.t_send_ns) > 0)
    assert records.response_s == pytest.approx(0.1 + 0.05 * np.arange(20), abs=1e-4)
    assert records.service_s == pytest.approx(0.1, abs=1e-4)
    assert records.wait_ns * 1e-9 == pytest.approx(0.05 * np.arange(20), abs=1e-4)
    assert np.max(records.lateness_s) < 1e-5


def test_elastic_target_gets_more_connections(virtual, service):
    """Where connections are no limit, a request that finds none free opens another; they are used again."""
    server = service(lambda: 0.1, servers=float("inf"))
    records = drive(virtual, server, constant(100, 2, connections=1), elastic=True)
    assert records.response_s == pytest.approx(0.1, abs=1e-4)
    assert 10 <= server.connects <= 12
    assert len(np.unique(records.client)) == server.connects


def test_too_much_is_shed(virtual, service):
    """Beyond max_in_flight, waiting ones included, requests are shed: counted, never sent, without a time."""
    load = constant(10, 2, connections=2, max_in_flight=5, timeout_s=1000)
    records = drive(virtual, service(lambda: 60.0, servers=float("inf")), load)
    shed = records.outcome == Outcome.SHED
    assert np.count_nonzero(shed) == 15
    assert np.count_nonzero(records.ok) == 5
    assert (records.t_send_ns[shed] == 0).all()
    assert (records.client[shed] == -1).all()
    assert np.isnan(records.response_s[shed]).all()


def test_time_out_counts_from_the_due_time(virtual, service):
    """Waiting for a connection is part of the response, and of the time-out."""
    records = drive(virtual, service(lambda: 1.0), constant(2, 2, connections=1, timeout_s=1.2))
    records = records.take(np.argsort(records.seq))
    assert records.outcome.tolist() == [Outcome.OK, Outcome.TIMEOUT, Outcome.TIMEOUT, Outcome.TIMEOUT]
    sent = records.t_send_ns > 0
    limit = (records.t_done_ns - records.t_sched_ns)[sent & ~records.ok]
    assert limit * 1e-9 == pytest.approx(1.2, abs=1e-3)
    assert records.errors == ("timeout",)


def test_requests_that_wait_too_long_are_never_sent(virtual, service):
    """A request whose time ran out in the queue is a miss of class timeout, and does not burden the service."""
    server = service(lambda: 0.5, servers=float("inf"))

    def hang(made):
        made.sessions[0].script, made.sessions[0].connect_s = [None], 0.31

    records = drive(virtual, server, constant(10, 1, connections=1, timeout_s=0.55), prepare=hang)
    late = (records.outcome == Outcome.TIMEOUT) & (records.t_send_ns == 0)
    assert np.count_nonzero(late) >= 3
    assert server.calls == 10 - np.count_nonzero(late)


def test_followed_to_the_end_after_the_window(virtual, service):
    """Requests that are under way or wait when the window ends are followed until they end."""
    records = drive(virtual, service(lambda: 0.5), constant(10, 1, connections=2))
    assert records.ok.all()
    assert records.t_done_ns.max() > 6 * S


def test_unfinished_ones_are_censored(virtual, service):
    """When the drain ends, what is under way and what waits is censored: counted, without a time of its end."""
    records = drive(virtual, service(lambda: 0.5), constant(10, 1, connections=1), drain_s=1.2)
    assert len(records) == 10
    assert np.bincount(records.outcome, minlength=5).tolist() == [4, 0, 0, 0, 6]
    under_way = (records.outcome == Outcome.CENSORED) & (records.t_send_ns > 0)
    assert np.count_nonzero(under_way) == 1
    assert (records.t_done_ns[records.outcome == Outcome.CENSORED] == 0).all()


def test_lost_connection_is_had_again_in_nobodys_time(virtual, service):
    """A reset is one miss; its connection comes back while the others go on, and no request pays for it."""
    server = service(lambda: 0.01, servers=float("inf"))

    def reset(made):
        for session in made.sessions[-2:]:
            session.script, session.refusals = [ConnectionResetError()], 3

    records = drive(virtual, server, constant(100, 2, connections=4), prepare=reset)
    assert np.count_nonzero(records.outcome == Outcome.ERROR) == 2
    assert records.errors == ("reset",)
    assert np.nanmax(records.response_s) < 0.0101
    assert server.connects == 6


def test_dead_service_refuses_what_waits(virtual, service):
    """Where no connection is left and none can be had, waiting requests are refused instead of waiting for ever."""
    server = service(lambda: 0.01, servers=float("inf"))

    def die(made):
        for session in made.sessions:
            session.script, session.refusals = [ConnectionResetError()], 1_000_000

    records = drive(virtual, server, constant(100, 3, connections=2, timeout_s=20), prepare=die)
    kinds = np.bincount(records.error, minlength=2)
    assert dict(zip(records.errors, kinds.tolist(), strict=True)) == {"reset": 2, "refused": 298}
    assert (records.t_done_ns - records.t_sched_ns).max() < 0.3 * S


def test_elastic_service_that_died(virtual, service):
    """A request that needs a connection of its own and is refused is a miss; the next one tries again."""
    server = service(lambda: 0.01, servers=float("inf"))
    make = server.session

    def closed(number=0):
        session = make(number)
        session.refusals = 1
        return session

    def die(made):
        made.sessions[0].script, made.sessions[0].refusals = [ConnectionResetError()], 1
        made.session = closed

    server.session = lambda number=0: server.factory(number)
    server.factory = make

    def prepare(made):
        die(made)
        server.factory = closed

    records = drive(virtual, server, constant(10, 1, connections=1), elastic=True, prepare=prepare)
    assert [records.errors[number] for number in records.error] == ["reset"] + ["refused"] * 9


def test_errors_of_the_service_keep_the_connection(virtual, service):
    """HTTP 500 is a failure without a time; the connection serves on."""
    server = service(lambda: 0.01, servers=float("inf"))

    def fail(made):
        made.sessions[0].script = [RequestFailed("http_500")] * 5

    records = drive(virtual, server, constant(10, 1, connections=1), prepare=fail)
    assert np.count_nonzero(records.ok) == 5
    assert records.errors == ("http_500",)
    assert server.connects == 1


def test_bug_of_an_adapter_ends_the_load(virtual, service):
    """What an adapter must not raise ends the load at once."""

    def break_(made):
        made.sessions[0].script = [KeyError("bug")]

    with pytest.raises(KeyError, match="bug"):
        drive(virtual, service(), constant(10, 1000, connections=1), prepare=break_)
    assert virtual.time() < 10
