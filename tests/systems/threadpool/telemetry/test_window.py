"""The ten numbers from looks: what a window holds, what is undefined, and that training and replay see the same."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.threadpool.parameters import Control
from fairtrial.systems.threadpool.record import Look, Records, Tally, Tasks
from fairtrial.systems.threadpool.replay.replay import replay
from fairtrial.systems.threadpool.simulate.virtual import Virtual
from fairtrial.systems.threadpool.telemetry.schema import NAMES
from fairtrial.systems.threadpool.telemetry.simulated import seen
from fairtrial.systems.threadpool.telemetry.window import Window
from fairtrial.systems.threadpool.words import Arrivals, Duration, Machine, Pool, Workload
from fairtrial.systems.threadpool.workload.draw import draw

TASKS = Tasks(np.arange(1.0, 11.0) / 10, np.arange(1.0, 11.0) * 1e-3, np.zeros(10))
LATENCY_S = np.arange(1.0, 11.0) * 1e-2


class Told:
    """A pool that is what it is told to be: task i ends LATENCY_S[i] after it is due."""

    def records(self, since_s: float = 0.0) -> Records:
        nothing = Tally(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        return Records(TASKS, TASKS.due_s, TASKS.due_s + LATENCY_S, np.zeros(10, bool), nothing)


def look(at_s: float, ended: list[int], *, told: bool = True, **other) -> Look:
    """A look at a pool of four workers."""
    number = np.array(ended, np.int64)
    ends_s = (TASKS.due_s + LATENCY_S)[number] if told else np.empty(0)
    values = {"workers": 4, "busy": 1, "queued": 3, "arrived": 0, "switches": 0.0, "busy_s": 0.0} | other
    return Look(at_s=at_s, worker_s=4 * at_s, ended=number, ended_s=ends_s, **values)


def named(features) -> dict[str, float]:
    return dict(zip(NAMES, features.tolist(), strict=True))


def test_first_look():
    """Before any time has passed there are no rates and no times; queue and idle workers are known."""
    found = named(Window(1.0).features(look(0.0, []), Told()))
    assert (found.pop("runq_len"), found.pop("idle_worker_count")) == (3.0, 3.0)
    assert np.isnan(list(found.values())).all()


@pytest.mark.parametrize("told", [True, False])
def test_between_two_looks(told):
    """Rates are differences over the time between; times are those of the tasks that ended; told or asked for."""
    window = Window(1.0)
    window.features(look(1.0, [0, 1], arrived=2, switches=10.0, busy_s=1.0, told=told), Told())
    found = named(
        window.features(look(3.0, [2, 4, 3], arrived=7, switches=30.0, busy_s=5.0, busy=4, told=told), Told())
    )
    assert found["arrival_rate"] == 2.5
    assert found["completion_rate"] == 1.5
    assert found["task_time_p50_us"] == pytest.approx(40_000)
    assert found["task_time_p95_us"] == pytest.approx(49_000)
    assert found["worker_util"] == 0.5
    assert found["ctx_switches_per_sec"] == 10.0
    assert found["task_size_mean"] == pytest.approx(4000)
    assert found["task_size_var"] == pytest.approx(2e6 / 3)
    assert (found["runq_len"], found["idle_worker_count"]) == (3.0, 0.0)


def test_reaches_back_one_window():
    """Older looks are forgotten: the window starts at the newest one that is old enough, though sums of steps round."""
    window, arrived = Window(0.3), [0, 1, 3, 6, 10]
    for step, count in enumerate(arrived):
        found = named(window.features(look(0.1 * step, [step], arrived=count), Told()))
    assert found["arrival_rate"] == pytest.approx((10 - 1) / 0.3)
    assert found["completion_rate"] == pytest.approx(3 / 0.3)


def test_nothing_ended():
    """Without a task that ended, times are undefined and rates are 0."""
    window = Window(1.0)
    window.features(look(1.0, [0]), Told())
    found = named(window.features(look(2.0, []), Told()))
    assert found["completion_rate"] == 0.0
    assert {name for name, value in found.items() if np.isnan(value)} == {name for name in NAMES if "task_" in name}


def test_utilisation_is_a_share():
    """Sums that rounding puts above all there was are all there was."""
    window = Window(1.0)
    window.features(look(0.0, []), Told())
    assert named(window.features(look(1.0, [0], busy_s=4 * (1 + 1e-15)), Told()))["worker_util"] == 1.0


class Watching:
    """A policy that keeps the size and what it was shown."""

    start, fallbacks = 8, 0

    def __init__(self) -> None:
        self.shown: dict[float, np.ndarray] = {}

    def decide(self, now_s: float, features: np.ndarray) -> int:
        self.shown[now_s] = features
        return self.start


@pytest.mark.parametrize("kind", ["poisson", "bursty", "adversarial"])
def test_training_sees_what_replay_sees(kind):
    """A replay's features are those of a generated row of this pool at that instant; totals up to rounding."""
    arrivals = Arrivals(kind=kind, rate_per_s=2000.0, period_s=0.7)
    blocking = Duration(kind="exponential", mean_us=1000)
    workload = Workload(arrivals=arrivals, cpu=Duration(kind="lognormal", mean_us=1500), blocking=blocking)
    tasks = draw(workload, 8000, lambda name: np.random.default_rng([3, len(name)]))
    machine, pool, policy = Machine(cores=4), Pool(workers=8), Watching()
    replay(Virtual(tasks, machine, pool), policy, Control(), until_s=3.0)
    assert sorted(policy.shown) == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
    for at_s in (1.0, 1.5, 3.0):
        here = seen(tasks, machine, pool, at_s)
        assert np.array_equal(here[[0, 1, 2, 3, 4, 7, 8, 9]], policy.shown[at_s][[0, 1, 2, 3, 4, 7, 8, 9]])
        np.testing.assert_allclose(here, policy.shown[at_s], rtol=1e-12)
        assert np.isfinite(here).all()
