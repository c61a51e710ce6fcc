"""A native pool: order, sizes, drops, resizing, clocks, and threads that end with it; asserted on what was recorded."""

from __future__ import annotations

import gc
import math
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairtrial.errors import FairtrialError, Invalid, UserError
from fairtrial.systems.threadpool.real.costs import spin
from fairtrial.systems.threadpool.real.native import Native
from fairtrial.systems.threadpool.words import Machine, Pool

EVERY = 0.0005


def drained(pool, since_s=0.0):
    """Let a pool do all its work."""
    pool.advance(math.inf)
    return pool.records(since_s)


def until(condition, pool, step_s=0.01):
    """Let the pool work until something is so, which it must be within 10 s."""
    at_s = pool.look().at_s
    while not condition():
        assert at_s < 10
        at_s += step_s
        pool.advance(at_s)


def test_all_tasks_end_once(native, tasks):
    """Every task is submitted when due or later, taken, and done, in this order, once."""
    pool = native(tasks(np.arange(400) * EVERY, cpu_s=1e-4, blocking_s=1e-4), workers=4)
    records = drained(pool)
    assert sorted(pool.look().ended) == list(range(400))
    assert not records.dropped.any()
    assert np.all(pool.submitted_s >= records.tasks.due_s - 1e-9)
    assert np.all(records.begin_s >= pool.submitted_s)
    assert np.all(records.end_s >= records.begin_s)


def test_tasks_block_as_long_as_they_should(native, tasks):
    """No task ends before its blocking time is over."""
    blocking = np.random.default_rng(0).exponential(1e-3, 100)
    records = drained(native(tasks(np.arange(100) * EVERY, blocking_s=blocking), workers=8))
    assert np.all(records.end_s - records.begin_s >= blocking - 1e-9)


def test_one_worker_is_first_in_first_out(native, tasks):
    """One worker takes the tasks in order of arrival, one after the other."""
    records = drained(native(tasks(np.zeros(200), cpu_s=5e-5)))
    assert np.all(records.begin_s[1:] >= records.end_s[:-1])


def test_several_workers_take_in_order(native, tasks):
    """Tasks are taken in order of arrival, whoever ends first."""
    blocking = np.random.default_rng(1).exponential(1e-3, 300)
    records = drained(native(tasks(np.arange(300) * 1e-4, blocking_s=blocking), workers=5))
    assert np.all(np.diff(records.begin_s) >= 0)


@pytest.mark.parametrize("workers", [1, 3, 8])
def test_never_more_at_work_than_workers(native, tasks, together, workers):
    """With plenty to do all workers are at work at once, and never one more."""
    records = drained(native(tasks(np.zeros(2 * workers), blocking_s=0.2), workers=workers))
    assert together(records.begin_s, records.end_s) == workers


@pytest.mark.parametrize("limit", [0, 2, 5])
def test_full_queue_drops(native, tasks, limit):
    """While the only worker is blocked, as many tasks wait as the queue holds; later ones are dropped."""
    pool = native(tasks(np.append(0.0, np.full(9, 0.05)), blocking_s=np.append(0.5, np.zeros(9))), queue_limit=limit)
    records = drained(pool)
    assert list(np.flatnonzero(records.dropped)) == list(range(1 + limit, 10))
    assert np.array_equal(np.isnan(records.end_s), records.dropped)
    assert np.array_equal(np.isnan(records.begin_s), records.dropped)


def test_idle_workers_need_no_place_in_the_queue(native, tasks):
    """With room for nobody to wait, tasks that arrive at once are dropped only past the number of idle workers."""
    records = drained(native(tasks(np.zeros(6), blocking_s=0.3), workers=4, queue_limit=0))
    assert list(records.dropped) == [False] * 4 + [True] * 2


def test_blocked_worker_delays_what_follows(native, tasks):
    """Latency counts from the due time: a long task delays those behind it, and they are submitted all the same."""
    pool = native(tasks(np.append(0.0, 0.02 + np.arange(5) * EVERY), blocking_s=np.append(0.5, np.zeros(5))))
    records = drained(pool)
    assert np.all(pool.submitted_s[1:] < records.end_s[0])
    assert np.all(records.latency_s[1:] >= records.end_s[0] - records.tasks.due_s[1:])
    assert np.all(records.wait_s[1:] > 0)


def test_blocking_overlaps(native, tasks):
    """Tasks that block do so at once, on a single core."""
    records = drained(native(tasks(np.zeros(4), blocking_s=0.5), workers=4))
    assert records.begin_s.max() < records.end_s.min()


def test_cpu_work_shares_a_core(native, tasks):
    """On one core four workers together get no more CPU time than passes, and each is slowed down by the others."""
    pool = native(tasks([0.0, 0.0, 0.0, 0.0, 1.0], cpu_s=[0.1, 0.1, 0.1, 0.1, 0.0]), workers=4)
    records = drained(pool)
    span_s = records.end_s[:4].max() - records.begin_s[:4].min()
    assert 0.03 < records.tally.core_s <= span_s
    assert records.tally.busy_s > 1.5 * records.tally.core_s


def test_cpu_work_is_calibrated(native, tasks):
    """Tasks use about as much CPU time as they were given."""
    pool = native(tasks(np.append(np.zeros(50), 1.0), cpu_s=np.append(np.full(50, 2e-3), 0.0)), spin=spin())
    assert 0.1 / 2 < drained(pool).tally.core_s < 0.1 * 2


def test_contention_serialises(native, tasks):
    """Work that is all done holding the lock is done one task after the other, also on two cores."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one CPU: everything is serial")
    one_s = 0.05
    pool = native(tasks(np.zeros(4), cpu_s=one_s), workers=4, cores=2, contention=1.0, spin=spin())
    ends = np.sort(drained(pool).end_s)
    assert np.all(np.diff(ends) > one_s / 2)


def test_growing_takes_effect(native, tasks, together):
    """Workers that are added take what waits, while the first one is still blocked."""
    pool = native(tasks(np.append(np.zeros(8), 1.0), blocking_s=np.append(np.full(8, 0.4), 0.0)))
    pool.advance(0.05)
    pool.resize(4)
    records = drained(pool)
    assert together(records.begin_s, records.end_s) == 4
    assert np.all(records.begin_s[1:4] < records.end_s[0])
    assert (records.tally.spawned, records.tally.retired) == (3, 0)
    assert records.tally.spawn_s > 0


def test_shrinking_lets_busy_workers_end_their_task(native, tasks, together):
    """Busy workers that are too many go after their task; the one left does the rest alone."""
    pool = native(tasks(np.append(np.zeros(6), 1.5), blocking_s=np.append(np.full(6, 0.5), 0.0)), workers=4)
    pool.advance(0.05)
    pool.resize(1)
    assert pool.look().workers == 4
    records = drained(pool)
    assert together(records.begin_s[:4], records.end_s[:4]) == 4
    assert together(records.begin_s[4:], records.end_s[4:]) == 1
    assert pool.look().workers == 1
    assert (records.tally.spawned, records.tally.retired) == (0, 3)


def test_shrinking_lets_idle_workers_go(native, tasks, threads):
    """Idle workers leave at once, while the busy one works on; their threads end."""
    before = threads()
    pool = native(tasks([0.0], blocking_s=20.0), workers=8)
    until(lambda: pool.look().busy == 1, pool)
    pool.resize(2)
    until(lambda: pool.look().workers == 2, pool)
    assert pool.look().busy == 1
    until(lambda: len(threads() - before) == 2, pool)


def test_growing_again_keeps_who_was_to_go(native, tasks):
    """Workers that were to go after their task stay when they are wanted again."""
    pool = native(tasks([0.0, 0.0, 0.0, 0.7], blocking_s=[0.5, 0.5, 0.5, 0.0]), workers=3)
    pool.advance(0.05)
    pool.resize(1)
    pool.resize(3)
    records = drained(pool)
    assert (records.tally.spawned, records.tally.retired, pool.look().workers) == (0, 0, 3)


def test_resizing_at_work_loses_nothing(native, tasks):
    """Every task is done, whatever happens to the size meanwhile, and nobody idles beside waiting tasks for ever."""
    rng = np.random.default_rng(2)
    pool = native(tasks(np.cumsum(rng.exponential(2e-4, 1000)), blocking_s=rng.exponential(5e-4, 1000)), workers=4)
    for turn, size in enumerate(rng.integers(1, 17, 30)):
        pool.advance(turn * 0.005)
        pool.resize(int(size))
    assert not np.isnan(drained(pool).end_s).any()
    assert pool.look().workers == size


def test_looks_are_whole(native, tasks):
    """At every look what arrived is ended, queued, at work or dropped; looks tell every end once, with its time."""
    rng = np.random.default_rng(3)
    given = tasks(np.cumsum(rng.exponential(2e-4, 800)), blocking_s=rng.exponential(1e-3, 800))
    pool = native(given, workers=4, queue_limit=6)
    ended, ended_s, last = [], [], pool.look()
    for turn in range(30):
        pool.advance(turn * 0.006)
        look = pool.look()
        dropped = int(np.sum(pool.records().dropped[: look.arrived]))
        ended, ended_s = [*ended, *look.ended], [*ended_s, *look.ended_s]
        assert len(ended) + look.queued + look.busy <= look.arrived <= len(ended) + look.queued + look.busy + dropped
        assert look.at_s >= turn * 0.006
        assert look.busy_s >= last.busy_s
        assert look.worker_s >= last.worker_s + 3.99 * (look.at_s - last.at_s)
        last = look
    records = drained(pool)
    look = pool.look()
    ended, ended_s = [*ended, *look.ended], [*ended_s, *look.ended_s]
    assert sorted(ended) == list(np.flatnonzero(~records.dropped))
    assert ended_s == list(records.end_s[ended])
    assert len(ended) + int(records.dropped.sum()) == look.arrived == 800


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    workers=st.integers(1, 6),
    limit=st.none() | st.integers(0, 5),
    gaps=st.lists(st.floats(0, 1e-3), min_size=1, max_size=40),
    blocking_s=st.floats(0, 2e-3),
    cpu_s=st.floats(0, 1e-4),
)
def test_conservation(compiled, tasks, together, workers, limit, gaps, blocking_s, cpu_s):
    """Arrived = done + dropped at the end, for any workload; never more at work than there are workers."""
    made = tasks(np.cumsum(gaps), cpu_s=cpu_s, blocking_s=blocking_s)
    with Native(made, Machine(cores=1), Pool(workers=workers, queue_limit=limit)) as pool:
        records = drained(pool)
    done = ~np.isnan(records.end_s)
    assert np.array_equal(done, ~records.dropped)
    assert limit is not None or done.all()
    assert together(records.begin_s[done], records.end_s[done]) <= workers


def test_no_tasks(native, tasks):
    """A pool without tasks is done at once."""
    assert len(drained(native(tasks([]))).tasks) == 0


def test_switches_are_those_of_the_system(native, tasks):
    """Every time that a task blocks the system counts a switch."""
    if sys.platform != "linux":
        pytest.skip("the system does not count the switches of each thread")
    pool = native(
        tasks(np.append(np.arange(100) * EVERY, 1.0), blocking_s=np.append(np.full(100, 1e-3), 0.0)), workers=2
    )
    records = drained(pool)
    assert records.tally.switches >= 100
    assert pool.look().switches >= records.tally.switches


def test_workers_are_kept_on_their_cores(native, tasks, threads):
    """Workers may run on the first `cores` CPUs of the process, the submitter on the next where there is one."""
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("the system cannot keep threads on CPUs")
    there = sorted(os.sched_getaffinity(0))
    before = threads()
    pool = native(tasks([0.0], blocking_s=20.0), workers=3)
    assert [os.sched_getaffinity(one) for one in threads() - before] == [{there[0]}] * 3
    workers = threads()
    pool.advance(0.01)
    (submitter,) = threads() - workers or {None}
    if submitter is not None:
        assert os.sched_getaffinity(submitter) == set(there[1:2] or there[:1])
    assert pool.place.apart == (len(there) > 1)


def test_two_pools_at_once(native, tasks):
    """Pools of one process do not know each other."""
    pools = [native(tasks(np.arange(300) * EVERY, blocking_s=1e-4), workers=n) for n in (2, 5)]
    waiting = [threading.Thread(target=pool.advance, args=(math.inf,)) for pool in pools]
    for one in waiting:
        one.start()
    for one in waiting:
        one.join()
    assert [sorted(pool.look().ended) for pool in pools] == [list(range(300))] * 2


@pytest.mark.parametrize(
    ("work", "contention"), [({"blocking_s": 1000.0}, 0), ({"cpu_s": 1000.0}, 0), ({"cpu_s": 1000.0}, 1)]
)
def test_threads_end_with_the_pool(native, tasks, threads, leftover, work, contention):
    """Closing ends all threads, be they blocking, computing or waiting for the lock; then nothing can be asked."""
    before = threads()
    with native(tasks(np.zeros(8), **work), workers=4, contention=contention) as pool:
        pool.advance(0.02)
        assert len(threads() - before) >= 4
    assert not leftover()
    pool.close()
    with pytest.raises(FairtrialError, match="closed"):
        pool.look()


def test_threads_end_where_the_work_raises(compiled, tasks, leftover):
    """An exception in the caller ends the threads, with a context manager at once and without when it is collected."""

    def fail():
        with Native(tasks([0.0], blocking_s=1000.0), Machine(cores=1), Pool(workers=3)) as pool:
            pool.advance(0.01)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not leftover()
    pool = Native(tasks([0.0], blocking_s=1000.0), Machine(cores=1), Pool(workers=3))
    pool.advance(0.01)
    del pool
    gc.collect()
    assert not leftover()


INTERRUPTED = """
import os, signal, threading, math, numpy as np
from fairtrial.systems.threadpool.real.native import Native
from fairtrial.systems.threadpool.record import Tasks
from fairtrial.systems.threadpool.words import Machine, Pool
signal.signal(signal.SIGINT, signal.default_int_handler)
pool = Native(Tasks(np.zeros(3), np.zeros(3), np.full(3, 1000.0)), Machine(cores=1), Pool(workers=2))
threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    pool.advance(math.inf)
except KeyboardInterrupt:
    print("interrupted", len(os.listdir("/proc/self/task")))
"""


def test_interrupt_ends_the_threads(compiled, threads):
    """Control-C in the middle of waiting is heard, and leaves no thread at work."""
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60, check=True)
    word, left = done.stdout.split()
    assert word == "interrupted"
    assert int(left) <= 2  # the interpreter's, and the timer's where it has not ended yet


def test_standing_still_is_an_error(native, tasks, leftover):
    """Threads that do not move for longer than is possible make one line, and are ended; nobody waits for ever."""
    pool = native(tasks([0.0, 0.0], blocking_s=1000.0), patience_s=0.2)
    with pytest.raises(Invalid, match=r"stood still for 0\.2 s: 1 tasks wait, 1 are at work, 2 of 2 arrived"):
        pool.advance(math.inf)
    assert not leftover()


def test_pauses_between_arrivals_are_no_standing_still(native, tasks):
    """A pool that waits for tasks that are not due yet may do so for as long as it takes."""
    records = drained(native(tasks([0.0, 0.6]), patience_s=0.3))
    assert not np.isnan(records.end_s).any()


def test_more_cores_than_there_are(native, tasks):
    """More cores than this process may use: one line that says how many there are."""
    there = len(os.sched_getaffinity(0))
    with pytest.raises(UserError, match=rf"machine\.cores: {there + 1} asked for, and this process may use {there} "):
        native(tasks([0.0]), cores=there + 1)


def test_sizes_below_one(native, tasks):
    """A pool cannot be left without workers."""
    with pytest.raises(FairtrialError, match="needs a worker"):
        native(tasks([0.0])).resize(0)
