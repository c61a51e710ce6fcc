"""Noting signals."""

from __future__ import annotations

import select
import signal

import pytest

from fairtrial.execute.loop.signals import Signals


@pytest.fixture
def signals():
    """Give open signals, closed afterwards."""
    made = Signals()
    made.open()
    yield made
    made.close()


def readable(signals):
    return bool(select.select([signals.fileno()], [], [], 0)[0])


def test_a_signal_is_counted_and_wakes(signals):
    """The descriptor is readable until it is drained."""
    assert not readable(signals)
    signal.raise_signal(signal.SIGTERM)
    assert (signals.count, signals.last) == (1, signal.SIGTERM)
    assert readable(signals)
    signals.drain()
    assert not readable(signals)


def test_the_second_breaks_in_only_where_it_is_allowed_to(signals):
    """KeyboardInterrupt comes with the second one, inside a part that lets it."""
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)
    signals.breaks = True
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert signals.count == 3


def test_old_handlers_come_back_and_an_ignored_signal_stays_ignored():
    """`nohup` and background jobs of a shell keep what they asked for."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        mine = signal.getsignal(signal.SIGTERM)
        made = Signals()
        made.open()
        signal.raise_signal(signal.SIGINT)
        assert made.count == 0
        assert signal.getsignal(signal.SIGTERM) != mine
        made.close()
        made.close()
        assert signal.getsignal(signal.SIGTERM) is mine
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
