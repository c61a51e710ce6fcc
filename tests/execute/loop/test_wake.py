"""Waiting for the engine: the first report wakes the loop, the next ones are waited for while there is work ahead."""

from __future__ import annotations

import os

import pytest

from fairtrial.contract.engine import Started
from fairtrial.execute.loop import wake
from fairtrial.execute.loop.signals import Signals


class Time:
    """Time that passes only in `sleep`."""

    def __init__(self):
        self.now, self.slept = 0.0, []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


class Session:
    """An engine whose descriptor is always readable, with a number of reports for each poll."""

    def __init__(self, descriptor, time):
        self._descriptor, self._time = descriptor, time
        self.flushed, self.comes = 0, 2

    def fileno(self):
        return self._descriptor

    def flush(self):
        self.flushed += 1

    def poll(self, timeout_s):
        self._time.now += 0.004  # so that two reports take 2 ms each
        return [Started(number, 1, 1.0) for number in range(self.comes)]


@pytest.fixture
def time(monkeypatch):
    """The time of the module."""
    made = Time()
    monkeypatch.setattr(wake, "time", made)
    return made


@pytest.fixture
def session(time):
    """An engine with something to say."""
    read, write = os.pipe()
    os.write(write, b"x")
    yield Session(read, time)
    os.close(read)
    os.close(write)


@pytest.fixture
def waker(session):
    """What waits for it."""
    signals = Signals()
    signals.open()
    with wake.selector() as watch:
        yield wake.Wake(session, signals, watch)
    signals.close()


def test_reports_wait_half_as_long_as_the_work_ahead_lasts(waker, session, time):
    """By the pace seen last: 4 tasks of 2 reports of 2 ms each last 16 ms."""
    waker.wait(1.0, flying=True, ahead=4)
    assert time.slept == [0.0]
    waker.wait(1.0, flying=True, ahead=4)
    assert time.slept[-1] == pytest.approx(0.008)
    assert session.flushed == 2


def test_reports_never_wait_long(waker, time):
    """However much is ahead."""
    for _ in range(3):
        waker.wait(1.0, flying=True, ahead=1000)
    assert time.slept[-1] == wake.COMPANY_S


def test_nothing_ahead_nothing_waits(waker, time):
    """An engine that waits for the loop is heard at once."""
    for _ in range(3):
        waker.wait(1.0, flying=True, ahead=0)
    assert sum(time.slept) == 0


def test_where_many_come_none_are_waited_for(waker, session, time):
    """After a turn with many reports the next ones are there already."""
    session.comes = wake.COMPANY
    for _ in range(3):
        waker.wait(1.0, flying=True, ahead=1000)
    assert time.slept == [0.0]
