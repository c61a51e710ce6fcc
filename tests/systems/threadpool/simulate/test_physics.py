"""The compiled engine does what the physics says: task by task it equals the slow reference beside this file."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fairtrial.systems.threadpool.record import Tasks
from fairtrial.systems.threadpool.simulate.run import run
from fairtrial.systems.threadpool.simulate.virtual import Virtual
from fairtrial.systems.threadpool.words import Machine, Pool

NEAR_S = 1e-9


@pytest.fixture(scope="module")
def reference():
    """What the module of the slow reference has."""
    module = runpy.run_path(str(Path(__file__).with_name("reference.py")), run_name="reference")
    return SimpleNamespace(Costs=module["Costs"], Reference=module["Reference"])


@st.composite
def machines(draw):
    """Draw a machine of few cores with any of its costs."""
    return Machine(
        cores=draw(st.integers(1, 4)),
        switch_us=draw(st.sampled_from([0.0, 5.0, 400.0])),
        quantum_us=draw(st.sampled_from([100.0, 1000.0, 7000.0])),
        wake_us=draw(st.sampled_from([0.0, 10.0, 700.0])),
        spawn_us=draw(st.sampled_from([0.0, 50.0, 4000.0])),
        contention=draw(st.sampled_from([0.0, 0.05, 1.0])),
        coherence=draw(st.sampled_from([0.0, 0.01, 0.3])),
    )


@st.composite
def pools(draw):
    """Draw a pool of few workers, with and without a limit."""
    return Pool(workers=draw(st.integers(1, 7)), queue_limit=draw(st.none() | st.integers(0, 5)))


@st.composite
def loads(draw):
    """Draw tasks around every load; some compute only, some block only, some do both."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(1, 60))
    due_s = np.cumsum(rng.exponential(draw(st.sampled_from([1e-4, 5e-4, 3e-3])), count))
    computes = rng.random(count) < draw(st.sampled_from([0.0, 0.7, 1.0]))
    blocks = ~computes | (rng.random(count) < draw(st.sampled_from([0.0, 0.5, 1.0])))
    cpu_s, blocking_s = rng.lognormal(-7.6, 1, count) * computes, rng.exponential(2e-3, count) * blocks
    return Tasks(due_s, cpu_s, blocking_s)


@st.composite
def ties(draw):
    """Draw tasks in whole seconds, so that much happens at once, and machines on which sums stay exact."""
    whole = st.integers(0, 4)
    rows = draw(st.lists(st.tuples(whole, whole, whole), min_size=1, max_size=25))
    gaps, computing, blocking = np.array(rows, dtype=float).T
    workers, cores = draw(st.sampled_from([(1, 1), (2, 1), (2, 2), (3, 3), (3, 4), (5, 5)]))
    machine = Machine(cores=cores, switch_us=0, wake_us=draw(st.sampled_from([0.0, 1e6, 2e6])), quantum_us=1e6)
    computing[(computing == 0) & (blocking == 0)] = 1
    tasks = Tasks(np.cumsum(gaps), computing * 2, blocking)
    return tasks, machine, Pool(workers=workers, queue_limit=draw(st.none() | st.integers(0, 4)))


def expected(reference, tasks, machine, pool, *, since_s=0.0, resizes=()):
    """Run the reference."""
    costs = reference.Costs(
        workers=pool.workers,
        cores=machine.cores,
        queue_limit=pool.queue_limit,
        switch_s=machine.switch_us * 1e-6,
        quantum_s=machine.quantum_us * 1e-6,
        wake_s=machine.wake_us * 1e-6,
        sigma=machine.contention,
        kappa=machine.coherence,
        spawn_s=machine.spawn_us * 1e-6,
    )
    columns = tasks.due_s, tasks.cpu_s, tasks.blocking_s
    return reference.Reference(*columns, costs, since_s, resizes).run()


def steady(reference, truth, tasks, *pool, **more):
    """Whether tasks that compute 1e-12 longer end nearly when they did.

    Where every worker more slows all others a lot, the first of two that nearly end together decides how long the
    other one takes: errors grow with every task, whoever computes, and no two programs agree on the last one.
    """
    longer = Tasks(tasks.due_s, tasks.cpu_s * (1 + 1e-12), tasks.blocking_s)
    ends_s = expected(reference, longer, *pool, **more).end_s
    return ends_s.keys() == truth.end_s.keys() and all(abs(ends_s[k] - truth.end_s[k]) < 1e-7 for k in ends_s)


def apart(some, others):
    """Whether no instant of some is nearly one of the others."""
    return not (np.abs(np.subtract.outer(np.array([*some]), np.array([*others]))) < NEAR_S).any()


def equal(found, truth, *, exactly=False):
    """Every task begins and ends when it should, the same are dropped, and as much was in use."""
    numbers = range(len(found.tasks))
    within = 0.0 if exactly else NEAR_S
    for ours, theirs in ((found.begin_s, truth.begin_s), (found.end_s, truth.end_s)):
        np.testing.assert_allclose(ours, [theirs.get(k, np.nan) for k in numbers], rtol=0, atol=within)
    assert set(np.flatnonzero(found.dropped)) == truth.dropped
    tally = found.tally
    assert (tally.since_s, tally.until_s) == (truth.since_s, found.tasks.due_s[-1])
    assert tally.switches == pytest.approx(truth.switches, abs=1e-6)
    assert tally.busy_s == pytest.approx(truth.busy_s, abs=1e-9)
    assert tally.core_s == pytest.approx(truth.core_s, abs=1e-9)
    assert tally.worker_s == pytest.approx(truth.worker_s, abs=1e-9)


@given(tasks=loads(), machine=machines(), pool=pools(), warm=st.sampled_from([0.0, 0.3]))
@settings(max_examples=300)
def test_tasks_as_the_physics_says(reference, tasks, machine, pool, warm):
    """Whatever the costs, every task of a pool begins and ends when the slow reference says, within 1e-9 s."""
    since_s = float(tasks.due_s[int(warm * len(tasks))])
    truth = expected(reference, tasks, machine, pool, since_s=since_s)
    assume(apart(truth.end_s.values(), tasks.due_s))  # else rounding decides what comes first
    assume(apart(truth.blocks_s, (since_s, tasks.due_s[-1])))
    assume(steady(reference, truth, tasks, machine, pool, since_s=since_s))
    equal(run(tasks, machine, pool, since_s=since_s), truth)


@given(case=ties())
@settings(max_examples=200)
def test_ties_in_order(reference, case):
    """Where much happens at one instant, tasks end before others arrive, to the bit."""
    tasks, machine, pool = case
    truth = expected(reference, tasks, machine, pool)
    equal(run(tasks, machine, pool), truth, exactly=True)


@given(tasks=loads(), machine=machines(), pool=pools(), sizes=st.lists(st.integers(1, 7), max_size=8), data=st.data())
@settings(max_examples=200)
def test_resized_as_the_physics_says(reference, tasks, machine, pool, sizes, data):
    """A pool that grows and shrinks while it works gives every task when the slow reference says, within 1e-9 s."""
    instants = st.floats(0, float(tasks.due_s[-1]), exclude_max=True).map(lambda at: at + 1e-7)
    resizes = [*zip(sorted(data.draw(instants) for _ in sizes), sizes, strict=True)]
    truth = expected(reference, tasks, machine, pool, resizes=resizes)
    at_s = [at for at, _ in resizes]
    started_s = np.array(at_s) + machine.spawn_us * 1e-6
    assume(apart(truth.end_s.values(), [*tasks.due_s, *at_s, *started_s]))  # else rounding decides what comes first
    assume(apart(started_s, tasks.due_s) and apart(truth.blocks_s, tasks.due_s[-1:]))
    assume(steady(reference, truth, tasks, machine, pool, resizes=resizes))
    virtual = Virtual(tasks, machine, pool)
    for at, workers in resizes:
        virtual.advance(at)
        virtual.resize(workers)
    virtual.advance(np.inf)
    found = virtual.records()
    equal(found, truth)
    assert (found.tally.spawned, found.tally.retired) == (truth.spawned, truth.retired)
    assert found.tally.spawn_s == pytest.approx(truth.spawn_s, abs=1e-9)
