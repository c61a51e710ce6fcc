"""The event engine, on cases worked out by hand: times in whole seconds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fairtrial.systems.threadpool.record import Tasks
from fairtrial.systems.threadpool.simulate import engine, state
from fairtrial.systems.threadpool.simulate.run import simulated
from fairtrial.systems.threadpool.words import Machine, Pool

SECOND = 1e6
"""In microseconds."""


def machine(**more):
    """A machine whose costs are given in seconds; none unless given."""
    costs = {name: SECOND * more.pop(name.replace("_us", "_s"), 0.0) for name in ("switch_us", "wake_us", "spawn_us")}
    quantum = SECOND * more.pop("quantum_s", 1.0)
    return Machine(**{"cores": 8, "quantum_us": quantum, **costs, **more})


def tasks(due, cpu, blocking=None):
    """Tasks as columns."""
    blocking = [0.0] * len(due) if blocking is None else blocking
    return Tasks(*(np.array(column, dtype=float) for column in (due, cpu, blocking)))


def test_cores_are_shared():
    """Two tasks on one core go at half the speed while both are there."""
    found = simulated(tasks([0, 1], [2, 2]), machine(cores=1), Pool(workers=2))
    np.testing.assert_allclose(found.end_s, [3, 4])
    np.testing.assert_allclose(found.begin_s, [0, 1])


def test_turns_cost():
    """While more are runnable than there are cores, a switch is paid for every quantum."""
    found = simulated(tasks([0, 0, 20], [2, 2, 1]), machine(cores=1, quantum_s=0.2, switch_s=0.05), Pool(workers=2))
    np.testing.assert_allclose(found.end_s, [5, 5, 21])
    assert found.tally.switches == pytest.approx(5 / 0.25 + 2)  # both fall idle
    assert found.tally.core_s == pytest.approx(5)
    assert found.tally.busy_s == pytest.approx(10)
    assert found.tally.worker_s == pytest.approx(40)


def test_contention():
    """Two workers, each on its own core, hold each other up by the scalability law."""
    found = simulated(tasks([0, 0], [3, 3]), machine(contention=0.3, coherence=0.1), Pool(workers=2))
    np.testing.assert_allclose(found.end_s, [4.5, 4.5])


def test_wake_up():
    """An idle worker needs waking; one that takes the next task at the end of the last does not."""
    found = simulated(tasks([0, 1], [2, 2]), machine(wake_s=0.5), Pool(workers=1))
    np.testing.assert_allclose(found.begin_s, [0, 2.5])
    np.testing.assert_allclose(found.end_s, [2.5, 4.5])


def test_blocking():
    """A task computes for half of its time, blocks, is woken and computes the rest; blocking needs no core."""
    found = simulated(tasks([0, 0, 20], [2, 2, 0], [3, 3, 1]), machine(cores=1, wake_s=0.5), Pool(workers=2))
    # woken at 0.5; both need 1 of one core: 2.5; block until 5.5, woken at 6; both need 1: 8
    np.testing.assert_allclose(found.end_s, [8, 8, 22])
    assert found.tally.core_s == pytest.approx(4)
    assert found.tally.busy_s == pytest.approx(16)


def test_switches_of_blocking():
    """A worker that blocks, and one that falls idle, makes way: a switch each."""
    found = simulated(tasks([0, 9], [2, 1], [3, 0]), machine(), Pool(workers=1))
    assert found.tally.switches == 2
    again = simulated(tasks([0, 1, 9], [2, 2, 1], [3, 0, 0]), machine(), Pool(workers=1))
    assert again.tally.switches == 2  # it takes the second task at once


def test_nothing_to_compute():
    """A task without CPU time only blocks; one with next to nothing ends at once."""
    found = simulated(tasks([0, 0], [0, 1e-300], [3, 0]), machine(), Pool(workers=2))
    np.testing.assert_allclose(found.end_s, [3, 0], atol=1e-12)


@pytest.mark.parametrize(("limit", "kept"), [(0, [0, 4]), (1, [0, 1, 4]), (2, [0, 1, 2]), (None, [0, 1, 2, 3, 4])])
def test_bounded_queue(limit, kept):
    """Who finds no idle worker and the queue full is dropped, and never begins."""
    load = tasks([0, 1, 2, 3, 4.5], [4, 0.25, 3, 1, 1])
    found = simulated(load, machine(), Pool(workers=1, queue_limit=limit))
    dropped = [number for number in range(5) if number not in kept]
    if limit == 2:
        kept, dropped = [0, 1, 2, 4], [3]
    assert np.flatnonzero(found.dropped).tolist() == dropped
    assert np.isfinite(found.end_s).nonzero()[0].tolist() == kept
    np.testing.assert_array_equal(np.isnan(found.begin_s), found.dropped)


def test_order_of_arrival():
    """Waiting tasks are taken in order of arrival, also past dropped ones."""
    load = tasks([0, 0.1, 0.2, 0.3, 1.1, 1.2], [1, 1, 1, 1, 1, 1])
    found = simulated(load, machine(), Pool(workers=1, queue_limit=2))
    np.testing.assert_allclose(found.begin_s, [0, 1, 2, np.nan, 3, np.nan])


def test_ends_before_arrivals():
    """A task that arrives as another ends finds the worker, and the place in the queue, free."""
    found = simulated(tasks([0, 2, 4], [2, 2, 2]), machine(), Pool(workers=1, queue_limit=0))
    assert not found.dropped.any()
    np.testing.assert_allclose(found.wait_s, 0)
    assert found.tally.switches == 2  # it falls idle before it is given the next


def test_equal_tasks_end_by_number():
    """Tasks that end at one instant end in order of their numbers."""
    load = tasks([0] * 6, [3, 2, 2, 3, 2, 3])
    line, work = state.line(machine(cores=2), Pool(workers=6)), state.work(load)
    engine.advance(line, work, np.inf)
    assert work.order.tolist() == [1, 2, 4, 0, 3, 5]


def test_window_of_the_tally():
    """The tally is of the time between two instants, whatever was before and comes after."""
    load = tasks([0, 4, 6], [2, 1, 100])
    whole = simulated(load, machine(), Pool(workers=2)).tally
    later = simulated(load, machine(), Pool(workers=2), since_s=1.0).tally
    assert (whole.since_s, whole.until_s, whole.busy_s, whole.worker_s) == (0, 6, 3, 12)
    assert (later.since_s, later.busy_s, later.worker_s, later.switches) == (1, 2, 10, 2)
    late = simulated(load, machine(), Pool(workers=2), since_s=99.0).tally
    assert (late.since_s, late.until_s, late.busy_s) == (6, 6, 0)


def test_clock_of_service_stays_precise():
    """A core shared by three workers for minutes without a pause does the work to 5e-11 s: no rounding adds up."""
    count = 400_000
    cpu = np.random.default_rng(1).exponential(1e-3, count)
    cpu[0] += 1.0  # so much too much that there is always some left
    load = tasks(np.arange(count) * 0.99e-3, cpu)
    found = simulated(load, machine(cores=1), Pool(workers=3))
    assert found.tally.core_s == pytest.approx(load.due_s[-1], abs=1e-9)
    assert found.end_s.max() == pytest.approx(math.fsum(cpu), abs=5e-11)
