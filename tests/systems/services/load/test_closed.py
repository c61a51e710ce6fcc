"""The closed loop in virtual time: Little's law, think time, ramps, time-outs, lost connections, the drain."""

from __future__ import annotations

import asyncio
import random
from itertools import repeat

import numpy as np
import pytest

from fairtrial.errors import ServiceFailed
from fairtrial.systems.services.load.closed import Closed, User
from fairtrial.systems.services.load.parts import merge
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.record import Outcome
from fairtrial.systems.services.target import Reply, RequestFailed

S = 1_000_000_000


def drive(virtual, sessions, load, *, drain_s=None, requests=None):
    """Run the users from second 2 on; return their records, merged."""

    async def work():
        users = [
            User(number, session, requests or repeat((0, "ask")), random.Random(number))
            for number, session in enumerate(sessions)
        ]
        loop = Closed(users, load, clock=virtual.clock, pace=virtual.pace())
        await loop.connect()
        await loop.run(2 * S, 2 * S + round(load.duration_s * S), drain_s=drain_s)
        await loop.close()
        return merge(loop.records(0, ("call",)))

    return virtual.run_until_complete(work())


@pytest.mark.parametrize("think", ["constant", "exponential"])
def test_littles_law(virtual, service, think):
    """N = X (R + Z): ten users who think for 30 ms at a queue with exponential service."""
    rng = random.Random(1)
    server = service(lambda: rng.expovariate(1 / 0.003))
    load = Load(clients=10, think_s=0.03, think=think, duration_s=200)
    records = drive(virtual, [server.session() for _ in range(10)], load)
    rate = len(records) / 200
    assert rate * (records.response_s.mean() + 0.03) == pytest.approx(10, rel=0.01)


def test_service_time_is_what_was_served(virtual, service):
    """Without a queue each request takes its service time, is due when it is sent, and the next follows at once."""
    server = service(lambda: 0.01, servers=float("inf"))
    records = drive(virtual, [server.session(), server.session()], Load(clients=2, duration_s=1))
    assert np.bincount(records.client).tolist() == [100, 100]
    assert records.service_s == pytest.approx(0.01, abs=1e-6)
    assert np.array_equal(records.t_sched_ns, records.t_send_ns)
    assert records.seq.tolist() == [*range(100), *range(100)]


def test_ramp_spreads_the_start(virtual, service):
    """Users start one after the other over the ramp."""
    server = service(lambda: 0.01, servers=float("inf"))
    load = Load(clients=4, ramp_s=2.0, duration_s=3)
    records = drive(virtual, [server.session() for _ in range(4)], load)
    first = [records.t_send_ns[records.client == number].min() for number in range(4)]
    assert [round((at - 2 * S) / S, 3) for at in first] == [0.0, 0.5, 1.0, 1.5]


def test_constant_think_time_starts_at_random(virtual, service):
    """Users with the same think time do not march in step: their first pause is drawn."""
    server = service(lambda: 0.001, servers=float("inf"))
    load = Load(clients=20, think_s=1.0, think="constant", duration_s=3)
    records = drive(virtual, [server.session() for _ in range(20)], load)
    first = np.array([records.t_send_ns[records.client == number].min() for number in range(20)]) - 2 * S
    assert first.max() < S
    assert first.std() > 0.15 * S


def test_hanging_request_times_out(virtual, service):
    """A request that hangs is a miss after the time-out; its user connects again and goes on."""
    server = service(lambda: 0.1)
    session = server.session()
    session.script = ["serve", None, "serve"]
    records = drive(virtual, [session], Load(duration_s=2, timeout_s=0.5))
    assert records.outcome[:3].tolist() == [Outcome.OK, Outcome.TIMEOUT, Outcome.OK]
    assert records.errors == ("timeout",)
    assert (records.t_done_ns - records.t_send_ns)[1] == pytest.approx(0.5 * S, abs=1e4)
    assert np.isnan(records.response_s[1])
    assert server.connects == 2


def test_time_out_that_an_adapter_renames(virtual, service):
    """An adapter that turns its cancellation into a failure of its own changes nothing: it was a time-out."""
    session = service(lambda: 0.1).session()
    plain = session.call

    async def call(prepared):
        try:
            return await plain(prepared)
        except asyncio.CancelledError:
            raise RequestFailed("sql_57014") from None

    session.call, session.script = call, [None, None]
    records = drive(virtual, [session], Load(duration_s=3, timeout_s=0.5))
    assert records.outcome[:3].tolist() == [Outcome.TIMEOUT, Outcome.TIMEOUT, Outcome.OK]
    assert records.errors == ("timeout",)


def test_slow_requests_below_the_limit_are_left_alone(virtual, service):
    """Requests of 0.9 of the time-out succeed, one after the other: the watchdog's clock starts anew for each."""
    records = drive(virtual, [service(lambda: 0.45).session()], Load(duration_s=9, timeout_s=0.5))
    assert len(records) == 20
    assert records.ok.all()


def test_failures_are_misses_by_class(virtual, service):
    """An error of the service keeps the connection, a lost one is connected again; neither has a time."""
    server = service(lambda: 0.1)
    session = server.session()
    session.script = [RequestFailed("http_500"), ConnectionResetError(), BrokenPipeError(), OSError(24, "too many")]
    records = drive(virtual, [session], Load(duration_s=1))
    kinds = [records.errors[number] if number >= 0 else "" for number in records.error[:5]]
    assert kinds == ["http_500", "reset", "reset", "os_emfile", ""]
    assert np.isnan(records.response_s[:4]).all()
    assert records.ok[4:].all()
    assert server.connects == 4


def test_refused_while_connecting_again(virtual, service):
    """Where a lost connection cannot be had again, every attempt is a refused request, ever less often."""
    server = service(lambda: 0.1)
    session = server.session()
    session.script = ["serve", ConnectionResetError()]

    async def later():
        session.refusals = 5

    virtual.call_at(2.05, lambda: virtual.create_task(later()))
    records = drive(virtual, [session], Load(duration_s=5))
    refused = records.t_send_ns[records.error == records.errors.index("refused")]
    assert len(refused) == 5
    assert np.diff(refused).tolist() == pytest.approx([0.01 * S, 0.02 * S, 0.04 * S, 0.08 * S], rel=0.01)
    assert records.ok[-1]


def test_requests_under_way_are_followed(virtual, service):
    """What was sent before the end is followed to its end; nothing is sent after it."""
    records = drive(virtual, [service(lambda: 0.7).session()], Load(duration_s=1))
    assert records.ok.tolist() == [True, True]
    assert records.t_done_ns[-1] > 3 * S


def test_unfinished_requests_are_censored(virtual, service):
    """What has not ended when the drain ends is censored, with no time of its end."""
    records = drive(virtual, [service(lambda: 0.7).session()], Load(duration_s=1), drain_s=0.2)
    assert records.outcome.tolist() == [Outcome.OK, Outcome.CENSORED]
    assert records.t_done_ns[-1] == 0
    assert np.isnan(records.response_s[-1])


def test_thinking_users_end_at_once(virtual, service):
    """A user who thinks when the load ends is not waited for."""
    load = Load(think_s=1000.0, think="constant", duration_s=1)
    assert len(drive(virtual, [service().session()], load)) == 0
    assert virtual.time() < 4


def test_replies_are_kept(virtual, service):
    """Tokens, first content, chunk gaps and recall of a reply are in the record of their request."""
    session = service(lambda: 0.3).session()
    session.script = ["serve", Reply(7, 100, 5, 3, [7, 9, 14], 0.5), Reply(8, 50)]
    records = drive(virtual, [session], Load(duration_s=1))
    assert records.t_first_ns.tolist() == [0, 7, 8, 0]
    assert records.bytes_in.tolist() == [0, 100, 50, 0]
    assert records.tokens_out.tolist() == [-1, 3, -1, -1]
    assert records.gaps.tolist() == [0, 2, 0, 0]
    assert records.gap.tolist() == [2, 5]
    assert records.recall[1] == 0.5


def test_answers_are_read_after_the_clock(virtual, service):
    """A session that settles reads its answer after the end was taken; what it rejects is a miss."""
    session = service(lambda: 0.25).session()
    seen = []

    def settle(prepared, reply):
        seen.append((prepared, virtual.time()))
        if len(seen) == 2:
            raise RequestFailed("protocol")
        reply.recall, reply.raw = 0.75, None

    session.settle = settle
    session.script = [Reply(raw=b"x") for _ in range(4)]
    records = drive(virtual, [session], Load(duration_s=1))
    assert [prepared for prepared, _ in seen] == ["ask"] * 4
    assert records.outcome.tolist() == [0, Outcome.ERROR, 0, 0]
    assert records.recall[0] == 0.75


def test_unreachable_before_the_begin(virtual, service):
    """A connection that fails before the load begins ends it: nothing was measured."""
    session = service().session()
    session.refusals = 1
    with pytest.raises(ServiceFailed, match="connection 1 of 1 failed: refused"):
        drive(virtual, [session], Load(duration_s=1))


def test_bug_of_an_adapter_is_not_a_miss(virtual, service):
    """What an adapter must not raise ends the load at once, with its traceback."""
    one, other = service(lambda: 0.1).session(), service(lambda: 0.1).session()
    one.script = [KeyError("bug")]
    with pytest.raises(KeyError, match="bug"):
        drive(virtual, [one, other], Load(clients=2, duration_s=1000))
    assert virtual.time() < 3
