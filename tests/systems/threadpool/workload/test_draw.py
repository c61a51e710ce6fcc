"""Draws of workloads: means kept, shapes as named, streams apart."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from fairtrial.systems.threadpool.words import Arrivals, Duration, Workload
from fairtrial.systems.threadpool.workload.draw import draw

COUNT = 600_000
DURATIONS = {
    "constant": Duration(kind="constant", mean_us=700),
    "exponential": Duration(kind="exponential", mean_us=700),
    "lognormal": Duration(kind="lognormal", mean_us=700, cv=2),
    "pareto": Duration(kind="pareto", mean_us=700, shape=3.5),
    "mix": Duration(kind="mix", mean_us=700, long_share=0.1, long_times=30),
}


def drawn(streams, duration, count=COUNT):
    """CPU times."""
    return draw(Workload(cpu=duration), count, streams()).cpu_s


@pytest.mark.parametrize("kind", DURATIONS)
def test_duration_mean(kind, streams):
    """The mean is the one asked for, within 3 standard errors, which are at most 1 %."""
    duration = DURATIONS[kind]
    error = sqrt(duration.variation / COUNT)
    assert 3 * error <= 0.01
    assert drawn(streams, duration).mean() / duration.mean_s == pytest.approx(1, abs=3 * error + 1e-12)


@pytest.mark.parametrize(
    ("kind", "within"), [("constant", 1e-12), ("exponential", 0.02), ("lognormal", 0.2), ("mix", 0.02)]
)
def test_duration_variation(kind, within, streams):
    """The squared coefficient of variation is the distribution's."""
    times = drawn(streams, DURATIONS[kind])
    assert times.var() / times.mean() ** 2 == pytest.approx(DURATIONS[kind].variation, rel=within, abs=1e-12)


@pytest.mark.parametrize("shape", [1.2, 2.5, 6.0])
def test_pareto_tail(shape, streams):
    """A Pareto's tail falls as its index says: half of what passes x passes 2^(1/shape) x, within 3 standard errors."""
    duration = Duration(kind="pareto", mean_us=700, shape=shape)
    times, least = drawn(streams, duration), duration.mean_s * (shape - 1) / shape
    assert times.min() >= least
    for share in (0.5, 0.1, 0.01):
        error = sqrt(share * (1 - share) / COUNT)
        assert (times > least * share ** (-1 / shape)).mean() == pytest.approx(share, abs=3 * error)


def test_mix_shares(streams):
    """A mix has two values, so many times apart, and the share of long ones that was asked for."""
    short, long = np.unique(drawn(streams, DURATIONS["mix"]))
    assert long / short == pytest.approx(30)
    share = (drawn(streams, DURATIONS["mix"]) == long).mean()
    assert share == pytest.approx(0.1, abs=3 * sqrt(0.09 / COUNT))


def test_poisson_gaps(streams):
    """Gaps of Poisson arrivals have the mean and the variation of an exponential, and no memory."""
    due = draw(Workload(arrivals=Arrivals(rate_per_s=250)), COUNT, streams()).due_s
    gaps = np.diff(due, prepend=0.0)
    assert gaps.mean() * 250 == pytest.approx(1, abs=3 / sqrt(COUNT))
    assert gaps.std() * 250 == pytest.approx(1, abs=0.01)
    assert np.corrcoef(gaps[1:], gaps[:-1])[0, 1] == pytest.approx(0, abs=3 / sqrt(COUNT))


def test_constant_arrivals(streams):
    """Constant arrivals come once every 1/rate."""
    due = draw(Workload(arrivals=Arrivals(kind="constant", rate_per_s=250)), 1000, streams()).due_s
    np.testing.assert_allclose(np.diff(due, prepend=0.0), 1 / 250, rtol=1e-9)


@pytest.mark.parametrize(("times", "period"), [(1.0, 1.0), (4.0, 1.0), (40.0, 0.3)])
def test_bursts(times, period, streams):
    """Both halves of a period bring their share, and all periods together the mean rate, within 3 standard errors."""
    arrivals = Arrivals(kind="bursty", rate_per_s=1000, burst_times=times, period_s=period)
    due = draw(Workload(arrivals=arrivals), COUNT, streams()).due_s
    assert (np.diff(due) >= 0).all()
    whole = np.floor(due[-1] / period) * period
    due = due[due < whole]
    assert len(due) == pytest.approx(1000 * whole, abs=3 * sqrt(1000 * whole))
    high, share = (due % period < period / 2).mean(), times / (1 + times)
    assert high == pytest.approx(share, abs=3 * sqrt(share * (1 - share) / len(due)))


@pytest.mark.parametrize("rate", ["bursty", "adversarial"])
def test_rate_within_a_half(rate, streams):
    """At a constant rate within a period arrivals are Poisson: gaps there have the variation of an exponential."""
    due = draw(Workload(arrivals=Arrivals(kind=rate, rate_per_s=2000, period_s=10)), COUNT, streams()).due_s
    halves = np.floor(due / 5).astype(int)
    variations = []
    for half in range(halves[-1]):
        gaps = np.diff(due[halves == half])
        variations.append(gaps.var() / gaps.mean() ** 2)
    assert np.mean(variations) == pytest.approx(1, abs=0.02)


def test_adversarial_work(streams):
    """The work of a period is a multiple between the scaled bounds, the same for all its tasks, of mean 1."""
    arrivals = Arrivals(kind="adversarial", rate_per_s=1000, period_s=0.02, work_low=0.5, work_high=2.5)
    tasks = draw(Workload(arrivals=arrivals, cpu=Duration(kind="constant", mean_us=100)), COUNT, streams())
    times = tasks.cpu_s / 100e-6
    assert times.min() >= 0.5 / 1.5 - 1e-12
    assert times.max() <= 2.5 / 1.5 + 1e-12
    periods = np.floor(tasks.due_s / 0.02).astype(int)
    first = np.unique(periods, return_index=True)[1]
    np.testing.assert_array_equal(times, np.repeat(times[first], np.diff(first, append=COUNT)))
    spread = (2.5 - 0.5) / 1.5 / sqrt(12)
    assert times[first].mean() == pytest.approx(1, abs=3 * spread / sqrt(len(first)))


def test_nothing_to_block(streams):
    """A part of mean 0 is not there."""
    assert not draw(Workload(), 1000, streams()).blocking_s.any()


@pytest.mark.parametrize("kind", ["poisson", "constant", "bursty", "adversarial"])
def test_same_seed_same_tasks(kind, streams):
    """The same seed gives the same bytes, another one other ones; arrivals do not see what tasks need."""
    load = Workload(arrivals=Arrivals(kind=kind), blocking=Duration(mean_us=300))
    first, again, other = (draw(load, 2000, streams(seed)) for seed in (1, 1, 2))
    for name in ("due_s", "cpu_s", "blocking_s"):
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()
    assert first.cpu_s.tobytes() != other.cpu_s.tobytes()
    longer = draw(load.model_copy(update={"cpu": Duration(kind="pareto", mean_us=9)}), 2000, streams(1))
    assert longer.due_s.tobytes() == first.due_s.tobytes()
    assert longer.blocking_s.tobytes() == first.blocking_s.tobytes()


KNOBS = {
    "rate_per_s": ("poisson", 10.0), "burst_times": ("bursty", 9.0), "period_s": ("bursty", 0.3),
    "rate_low": ("adversarial", 2.0), "rate_high": ("adversarial", 9.0), "work_low": ("adversarial", 1.2),
    "work_high": ("adversarial", 4.0),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOBS)
def test_every_knob_of_arrivals_acts(name, streams):
    """Each parameter of arrivals changes the tasks of its kind."""
    kind, value = KNOBS[name]
    one, other = (Workload(arrivals=Arrivals(kind=kind, **more)) for more in ({}, {name: value}))
    one, other = (draw(load, 2000, streams()) for load in (one, other))
    assert (one.due_s != other.due_s).any() or (one.cpu_s != other.cpu_s).any()


def test_all_knobs_are_tried():
    """No parameter of arrivals is left out above."""
    assert {*KNOBS, "kind", "trace"} == set(Arrivals.model_fields)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [("lognormal", "cv", 3.0), ("pareto", "shape", 1.5), ("mix", "long_share", 0.5), ("mix", "long_times", 3.0),
     ("exponential", "mean_us", 600.0)],
)  # fmt: skip
@pytest.mark.parametrize("part", ["cpu_s", "blocking_s"])
def test_every_knob_of_durations_acts(kind, name, value, part, streams):
    """Each parameter of a distribution changes the times drawn from it."""
    base = {"kind": kind, "mean_us": 500.0}
    loads = [Workload(**{part.removesuffix("_s"): Duration(**(base | more))}) for more in ({}, {name: value})]
    one, other = (getattr(draw(load, 2000, streams()), part) for load in loads)
    assert (one != other).any()
