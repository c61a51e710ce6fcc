"""Pools of this machine: a compiler where there is one, tasks by hand, and the threads of this process."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from fairtrial.errors import MissingPart
from fairtrial.systems.threadpool.real.binding import load
from fairtrial.systems.threadpool.real.costs import Spin
from fairtrial.systems.threadpool.real.native import Native
from fairtrial.systems.threadpool.record import Tasks
from fairtrial.systems.threadpool.words import Machine, Pool

ROUGH = Spin(ns_per_iteration=1.0, spread=0.0)
"""Work that need not be exact is not measured first."""


@pytest.fixture(scope="session")
def compiled():
    """The native library; without a compiler there is nothing to test."""
    try:
        return load()
    except MissingPart as missing:
        pytest.skip(f"no native pool here: {missing}")


@pytest.fixture
def native(compiled):
    """Make a pool on one core, closed at the end of the test."""
    made = []

    def make(tasks, *, workers=1, queue_limit=None, cores=1, contention=0.0, spin=ROUGH, patience_s=None):
        machine = Machine(cores=cores, contention=contention)
        pool = Pool(workers=workers, queue_limit=queue_limit)
        made.append(Native(tasks, machine, pool, spin=spin, patience_s=patience_s))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def tasks():
    """Make tasks from due times, CPU times and blocking times in seconds; single numbers hold for all."""

    def make(due_s, *, cpu_s=0.0, blocking_s=0.0):
        due = np.asarray(due_s, float)
        cpu, blocking = (np.broadcast_to(np.asarray(one, float), due.shape).copy() for one in (cpu_s, blocking_s))
        return Tasks(due, cpu, blocking)

    return make


@pytest.fixture
def threads():
    """List the numbers of this process's threads."""
    there = Path("/proc/self/task")
    if not there.exists():
        pytest.skip("the system does not list a process's threads in /proc")
    return lambda: {int(one.name) for one in there.iterdir()}


@pytest.fixture
def leftover(threads):
    """Return the threads that this test made and that do not end; one that was joined may be listed a moment longer."""
    before = threads()

    def look():
        limit = time.monotonic() + 10
        while threads() - before and time.monotonic() < limit:
            time.sleep(0.001)
        return threads() - before

    return look


@pytest.fixture
def together():
    """Count how many of these spans there were at once, at most; one that ends as another begins does not overlap."""

    def count(begin_s, end_s):
        times = np.concatenate([end_s, begin_s])
        steps = np.repeat([-1, 1], [len(end_s), len(begin_s)])
        order = np.argsort(times, kind="stable")
        return int(np.cumsum(steps[order]).max(initial=0))

    return count
