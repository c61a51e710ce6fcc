"""The plain FIFO case: the same as the event engine, and used exactly where it is exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.systems.threadpool.record import Tasks
from fairtrial.systems.threadpool.simulate import fifo, state
from fairtrial.systems.threadpool.simulate.run import run, simulated
from fairtrial.systems.threadpool.words import Machine, Pool

PLAIN = Machine(cores=16, switch_us=7, wake_us=0)


def load(seed, count, *, rate, blocks):
    """Tasks of 1 ms of work, some of which block."""
    rng = np.random.default_rng(seed)
    blocking = rng.exponential(2e-3, count) * (rng.random(count) < blocks)
    return Tasks(np.cumsum(rng.exponential(1 / rate, count)), rng.lognormal(-7.2, 1, count), blocking)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32), count=st.integers(1, 400), workers=st.integers(1, 16), rate=st.floats(100, 20_000),
    blocks=st.sampled_from([0.0, 0.5, 1.0]), warm=st.floats(0, 1),
)  # fmt: skip
def test_same_as_the_engine(seed, count, workers, rate, blocks, warm):
    """Every task begins and ends at the same instant, and the tally is the same, whatever the window."""
    tasks = load(seed, count, rate=rate, blocks=blocks)
    since = warm * float(tasks.due_s[-1])
    plain, engine = (way(tasks, PLAIN, Pool(workers=workers), since_s=since) for way in (run, simulated))
    np.testing.assert_allclose(plain.begin_s, engine.begin_s, rtol=0, atol=1e-9)
    np.testing.assert_allclose(plain.end_s, engine.end_s, rtol=0, atol=1e-9)
    for name in ("since_s", "until_s", "switches", "busy_s", "worker_s", "core_s", "spawned", "retired", "spawn_s"):
        assert getattr(plain.tally, name) == pytest.approx(getattr(engine.tally, name), rel=1e-9, abs=1e-9)


def test_long_runs_agree():
    """After a million tasks the two ways are still within 1e-9 s of each other."""
    tasks = load(3, 1_000_000, rate=6000, blocks=0.0)
    plain, engine = (way(tasks, PLAIN, Pool(workers=9)) for way in (run, simulated))
    assert np.abs(plain.end_s - engine.end_s).max() <= 1e-9
    assert plain.tally.switches == engine.tally.switches


@pytest.mark.parametrize(
    ("machine", "pool", "plain"),
    [
        ({}, {}, True),
        ({"switch_us": 50, "quantum_us": 3, "spawn_us": 9}, {}, True),  # nobody takes turns
        ({}, {"workers": 17}, False),
        ({}, {"queue_limit": 5}, False),
        ({"wake_us": 1}, {}, False),
        ({"contention": 0.1}, {}, False),
        ({"coherence": 0.1}, {}, False),
    ],
)
def test_where_it_is_exact(machine, pool, plain):
    """It stands in for the engine only where nothing but waiting for a worker delays a task."""
    costs, size = Machine(**({"cores": 16, "wake_us": 0} | machine)), Pool(**({"workers": 16} | pool))
    assert fifo.exact(costs, size) is plain
    tasks = load(1, 3000, rate=13_000, blocks=0.2)
    work = state.work(tasks)
    fifo.serve(work, size.workers, since_s=0.0, until_s=1.0)
    engine = simulated(tasks, costs, size)
    assert np.allclose(work.end, engine.end_s, rtol=0, atol=1e-9) is plain
    np.testing.assert_allclose(run(tasks, costs, size).end_s, engine.end_s, rtol=0, atol=1e-9)
