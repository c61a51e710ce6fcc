"""The modelled harness: when requests leave it, and what it sees of itself."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.virtual.harness import host, ready, spaced
from fairtrial.systems.services.virtual.words import Generator

DUE = np.cumsum(np.random.default_rng(0).standard_exponential(2000)) / 100


def test_a_perfect_generator_is_in_time():
    """Without lateness and CPU, requests leave when they are due."""
    left, backlog = ready(Generator(), DUE, 1, 0)
    assert left is DUE
    assert not backlog.any()


def test_lateness_has_its_mean():
    """Each request leaves later by an exponential time, which is no backlog of the process."""
    left, backlog = ready(Generator(lateness_s=0.003), DUE, 1, 0)
    assert (left >= DUE).all()
    assert (left - DUE).mean() == pytest.approx(0.003, abs=3 * 0.003 / np.sqrt(len(DUE)))
    assert not backlog.any()


def test_spacing_by_hand():
    """Times are delayed until the one before is so long ago."""
    assert spaced(np.array([0.0, 0.1, 0.2, 5.0]), 1.0).tolist() == pytest.approx([0.0, 1.0, 2.0, 5.0])


def test_processes_share_the_requests():
    """A request waits for its own process only: two processes wait less than one."""
    model = Generator(cpu_per_request_s=0.008)
    (one, waited), (two, _) = (ready(model, DUE, processes, 0) for processes in (1, 2))
    assert (one - DUE).mean() > 4 * (two - DUE).mean() > 0
    assert waited == pytest.approx(one - DUE)
    assert np.diff(np.sort(two[::2])).min() >= 0.008 - 1e-12


def test_a_starved_process_is_later():
    """Half a core makes each request take twice as long to send."""
    starved, _ = ready(Generator(cpu_per_request_s=0.004, cpu=0.5), DUE, 1, 0)
    assert starved == pytest.approx(ready(Generator(cpu_per_request_s=0.008), DUE, 1, 0)[0])


def test_what_it_sees_of_itself():
    """CPU is that of the busiest process, lag the 99th percentile of the backlog, and both are what was modelled."""
    model = Generator(cpu_per_request_s=0.01, loop_lag_s=0.001, overhead_s=0.002, steal=0.03)
    load = Load(duration_s=10)
    seen = host(model, load, worker=np.array([0] * 300 + [1] * 100), backlog=np.array([0.0] * 390 + [0.5] * 10))
    assert seen.cpu_share == pytest.approx(0.3)
    assert seen.loop_lag_p99_s == 0.5
    assert (seen.steal_share, seen.floor_p50_s) == (0.03, 0.002)
    calm = host(model, load, worker=np.array([0]), backlog=np.zeros(1))
    assert calm.loop_lag_p99_s == 0.001


def test_a_generator_that_sent_nothing():
    """Without requests it used nothing and lagged nothing."""
    seen = host(Generator(), Load(), worker=np.zeros(0, int), backlog=np.zeros(0))
    assert (seen.cpu_share, seen.loop_lag_p99_s) == (0.0, 0.0)
