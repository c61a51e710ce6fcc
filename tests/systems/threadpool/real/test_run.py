"""A real run from the floor to the facts."""

from __future__ import annotations

import os

import numpy as np
import pytest

from fairtrial.errors import UserError
from fairtrial.systems.threadpool.real.run import run
from fairtrial.systems.threadpool.words import Machine, Pool


def test_run(compiled, tasks, leftover):
    """Records of all tasks, the tally of the measured ones, and what it needs to judge them; no thread stays."""
    given = tasks(np.arange(500) * 5e-4, cpu_s=1e-4, blocking_s=2e-4)
    records, facts = run(given, Machine(cores=1), Pool(workers=2), since_s=0.05)
    assert not np.isnan(records.end_s).any()
    assert (records.tally.since_s, records.tally.until_s) == (0.05, given.due_s[-1])
    span_s = given.due_s[-1] - 0.05
    assert records.tally.worker_s == pytest.approx(2 * span_s)
    assert 0 < records.tally.busy_s <= records.tally.worker_s
    assert 0 < records.tally.core_s <= records.tally.busy_s
    assert 0 < facts.floor_p50_s <= facts.floor_p99_s
    assert facts.lateness_p99_s >= 0
    assert facts.spin_ns_per_iteration > 0
    assert (facts.cores, facts.apart) == (1, len(os.sched_getaffinity(0)) > 1)
    assert facts.ahead or os.geteuid() != 0
    assert not leftover()


def test_null_tasks_need_no_work(compiled, tasks):
    """Tasks that only block are run without measuring how long CPU work takes."""
    records, facts = run(tasks(np.zeros(3), blocking_s=1e-3), Machine(cores=1), Pool(workers=3))
    assert records.latency_s.min() >= 1e-3
    assert facts.spin_spread == 0


def test_too_many_cores(compiled, tasks):
    """More cores than there are is said before anything is measured."""
    with pytest.raises(UserError, match=r"machine\.cores: 4096 asked for"):
        run(tasks([0.0]), Machine(cores=4096), Pool())
