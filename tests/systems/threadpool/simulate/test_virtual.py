"""A pool in virtual time that is stepped, looked at and resized."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.errors import FairtrialError
from fairtrial.systems.threadpool.record import Tasks
from fairtrial.systems.threadpool.simulate.run import simulated
from fairtrial.systems.threadpool.simulate.virtual import Virtual
from fairtrial.systems.threadpool.words import Machine, Pool


def load(seed, count, rate=3000.0):
    """Tasks of 1 ms of work, half of which block."""
    rng = np.random.default_rng(seed)
    blocking = rng.exponential(2e-3, count) * (rng.random(count) < 0.5)
    return Tasks(np.cumsum(rng.exponential(1 / rate, count)), rng.lognormal(-7.4, 1, count), blocking)


def single(due, cpu):
    """Tasks that only compute, times in seconds."""
    return Tasks(np.array(due, dtype=float), np.array(cpu, dtype=float), np.zeros(len(due)))


machines = st.builds(
    Machine, cores=st.integers(1, 6), switch_us=st.sampled_from([0.0, 50.0]), wake_us=st.sampled_from([0.0, 200.0]),
    contention=st.sampled_from([0.0, 0.1]), spawn_us=st.sampled_from([0.0, 5000.0]),
)  # fmt: skip
pools = st.builds(Pool, workers=st.integers(1, 12), queue_limit=st.none() | st.integers(0, 20))
steps = st.lists(st.tuples(st.floats(0, 0.02), st.none() | st.integers(1, 40)), max_size=25)
settled = settings(max_examples=80, deadline=None)


@settled
@given(st.integers(0, 2**32), machines, pools, st.lists(st.floats(0, 0.02), max_size=20), st.floats(0, 1))
def test_in_pieces_as_in_one_go(seed, machine, pool, gaps, warm):
    """Stopping to look changes nothing, to the last bit."""
    tasks = load(seed, 150)
    since = warm * float(tasks.due_s[-1])
    whole = simulated(tasks, machine, pool, since_s=since)
    stepped = Virtual(tasks, machine, pool)
    for at in np.cumsum(gaps):
        stepped.advance(at)
        stepped.look()
        stepped.records(at / 2)
    stepped.advance(np.inf)
    found = stepped.records(since)
    assert found.begin_s.tobytes() == whole.begin_s.tobytes()
    assert found.end_s.tobytes() == whole.end_s.tobytes()
    assert found.dropped.tobytes() == whole.dropped.tobytes()
    assert found.tally == whole.tally


@settled
@given(st.integers(0, 2**32), machines, pools, steps)
def test_conservation(seed, machine, pool, moves):
    """Whatever the sizes, all that arrived is done, waits, is worked on or dropped; none begins before it is due."""
    tasks, now, done = load(seed, 150), 0.0, 0
    virtual = Virtual(tasks, machine, pool)
    for gap, workers in [*moves, (np.inf, None)]:
        now += gap
        virtual.advance(now)
        if workers is not None:
            virtual.resize(workers)
        seen, found = virtual.look(), virtual.records()
        done += len(seen.ended)
        assert seen.arrived == np.searchsorted(tasks.due_s, now, side="right")
        assert seen.arrived == done + seen.queued + seen.busy + found.dropped.sum()
        assert done == np.isfinite(found.end_s).sum()
        assert 0 <= seen.busy <= seen.workers
    assert (seen.queued, seen.busy) == (0, 0)
    begun = ~found.dropped
    assert (found.begin_s >= tasks.due_s)[begun].all()
    assert (np.diff(found.begin_s[begun]) >= 0).all()
    work = tasks.cpu_s + tasks.blocking_s
    assert (found.end_s - found.begin_s >= work - 1e-9)[begun].all()


@settled
@given(st.integers(0, 2**32), machines, pools, steps)
def test_totals_are_those_of_the_records(seed, machine, pool, moves):
    """Worker time with a task is the sum over tasks; no more cores or workers are counted than there were."""
    tasks, now, size = load(seed, 150), 0.0, pool.workers
    virtual = Virtual(tasks, machine, pool)
    added = gone = 0
    for gap, workers in moves:
        now += gap
        virtual.advance(now)
        if workers is not None:
            before = virtual.look().workers
            virtual.resize(workers)
            added, gone = (
                added + max(virtual.look().workers - before, 0),
                gone + max(before - virtual.look().workers, 0),
            )
            size = workers
    virtual.advance(np.inf)
    seen, found = virtual.look(), virtual.records()
    assert seen.busy_s == pytest.approx(np.nansum(found.end_s - found.begin_s), rel=1e-9)
    virtual.advance(seen.at_s + 1.0)
    later = virtual.look()
    assert later.workers == size
    assert later.worker_s - seen.worker_s == pytest.approx(size)
    tally = found.tally
    span = tally.until_s - tally.since_s
    assert tally.busy_s <= tally.worker_s + 1e-9
    assert tally.core_s <= machine.cores * span + 1e-9
    assert tally.spawn_s <= tally.spawned * machine.spawn_us * 1e-6 + 1e-9
    if now < tasks.due_s[-1]:
        assert tally.spawned == added
        assert tally.retired >= gone


@settled
@given(st.integers(0, 2**32), machines, pools, steps, st.floats(0.01, 0.99))
def test_tally_adds_up(seed, machine, pool, moves, share):
    """The tally from an instant on is the difference of what was seen then and when the last task was due."""
    tasks = load(seed, 150)
    virtual, end = Virtual(tasks, machine, pool), float(tasks.due_s[-1])
    middle, seen = share * end, []
    resized = zip(np.cumsum([gap for gap, _ in moves]), [workers for _, workers in moves], strict=True)
    for at, workers in sorted([(middle, 0), (end, 0), *resized], key=lambda move: move[0]):
        virtual.advance(at)
        if workers:
            virtual.resize(workers)
        elif workers == 0:
            seen.append(virtual.look())
    virtual.advance(np.inf)
    (first, last), tally = seen, virtual.records(middle).tally
    assert tally.switches == pytest.approx(last.switches - first.switches)
    assert tally.worker_s == pytest.approx(last.worker_s - first.worker_s)
    assert tally.busy_s == pytest.approx(last.busy_s - first.busy_s)


def test_added_workers_start():
    """A worker that is added takes a waiting task once it has started, and needs no waking."""
    machine = Machine(cores=8, wake_us=1e5, spawn_us=5e5)
    virtual = Virtual(single([0, 0, 0, 9], [4, 4, 4, 1]), machine, Pool(workers=1))
    virtual.advance(1.0)
    virtual.resize(3)
    seen = virtual.look()
    assert (seen.workers, seen.busy, seen.queued) == (3, 1, 2)
    virtual.advance(1.4)
    assert virtual.look().busy == 1
    virtual.advance(np.inf)
    found = virtual.records()
    np.testing.assert_allclose(found.begin_s, [0, 1.5, 1.5, 9])
    np.testing.assert_allclose(found.end_s, [4.1, 5.5, 5.5, 10.1])
    assert (found.tally.spawned, found.tally.retired, found.tally.spawn_s) == (2, 0, 1.0)
    assert found.tally.worker_s == pytest.approx(1 + 8 * 3)


def test_idle_workers_go_at_once_and_busy_ones_after_their_task():
    """Of four workers, two busy, three go: the idle ones now, a busy one after its task."""
    virtual = Virtual(single([0, 0, 2, 9], [3, 5, 1, 1]), Machine(cores=8, wake_us=0), Pool(workers=4))
    virtual.advance(1.0)
    virtual.resize(1)
    assert virtual.look().workers == 2
    virtual.advance(2.5)
    assert virtual.look().queued == 1
    virtual.advance(4.0)
    seen = virtual.look()
    assert (seen.workers, seen.busy, seen.queued) == (1, 1, 1)  # the first to end went
    virtual.advance(np.inf)
    found = virtual.records()
    np.testing.assert_allclose(found.begin_s, [0, 0, 5, 9])
    assert found.tally.retired == 3
    assert found.tally.worker_s == pytest.approx(4 + 2 * 2 + 6)


def test_starting_workers_go_first():
    """Workers that still start are let go before idle ones, and never work."""
    virtual = Virtual(single([0, 0, 9], [6, 6, 1]), Machine(cores=8, spawn_us=2e6, wake_us=0), Pool(workers=1))
    virtual.resize(4)
    virtual.advance(1.0)
    virtual.resize(2)
    assert virtual.look().workers == 2
    virtual.advance(np.inf)
    found = virtual.records()
    np.testing.assert_allclose(found.begin_s, [0, 2, 9])
    assert (found.tally.spawned, found.tally.retired, found.tally.spawn_s) == (3, 2, 3 + 1.0)


def test_worker_that_was_to_go_stays():
    """Workers wanted again before the task of a leaving one is done are not started: the leaving one stays."""
    virtual = Virtual(single([0, 0, 1, 9], [3, 3, 1, 1]), Machine(cores=8, wake_us=0), Pool(workers=2))
    virtual.advance(1.0)
    virtual.resize(1)
    virtual.advance(2.0)
    virtual.resize(2)
    virtual.advance(np.inf)
    tally = virtual.records().tally
    assert (tally.spawned, tally.retired, tally.worker_s) == (0, 0, pytest.approx(18))


def test_ring_of_starting_workers_grows():
    """A pool that grows again and again while workers start keeps their instants, in order."""
    virtual = Virtual(
        single(np.zeros(40), np.full(40, 50.0)), Machine(cores=64, spawn_us=3e6, wake_us=0), Pool(workers=1)
    )
    for second in range(1, 8):
        virtual.advance(float(second))
        virtual.resize(1 + 5 * second)
    virtual.advance(np.inf)
    begun = np.sort(virtual.records().begin_s)[:36]
    np.testing.assert_allclose(begun, [0, *np.repeat(np.arange(4, 11), 5)])


def test_ended_since_the_last_look():
    """Each look tells the tasks that ended since the last one, in order of their ends."""
    virtual = Virtual(single([0, 0, 0], [3, 1, 2]), Machine(cores=8, wake_us=0), Pool(workers=3))
    told = []
    for at in (0.5, 2.0, 2.5, 3.0):
        virtual.advance(at)
        told.append(virtual.look().ended.tolist())
    assert told == [[], [1, 2], [], [0]]


def test_records_stay_as_they_were():
    """Records of a pool that goes on are those of their instant."""
    virtual = Virtual(single([0, 5], [1, 1]), Machine(wake_us=0), Pool())
    virtual.advance(3.0)
    early = virtual.records()
    virtual.advance(np.inf)
    np.testing.assert_array_equal(early.end_s, [1, np.nan])
    assert early.tally.until_s == 3.0
    assert virtual.records().tally.until_s == 5.0


def test_the_past_is_closed():
    """A pool cannot go back, and cannot be left without workers."""
    virtual = Virtual(single([0, 5], [1, 1]), Machine(), Pool())
    virtual.advance(3.0)
    with pytest.raises(FairtrialError, match="at 3 s cannot go back to 2 s"):
        virtual.advance(2.0)
    with pytest.raises(FairtrialError, match="cannot go back to nan"):
        virtual.advance(np.nan)
    with pytest.raises(FairtrialError, match="a pool of 0 workers does no work"):
        virtual.resize(0)
    virtual.advance(50.0)
    virtual.advance(np.inf)
    assert virtual.look().at_s == 50.0
