"""Replays on the native pool: in short form always, the three workloads with windows of two seconds at length."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest

from fairtrial.errors import MissingPart
from fairtrial.systems.threadpool.metrics import GROUPS
from fairtrial.systems.threadpool.parameters import Control, Parameters
from fairtrial.systems.threadpool.real.binding import load
from fairtrial.systems.threadpool.real.native import Native
from fairtrial.systems.threadpool.reflex.guard import Guard
from fairtrial.systems.threadpool.replay import trial
from fairtrial.systems.threadpool.replay.replay import replay
from fairtrial.systems.threadpool.words import SIZES, Machine, Pool
from fairtrial.systems.threadpool.workload.draw import draw
from fairtrial.testing.context import FakeContext


@pytest.fixture(autouse=True)
def _compiled():
    """Without a C compiler there is no native pool."""
    try:
        load()
    except MissingPart as missing:
        pytest.skip(f"no native pool here: {missing}")


def replayed(tasks, policy, labels=None, **given):
    """Replay on one core of this machine, in real time."""
    parameters = Parameters.model_validate(
        {"mode": "replay", "engine": "real", "machine": {"cores": 1}, "policy": policy, "tasks": tasks, **given}
    )
    context = FakeContext(2, inputs={} if labels is None else {"labels": labels})
    records, found = trial.run(parameters, context, draw(parameters.load, tasks, context.rng))
    return records, found, context


def test_a_fixed_policy_serves_every_task():
    """All tasks end, none is dropped, and the pool keeps its size; decisions are never more than declared."""
    workload = {"arrivals": {"rate_per_s": 400}, "cpu": {"mean_us": 200}, "blocking": {"mean_us": 1000}}
    records, found, context = replayed(
        200, {"kind": "fixed", "workers": 3}, workload=workload, control={"window_s": 0.1}
    )
    assert np.isfinite(records.end_s).all()
    assert (records.latency_s >= records.tasks.blocking_s).all()
    assert found["workers_mean"] == pytest.approx(3)
    assert found["changes_per_s"] == found["spawned"] == 0
    at_s = context.tables["sizes"]["at_s"]
    assert 1 <= len(at_s) <= records.tasks.due_s[-1] / 0.1
    assert (np.diff(at_s) > 0).all()
    assert GROUPS["real"].keys() <= found.keys()


def test_threads_are_added_and_let_go_as_the_rate_says(by_rate, stepped):
    """Twelve threads come with the high rate and go with the low one; all tasks end."""
    tasks = stepped((0.3, 100), (0.7, 1000), (1.2, 50))
    tasks = type(tasks)(tasks.due_s, np.full(len(tasks), 1e-5), np.full(len(tasks), 1e-3))
    control = Control(window_s=0.1, hold_s=0.1, telemetry_s=0.1)
    with Native(tasks, Machine(cores=1), Pool(workers=4)) as pool:
        done = replay(pool, Guard(by_rate(), control, start=4), control, until_s=float(tasks.due_s[-1]))
        pool.advance(float("inf"))
        records = pool.records()
    assert np.isfinite(records.end_s).all()
    changes = done.workers[done.changed].tolist()
    assert changes[0] == 16
    assert all(one != other for one, other in pairwise(changes))
    assert records.tally.spawned == 12 * changes.count(16)
    assert records.tally.spawn_s > 0


def test_no_thread_outlives_a_replay_that_ends_early(stepped, by_rate):
    """A policy that raises in the middle leaves no thread behind."""
    from psutil import Process

    class Broken:
        start, fallbacks = 4, 0

        def decide(self, now_s, features):
            raise ValueError("broken")

    before = Process().num_threads()
    with (
        pytest.raises(ValueError, match="broken"),
        Native(stepped((1.0, 100)), Machine(cores=1), Pool(workers=4)) as pool,
    ):
        replay(pool, Broken(), Control(window_s=0.1), until_s=1.0)
    for _ in range(100):
        if Process().num_threads() <= before:
            break
        time.sleep(0.01)
    assert Process().num_threads() <= before


@pytest.mark.long
@pytest.mark.parametrize("kind", ["poisson", "bursty", "adversarial"])
@pytest.mark.parametrize("policy", ["fixed", "rule", "queueing", "tree", "boosting", "network"])
def test_every_workload_is_replayed_for_real(kind, policy, labels):
    """Two seconds are measured, half a second before them is not: all tasks end, each decision is in the table."""
    workload = {
        "arrivals": {"kind": kind, "rate_per_s": 400, "period_s": 1},
        "cpu": {"mean_us": 1000},
        "blocking": {"mean_us": 8000},
    }
    control = {"window_s": 0.25, "hold_s": 0.25, "telemetry_s": 0.5}
    records, found, context = replayed(
        1000, {"kind": policy, "workers": 8}, workload=workload, control=control, warmup=0.2, labels=labels
    )
    sizes = context.tables["sizes"]
    assert np.isfinite(records.end_s).all()
    assert len(sizes["at_s"]) <= records.tasks.due_s[-1] / 0.25
    assert set(sizes["workers"].tolist()) <= set(SIZES)
    steps = np.diff(sizes["workers"], prepend=8)
    assert found["spawned"] <= steps[steps > 0].sum()
    steps = steps[sizes["at_s"] > records.tally.since_s]
    assert found["changes_per_s"] * (records.tally.until_s - records.tally.since_s) == pytest.approx((steps != 0).sum())
