"""Importance of features: what the planted rule reads matters, what it does not read does not."""

from __future__ import annotations

import pytest

from fairtrial.systems.threadpool.parameters import Policy
from fairtrial.systems.threadpool.reflex.importance import importance
from fairtrial.systems.threadpool.telemetry.schema import NAMES


def test_what_the_rule_reads_matters(planted):
    """The load is arrivals times CPU time: both matter, and what is noise does not."""
    found = {one.feature: one for one in importance(planted(200), Policy(kind="tree", workers=32), seed=0)}
    assert tuple(found) == NAMES
    for name in ("arrival_rate", "task_size_mean"):
        assert found[name].low > 0.1
    for name in ("runq_len", "worker_util", "idle_worker_count"):
        assert abs(found[name].rise) < 0.1 * found["arrival_rate"].rise
    assert all(one.low <= one.rise <= one.high for one in found.values())


@pytest.mark.parametrize("held_out", ["none", "bursty"])
def test_a_constant_reads_nothing(planted, held_out):
    """A fixed size does not care for any feature."""
    found = importance(planted(60), Policy(kind="fixed", workers=32), held_out=held_out, seed=0)
    assert {(one.rise, one.low, one.high) for one in found} == {(0.0, 0.0, 0.0)}


def test_the_same_seed_gives_the_same_numbers(planted):
    """Permutations and the bootstrap come from the seed."""
    policy = Policy(kind="tree", workers=32)
    assert importance(planted(60), policy, seed=4) == importance(planted(60), policy, seed=4)
