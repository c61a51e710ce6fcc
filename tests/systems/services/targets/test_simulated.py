"""The simulated target: what it answers to those who know only the protocol of a target."""

from __future__ import annotations

import asyncio

import pytest

from fairtrial.errors import UserError
from fairtrial.systems.services.target import Target, Virtual
from fairtrial.systems.services.targets.known import adapter

STREAM = {"tokens_out": 11, "per_token_s": 0.01}


def test_it_is_a_target_without_a_generator():
    """It is found by its kind, starts nothing, and gives records in virtual time."""
    target = adapter({"kind": "simulated"})
    assert isinstance(target, Target)
    assert isinstance(target, Virtual)
    assert target.server() is None
    target.require()
    assert target.endpoint(None) == {"virtual": True}
    assert asyncio.run(target.counters({})) == {}
    assert target.doubt({}, {}) == ""


@pytest.mark.parametrize(
    ("given", "capacity"),
    [
        ({"service": {"mean_s": 0.01}, "servers": 4}, 400),
        ({"service": {"mean_s": 0.01}, "servers": 4, "slowdown": 2.0}, 200),
        ({"service": {"mean_s": 0.1}, "stream": STREAM}, 5),
    ],
)
def test_it_knows_its_capacity(given, capacity):
    """The most that it can serve is its servers by their service time, tokens included."""
    facts = asyncio.run(adapter({"kind": "simulated", **given}).prepare({}, 0))
    assert facts["capacity_per_s"] == pytest.approx(capacity)


def test_nothing_connects_to_it():
    """Whoever wants a connection is told in one line that there is none."""
    target = adapter({"kind": "simulated"})
    with pytest.raises(UserError, match="virtual time"):
        target.session({}, 0)
    with pytest.raises(UserError, match="virtual time"):
        target.requests(0, 0)
