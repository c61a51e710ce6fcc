"""The null target: instant or delayed answers, and a declared share of failures."""

from __future__ import annotations

import asyncio
from itertools import islice

import pytest

from fairtrial.systems.services.target import RequestFailed, Target
from fairtrial.systems.services.targets.known import adapter


def test_answers_without_a_server():
    """It is a target that starts nothing, needs nothing and counts nothing."""
    target = adapter({"kind": "null"})
    assert isinstance(target, Target)
    assert target.server() is None
    prepared = next(target.requests(0, 0))[1]
    assert asyncio.run(target.session({}, 0).call(prepared)) is None


def test_declared_share_fails():
    """About the declared share of requests fails, the same ones for the same seed and client."""
    target = adapter({"kind": "null", "error_rate": 0.3})
    fails = [fails for _, fails in islice(target.requests(2, 5), 2000)]
    assert sum(fails) == pytest.approx(600, abs=100)
    assert fails == [again for _, again in islice(target.requests(2, 5), 2000)]
    assert fails != [other for _, other in islice(target.requests(3, 5), 2000)]
    failing = next(one for one in fails if one)
    with pytest.raises(RequestFailed, match="null_error"):
        asyncio.run(target.session({}, 0).call(failing))
