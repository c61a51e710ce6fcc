"""Many simulations at once give what each gives alone."""

from __future__ import annotations

import numpy as np
import pytest
from numba import cuda

from fairtrial.errors import MissingPart
from fairtrial.systems.threadpool.record import Tasks
from fairtrial.systems.threadpool.simulate import batched
from fairtrial.systems.threadpool.simulate.batched import Job
from fairtrial.systems.threadpool.simulate.run import run, simulated
from fairtrial.systems.threadpool.words import Machine, Pool

SIZES = (1, 2, 4, 8, 16)
GPU = cuda.is_available()


@pytest.fixture
def jobs():
    """Sizes, machines and queues of all kinds on workloads of different lengths, as an oracle study has them."""
    rng = np.random.default_rng(3)
    machines = (Machine(cores=4, contention=0.05, coherence=0.01), Machine(cores=16, switch_us=0, wake_us=0))
    found = []
    for count in (1, 40, 700):
        due_s = np.cumsum(rng.exponential(2e-4, count))
        tasks = Tasks(due_s, rng.lognormal(-7.6, 1, count), rng.exponential(1e-3, count) * rng.integers(0, 2, count))
        since_s = float(due_s[count // 10])
        for limit in (None, 3):
            found += [Job(tasks, one, Pool(workers=n, queue_limit=limit), since_s) for one in machines for n in SIZES]
    return found


def alike(some, others):
    """Every task and every total is the same to the last bit."""
    assert len(some) == len(others)
    for one, other in zip(some, others, strict=True):
        assert one.tasks is other.tasks
        assert one.tally == other.tally
        np.testing.assert_array_equal(one.dropped, other.dropped)
        np.testing.assert_array_equal(one.begin_s, other.begin_s)
        np.testing.assert_array_equal(one.end_s, other.end_s)


def test_lanes_as_alone(jobs):
    """A lane gives what the event engine gives for its job alone, whatever the other lanes are."""
    together = batched.run(jobs)
    alike(together, [simulated(job.tasks, job.machine, job.pool, since_s=job.since_s) for job in jobs])
    assert any(records.dropped.any() for records in together)


def test_lots(jobs, monkeypatch):
    """Jobs that do not fit together go in several lots, in order."""
    whole = batched.run(jobs)
    monkeypatch.setattr(batched, "ROOM_BYTES", 7 * 700 * batched.TASK_BYTES)
    alike(batched.run(jobs), whole)


def test_no_jobs():
    """Nothing gives nothing."""
    assert batched.run([]) == []


@pytest.mark.skipif(GPU, reason="there is a CUDA device here, so that asking for one is no mistake")
def test_no_gpu(jobs):
    """A GPU that is asked for and is not there is an error that says what to do, never the processor in its place."""
    with pytest.raises(MissingPart, match="no CUDA device") as caught:
        batched.run(jobs, gpu=True)
    assert "numba-cuda" in caught.value.hint


@pytest.mark.skipif(not GPU, reason="needs a CUDA device and numba-cuda: the batched path on a GPU is not tested here")
def test_gpu_as_processor(jobs):
    """The GPU gives what the processor gives: rounding apart, which multiplies and adds in one step there."""
    for ours, job in zip(batched.run(jobs, gpu=True), jobs, strict=True):
        alone = run(job.tasks, job.machine, job.pool, since_s=job.since_s)
        np.testing.assert_array_equal(ours.dropped, alone.dropped)
        np.testing.assert_allclose(ours.begin_s, alone.begin_s, rtol=0, atol=1e-9)
        np.testing.assert_allclose(ours.end_s, alone.end_s, rtol=0, atol=1e-9)
        assert ours.tally.switches == pytest.approx(alone.tally.switches, abs=1e-6)
        assert ours.tally.busy_s == pytest.approx(alone.tally.busy_s, abs=1e-9)
