"""Whole runs: the landscape curves, every knob acts, and the same seed gives the same bytes."""

from __future__ import annotations

from dataclasses import fields
from math import sqrt

import numpy as np
import pytest

from fairtrial.systems.threadpool.record import Records, Tally
from fairtrial.systems.threadpool.simulate.run import run, simulated
from fairtrial.systems.threadpool.simulate.virtual import Virtual
from fairtrial.systems.threadpool.words import SIZES, Arrivals, Duration, Machine, Pool, Workload
from fairtrial.systems.threadpool.workload.draw import draw

EIGHT = Machine(cores=8)
COMPUTING = Workload(arrivals=Arrivals(rate_per_s=14_400), cpu=Duration(mean_us=500))
"""Nine tenths of what eight cores can do."""
BLOCKING = Workload(
    arrivals=Arrivals(rate_per_s=5000), cpu=Duration(mean_us=500), blocking=Duration(kind="lognormal", mean_us=2000)
)
"""W/S = 4, a third of what eight cores can do; eight workers can do 3200 a second at most."""


def p95(found: Records) -> float:
    """95th percentile of the latency of the later nine tenths, in seconds."""
    return float(np.percentile(found.latency_s[len(found.tasks) // 10 :], 95))


def p95s(load, size, streams, *, count=20_000, seeds=range(12)):
    """The p95 of a size in each replicate."""
    return np.array([p95(run(draw(load, count, streams(seed)), EIGHT, Pool(workers=size))) for seed in seeds])


def above(differences):
    """Whether paired differences are above 0 by more than 3 standard errors."""
    return differences.mean() > 3 * differences.std(ddof=1) / sqrt(len(differences))


def keeps_up(load, size, streams):
    """Whether the p95 of a run three times as long is not far higher: the queue does not grow with time."""
    short, long = (p95s(load, size, streams, count=count, seeds=range(5)).mean() for count in (20_000, 60_000))
    return long < 1.5 * short


@pytest.mark.parametrize("way", [run, simulated])
def test_more_workers_never_hurt_where_nothing_costs(way, streams):
    """Without costs and with a core for each, no task ends later with more workers: p95 never rises with N."""
    load = BLOCKING.model_copy(update={"arrivals": Arrivals(kind="bursty", rate_per_s=5000)})
    machine = Machine(cores=4096, switch_us=0, wake_us=0)
    for seed in range(5):
        tasks = draw(load, 5000, streams(seed))
        found = [way(tasks, machine, Pool(workers=size)) for size in SIZES]
        latencies = np.array([one.latency_s for one in found])
        assert (np.diff(latencies, axis=0) <= 1e-9).all()
        assert (np.diff([p95(one) for one in found]) <= 1e-9).all()
        assert latencies[0].mean() > 2 * latencies[-1].mean()


def test_computing_wants_a_worker_a_core(streams):
    """CPU-bound at 0.9 on eight cores: eight workers beat sixteen, and these sixty-four; four cannot keep up."""
    eight, sixteen, most = (p95s(COMPUTING, size, streams) for size in (8, 16, 64))
    assert above(sixteen - eight)
    assert above(most - sixteen)
    assert keeps_up(COMPUTING, 8, streams)
    assert not keeps_up(COMPUTING, 4, streams)


def test_blocking_wants_more_workers_than_cores(streams):
    """At W/S = 4 eight workers on eight cores cannot keep up; sixteen and thirty-two can, these better."""
    assert not keeps_up(BLOCKING, 8, streams)
    assert keeps_up(BLOCKING, 16, streams)
    assert keeps_up(BLOCKING, 32, streams)
    assert above(p95s(BLOCKING, 16, streams) - p95s(BLOCKING, 32, streams))


def test_too_much_load_grows_without_bound(streams):
    """Four of eight cores' workers finish what arrives at their own pace: half of it is left when the last arrives."""
    tasks = draw(COMPUTING, 20_000, streams())
    found = run(tasks, EIGHT, Pool(workers=4))
    assert found.end_s.max() / tasks.due_s[-1] == pytest.approx(14_400 / 8000, rel=0.05)


@pytest.mark.parametrize("pool", [Pool(workers=8), Pool(workers=24, queue_limit=10)])
def test_same_seed_same_bytes(pool, streams):
    """The same seed gives the same records to the last bit; another one does not."""
    machine = Machine(cores=8, wake_us=0 if pool.queue_limit is None else 10)
    first, again, other = (run(draw(COMPUTING, 5000, streams(seed)), machine, pool) for seed in (1, 1, 2))
    for name in ("begin_s", "end_s", "dropped"):
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()
    assert first.tally == again.tally
    assert first.end_s.tobytes() != other.end_s.tobytes()


CROWDED = Machine(cores=4, contention=0.02, coherence=0.001)
KNOBS = {
    "cores": 5, "switch_us": 50.0, "quantum_us": 100.0, "wake_us": 90.0, "contention": 0.05, "coherence": 0.01,
    "spawn_us": 5000.0,
}  # fmt: skip


def resized(tasks, machine):
    """A pool that doubles in the middle."""
    virtual = Virtual(tasks, machine, Pool(workers=8))
    virtual.advance(float(tasks.due_s[1000]))
    virtual.resize(16)
    virtual.advance(np.inf)
    return virtual.records()


@pytest.mark.parametrize("name", KNOBS)
def test_every_knob_of_the_machine_acts(name, streams):
    """Each of the machine's costs changes when tasks end: a knob that does nothing would be a lie."""
    load = COMPUTING.model_copy(update={"arrivals": Arrivals(rate_per_s=8000), "blocking": Duration(mean_us=100)})
    tasks = draw(load, 2000, streams())
    one, other = (resized(tasks, machine) for machine in (CROWDED, CROWDED.model_copy(update={name: KNOBS[name]})))
    assert (one.end_s != other.end_s).mean() > 0.1


def test_all_knobs_are_tried():
    """No field of the machine is left out above, but the one that only says where costs come from."""
    assert {*KNOBS, "measured"} == set(Machine.model_fields)


def test_every_knob_of_the_pool_acts(streams):
    """More workers end tasks earlier or later, a limit to the queue drops some, and less the higher it is."""
    tasks = draw(COMPUTING, 5000, streams())
    pools = [Pool(workers=8), Pool(workers=12), *(Pool(workers=8, queue_limit=limit) for limit in (0, 10, 40))]
    free, more, none, few, many = (run(tasks, EIGHT, pool) for pool in pools)
    assert (free.end_s != more.end_s).any()
    assert not free.dropped.any()
    assert none.dropped.sum() > few.dropped.sum() > many.dropped.sum() > 0


@pytest.mark.parametrize("part", ["arrivals", "cpu", "blocking"])
def test_every_part_of_the_workload_acts(part, streams):
    """Arrivals, work and blocking each change the latency."""
    other = {"arrivals": Arrivals(rate_per_s=900), "cpu": Duration(mean_us=900), "blocking": Duration(mean_us=900)}
    one, two = (
        run(draw(load, 2000, streams()), EIGHT, Pool())
        for load in (BLOCKING, BLOCKING.model_copy(update={part: other[part]}))
    )
    assert (one.latency_s != two.latency_s).mean() > 0.9


def test_tasks_are_left_as_they_are(streams):
    """The records hold the tasks that were given, unchanged: the next size sees the same."""
    tasks = draw(BLOCKING, 2000, streams())
    before = [column.copy() for column in (tasks.due_s, tasks.cpu_s, tasks.blocking_s)]
    found = run(tasks, EIGHT, Pool())
    assert found.tasks is tasks
    for column, copy in zip((tasks.due_s, tasks.cpu_s, tasks.blocking_s), before, strict=True):
        np.testing.assert_array_equal(column, copy)


def test_tally_has_plain_numbers(streams):
    """The tally is of Python's own numbers, as a book wants them, whatever the window is given as."""
    tasks = draw(BLOCKING, 2000, streams())
    for machine in (EIGHT, Machine(cores=64, wake_us=0)):
        tally = run(tasks, machine, Pool(), since_s=tasks.due_s[100]).tally
        assert {type(getattr(tally, field.name)) for field in fields(Tally)} == {float, int}
