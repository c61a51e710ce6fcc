"""Asking the server for its gauges."""

from __future__ import annotations

import itertools
import threading

from fairtrial.systems.services.watch.gauges import Gauges


def test_answers_are_kept_with_their_time():
    """Each answer has the instant at which it was there; a window condenses those inside."""
    ticks, enough = itertools.count(100, 100), threading.Event()
    values = iter(range(1, 1000))

    async def ask():
        value = next(values)
        if value >= 4:
            enough.set()
        return {"waiting": float(value)}

    with Gauges(ask, clock=lambda: next(ticks), every_s=0.001) as gauges:
        assert enough.wait(30)
    first = gauges.answers[:3]
    assert [(answer.at_ns, answer.values["waiting"]) for answer in first] == [(100, 1.0), (200, 2.0), (300, 3.0)]
    assert gauges.summary(150, 350)["gauges"] == {"waiting": {"mean": 2.5, "max": 3.0, "last": 3.0}}
    assert gauges.failures == {}


def test_a_question_that_fails_is_counted_and_asked_again():
    """A server that refuses now and then loses those answers alone."""
    turns, enough = itertools.count(), threading.Event()

    async def ask():
        turn = next(turns)
        if turn % 2 == 0:
            raise ConnectionRefusedError("refused")
        if turn >= 5:
            enough.set()
        return {"x": 1.0}

    with Gauges(ask, every_s=0.001) as gauges:
        assert enough.wait(30)
    assert gauges.failures["ConnectionRefusedError"] >= 3
    assert len(gauges.answers) >= 2
    assert gauges.summary(0, 2**63)["gauge_failures"] == gauges.failures


def test_no_answer_is_no_gauge():
    """A window without answers has none."""

    async def ask():
        return {"x": 1.0}

    assert Gauges(ask).summary(0, 1) == {"gauges": {}, "gauge_failures": {}}
