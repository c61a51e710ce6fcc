"""Pacing: everything is called when it is due, in order, never before; on the real clock too."""

from __future__ import annotations

import asyncio
import os
import sys
import time

import pytest

from fairtrial.systems.services.load.pace import Descriptor, Pace, Plain, ahead, precise, tighten


def test_called_in_order_of_due_times(virtual):
    """Calls happen at their instants, whatever the order of asking; two of one instant in the order of asking."""
    seen = []

    async def work():
        pace = virtual.pace()
        for due, name in ((5_000, "b"), (9_000, "d"), (5_000, "c"), (2_000, "a")):
            pace.at(virtual.clock() + due * 1000, lambda name=name: seen.append((name, virtual.clock())))
        await pace.until(virtual.clock() + 10_000_000)
        pace.close()

    begin = virtual.clock()
    virtual.run_until_complete(work())
    assert [name for name, _ in seen] == ["a", "b", "c", "d"]
    assert [round((at - begin) / 1e6) for _, at in seen] == [2, 5, 5, 9]


def test_what_is_overdue_is_called_at_once(virtual):
    """A due time in the past is now."""

    async def work():
        pace = virtual.pace()
        await pace.until(0)
        return virtual.clock()

    before = virtual.clock()
    assert virtual.run_until_complete(work()) - before < 1000


def test_a_margin_is_spun(virtual):
    """The sleep ends the margin before the due time; the rest passes in turns of the loop."""
    turns = []

    async def work():
        pace = Pace(virtual.clock, lambda call: Plain(virtual.clock, call, 0), 50)
        asleep = virtual.clock()
        original = pace._turn
        pace._timer._call = lambda: (turns.append(virtual.clock() - asleep), original())
        await pace.until(asleep + 1_000_000)
        return virtual.clock() - asleep

    assert virtual.run_until_complete(work()) >= 1_000_000
    assert 999_000 < turns[0] < 1_000_000


def test_closed_pace_calls_nothing(virtual):
    """After its end nothing is called."""
    seen = []

    async def work():
        pace = virtual.pace()
        pace.at(virtual.clock() + 1000, lambda: seen.append(1))
        pace.close()
        await asyncio.sleep(1)

    virtual.run_until_complete(work())
    assert seen == []


@pytest.mark.parametrize("kind", ["descriptor", "plain", "best"])
def test_never_early_on_the_real_clock(kind):
    """On the real clock nothing is called before it is due, and everything is called."""
    if kind == "descriptor" and sys.platform != "linux":
        pytest.skip("timerfd is Linux's")
    clock = time.perf_counter_ns
    makers = {
        "descriptor": lambda: Pace(clock, Descriptor, 0),
        "plain": lambda: Pace(clock, lambda call: Plain(clock, call, 2_000_000), 50_000),
        "best": lambda: precise(clock),
    }

    async def work():
        pace, early = makers[kind](), []
        begin = clock()
        for k in range(1, 30):
            due = begin + k * 700_000
            pace.at(due, lambda due=due: early.append(clock() - due))
        await pace.until(begin + 30 * 700_000)
        pace.close()
        return early

    early = asyncio.run(work())
    assert len(early) == 29
    assert min(early) >= 0


def test_timers_can_be_tightened():
    """Asking for tight timers does no harm."""
    tighten()


def realtime() -> bool:
    """Say whether this thread has a real-time priority."""
    if sys.platform != "linux":
        return False
    return os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK == os.SCHED_RR


def child_is_realtime() -> bool:
    """Say whether a process that this one forks has a real-time priority."""
    pid = os.fork()
    if not pid:
        os._exit(realtime())
    return bool(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def test_ahead_of_others_meanwhile_where_that_is_allowed():
    """A thread has a real-time priority meanwhile, not afterwards, nor what it starts; it is told whether it has."""
    with ahead() as first:
        assert realtime() is first
        assert not child_is_realtime()
    assert not realtime()


def test_a_closed_loop_is_as_ordinary_as_the_rest():
    """What is not asked for is not done."""
    with ahead(wanted=False) as first:
        assert not first
        assert not realtime()


def test_what_may_not_go_ahead_does_without(monkeypatch):
    """Without the right to it, nothing is changed and nothing fails."""

    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse, raising=False)
    with ahead() as first:
        assert not first


def test_overdue_calls_let_others_in(virtual):
    """Calls that keep asking for what is overdue already do not keep the loop from everything else."""
    seen = []

    async def work():
        pace = virtual.pace()

        def again():
            seen.append("call")
            pace.at(0, again)

        pace.at(0, again)
        await asyncio.sleep(1e-6)
        pace.close()

    virtual.run_until_complete(work())
    assert 1 < len(seen) < 10_000
