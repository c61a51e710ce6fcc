"""A replay in virtual time, from the parameters to the metrics."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.threadpool.metrics import GROUPS, measured
from fairtrial.systems.threadpool.parameters import Control, Parameters
from fairtrial.systems.threadpool.reflex.guard import Guard
from fairtrial.systems.threadpool.replay import trial
from fairtrial.systems.threadpool.replay.replay import replay
from fairtrial.systems.threadpool.simulate.run import run as plainly
from fairtrial.systems.threadpool.simulate.virtual import Virtual
from fairtrial.systems.threadpool.system import ThreadPool
from fairtrial.systems.threadpool.words import Machine, Pool, Workload
from fairtrial.systems.threadpool.workload.draw import draw
from fairtrial.testing.context import FakeContext

BLOCKING = {
    "arrivals": {"kind": "bursty", "rate_per_s": 1000, "period_s": 2},
    "cpu": {"mean_us": 1000},
    "blocking": {"mean_us": 4000},
}


def replaying(**given) -> Parameters:
    """Return the parameters of a replay of ten seconds of a bursty load that blocks."""
    return Parameters.model_validate({"mode": "replay", "workload": BLOCKING, "tasks": 10_000, **given})


def replayed(parameters, seed=1, **inputs):
    """Replay and return the records, the metrics and the context."""
    context = FakeContext(seed, inputs=inputs)
    records, found = trial.run(parameters, context, draw(parameters.load, parameters.tasks, context.rng))
    return records, found, context


@pytest.mark.parametrize("workers", [1, 6, 8, 64])
@pytest.mark.parametrize("queue_limit", [None, 3])
def test_a_fixed_policy_is_the_plain_run_of_that_size(workers, queue_limit):
    """Looking changes nothing: begins, ends, drops and totals are those of the pool that nobody asked."""
    given = replaying(policy={"kind": "fixed", "workers": workers}, pool={"queue_limit": queue_limit})
    records, found, _ = replayed(given)
    pool = Pool(workers=workers, queue_limit=queue_limit)
    plain = plainly(records.tasks, given.machine, pool, since_s=records.tally.since_s)
    assert np.array_equal(records.begin_s, plain.begin_s, equal_nan=True)
    assert np.array_equal(records.end_s, plain.end_s, equal_nan=True)
    assert np.array_equal(records.dropped, plain.dropped)
    for name in ("until_s", "switches", "busy_s", "worker_s", "core_s", "spawned", "spawn_s"):
        assert getattr(records.tally, name) == pytest.approx(getattr(plain.tally, name), rel=1e-9), name
    assert found["workers_mean"] == pytest.approx(workers)
    assert found["changes_per_s"] == found["spawned"] == found["fallback_share"] == 0


@pytest.mark.parametrize("window_s", [0.1, 0.5, 2.0])
def test_decisions_are_as_many_as_declared(window_s):
    """One a window over the time that is measured, to one decision."""
    records, found, context = replayed(replaying(policy={"kind": "rule"}, control={"window_s": window_s}))
    span_s = records.tally.until_s - records.tally.since_s
    assert abs(found["decisions_per_s"] * span_s - span_s / window_s) <= 1
    assert len(context.tables["sizes"]["at_s"]) == int(records.tasks.due_s[-1] / window_s)


def test_it_measures_what_the_system_says():
    """Every metric of the mode has a number, and a stable load its percentiles."""
    found = ThreadPool().run(replaying(policy={"kind": "rule"}), FakeContext(3))
    missing = {name for name in measured("replay", "simulated", row=False, costs=False) if found[name] is None}
    assert not missing
    assert GROUPS["replay"].keys() <= found.keys()


def test_the_table_has_every_decision_and_every_task_that_ended():
    """Sizes, changes and the p95 of a window are those of the records; the series tells the sizes too."""
    records, found, context = replayed(replaying(policy={"kind": "rule", "workers": 1}))
    sizes = context.tables["sizes"]
    begins = np.append(0.0, sizes["at_s"][:-1])
    for at, (begin_s, end_s) in enumerate(zip(begins, sizes["at_s"], strict=True)):
        latency_s = records.latency_s[(records.end_s > begin_s) & (records.end_s <= end_s)]
        assert len(latency_s) == sizes["ended"][at]
        assert sizes["latency_p95_s"][at] == pytest.approx(np.quantile(latency_s, 0.95))
    assert [step["workers"] for _, step in context.steps] == sizes["workers"].tolist()
    assert sizes["changed"].tolist() == (np.diff(sizes["workers"], prepend=1) != 0).tolist()
    assert sizes["changed"].any()
    span_s = records.tally.until_s - records.tally.since_s
    within = sizes["at_s"] > records.tally.since_s
    assert found["changes_per_s"] == pytest.approx(sizes["changed"][within].sum() / span_s)


def test_a_window_in_which_nothing_ended_has_no_percentile(stepped, by_rate):
    """A gap in the load is missing values, not zeros."""
    tasks = stepped((1.0, 200), (3.0, 0.5), (4.0, 200))
    pool = Virtual(tasks, Machine(), Pool(workers=4))
    done = replay(pool, Guard(by_rate(), Control(), start=4), Control(), until_s=4.0)
    pool.advance(float("inf"))
    found = trial.table(done, pool.records())
    assert [value is None for value in found["latency_p95_s"]] == [count == 0 for count in found["ended"]]
    assert 0 in found["ended"]


def test_a_step_of_the_load_is_followed_within_hold_and_window(stepped, by_rate):
    """The load jumps up and, later, back: the size follows each time; down, when the window holds no more of it."""
    control = Control(window_s=0.5, hold_s=1.0, telemetry_s=0.5)
    tasks = stepped((4.2, 100), (8.2, 2000), (12.0, 100))
    pool = Virtual(tasks, Machine(), Pool(workers=4))
    done = replay(pool, Guard(by_rate(), control, start=4), control, until_s=12.0)
    up_s, down_s = done.at_s[done.changed]
    assert 4.2 < up_s <= 4.2 + control.window_s + control.hold_s
    assert 8.2 < down_s <= 8.2 + control.window_s + control.hold_s + control.telemetry_s
    assert done.workers[-1] == 4


def test_between_changes_the_hold_time_passes(stepped, by_rate):
    """A load that jumps every half second changes the size every two seconds at most."""
    control = Control(window_s=0.25, hold_s=2.0, telemetry_s=0.25)
    steps = [(0.5 * turn, 2000.0 if turn % 2 else 50.0) for turn in range(1, 41)]
    pool = Virtual(stepped(*steps), Machine(), Pool(workers=4))
    done = replay(pool, Guard(by_rate(), control, start=4), control, until_s=20.0)
    gaps_s = np.diff(done.at_s[done.changed])
    assert len(gaps_s) > 3
    assert gaps_s.min() >= 2.0 - 1e-9


def test_telemetry_out_of_range_freezes_the_size(stepped, by_rate):
    """What was not trained for moves nothing at first, then goes back to the start, and is counted as a fallback."""
    control = Control(window_s=0.5, hold_s=0.5, telemetry_s=1.0)
    tasks = stepped((3.0, 100), (6.0, 1000), (12.0, 6000))
    pool = Virtual(tasks, Machine(), Pool(workers=4))
    done = replay(pool, Guard(by_rate(known_per_s=1500), control, start=4), control, until_s=12.0)
    assert done.workers[(done.at_s > 4.0) & (done.at_s <= 6.0)].tolist() == [16] * 4
    lost_s = done.at_s[done.fallback]
    assert lost_s.min() == 6.5
    assert (done.workers[(done.at_s >= 6.5) & (done.at_s < 7.5)] == 16).all()
    assert (done.workers[done.at_s >= 7.5] == 4).all()
    assert done.fallback[done.at_s >= 6.5].all()


def test_it_is_deterministic(labels):
    """The same seed gives the same ends, decisions and metrics, to the last bit."""
    given = replaying(policy={"kind": "boosting"})
    (first, one, context), (again, two, other) = (replayed(given, labels=labels) for _ in range(2))
    assert one == two
    assert np.array_equal(first.end_s, again.end_s)
    assert context.tables["sizes"]["workers"].tolist() == other.tables["sizes"]["workers"].tolist()


@pytest.mark.parametrize("kind", ["poisson", "bursty", "adversarial"])
def test_all_policies_meet_the_same_tasks(kind, labels):
    """Replicate k brings the same arrivals and the same work, whoever chooses and whatever the size was."""
    workload = {**BLOCKING, "arrivals": {**BLOCKING["arrivals"], "kind": kind}}
    tables = []
    for policy in ("fixed", "rule", "queueing", "tree"):
        context = FakeContext(5, inputs={"labels": labels})
        ThreadPool().run(replaying(workload=workload, policy={"kind": policy}, tasks=3000, records=True), context)
        tables.append(context.tables["tasks"])
    for name in ("due_s", "cpu_s", "blocking_s"):
        assert all(np.array_equal(tables[0][name], other[name]) for other in tables[1:])


def test_a_longer_start_of_workers_costs_what_it_must(by_rate, stepped):
    """Workers that need half a second until they work: so many worker-seconds are lost, and tasks end later."""
    tasks = stepped((2.0, 100), (6.0, 6000))
    ended, lost = [], []
    for spawn_us in (0.0, 500_000.0):
        pool = Virtual(tasks, Machine(spawn_us=spawn_us), Pool(workers=4))
        replay(pool, Guard(by_rate(), Control(), start=4), Control(), until_s=6.0)
        pool.advance(float("inf"))
        records = pool.records()
        ended.append(records.latency_s.mean())
        lost.append(records.tally.spawn_s)
    assert lost == [0.0, pytest.approx(12 * 0.5)]
    assert ended[1] > 1.2 * ended[0]


def test_a_workload_without_a_kind_of_its_own_is_the_default_one():
    """A replay without a workload replays the default one."""
    given = Parameters.model_validate({"mode": "replay", "policy": {"kind": "fixed"}, "tasks": 500})
    assert given.load == Workload()
    assert len(replayed(given)[0].tasks) == 500
