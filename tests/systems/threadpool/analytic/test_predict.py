"""Predictions: theory exactly where there is one, and what they say where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fairtrial.errors import UserError
from fairtrial.stats import queueing as theory
from fairtrial.systems.threadpool.analytic.predict import loss, predict
from fairtrial.systems.threadpool.metrics import measured
from fairtrial.systems.threadpool.words import Arrivals, Duration, Machine, Pool, Workload

PLAIN = Machine(cores=64, switch_us=0, wake_us=0)
CPU_S = 500e-6
TIMES = {
    "constant": Duration(kind="constant", mean_us=500),
    "exponential": Duration(mean_us=500),
    "lognormal": Duration(kind="lognormal", mean_us=500, cv=2.5),
    "pareto": Duration(kind="pareto", mean_us=500, shape=2.2),
    "mix": Duration(kind="mix", mean_us=500),
}


def workload(rho, servers=1, cpu=TIMES["exponential"], **arrivals):
    return Workload(arrivals=Arrivals(rate_per_s=rho * servers / CPU_S, **arrivals), cpu=cpu)


@pytest.mark.parametrize("servers", [1, 2, 8, 64])
@pytest.mark.parametrize("rho", [0.3, 0.8, 0.95])
def test_erlang_c(servers, rho):
    """With no more workers than cores and nothing shared: means exactly, percentiles to a thousandth."""
    found = predict(workload(rho, servers), PLAIN, Pool(workers=servers))
    rate = rho * servers / CPU_S
    assert found["wait_mean_s"] == pytest.approx(theory.mmc_wait_mean(rate, CPU_S, servers), rel=1e-10)
    assert found["latency_mean_s"] == pytest.approx(theory.mmc_response_mean(rate, CPU_S, servers), rel=1e-10)
    for percent in (50, 95, 99):
        exact = theory.mmc_response_quantile(percent / 100, rate, CPU_S, servers)
        assert found[f"latency_p{percent}_s"] == pytest.approx(exact, rel=1e-3)
    assert found["rho"] == pytest.approx(rho)
    assert found["stable"] == 1.0


@pytest.mark.parametrize("kind", TIMES)
@pytest.mark.parametrize("rho", [0.2, 0.9])
def test_one_worker_is_pollaczek_and_khinchine(kind, rho):
    """The mean wait of M/G/1, M/D/1 among them, whatever the distribution."""
    found = predict(workload(rho, cpu=TIMES[kind]), PLAIN, Pool(workers=1))
    exact = theory.mg1_wait_mean(rho / CPU_S, CPU_S, TIMES[kind].variation)
    assert found["wait_mean_s"] == pytest.approx(exact, rel=1e-10)
    assert found["latency_mean_s"] == pytest.approx(exact + CPU_S, rel=1e-10)


@pytest.mark.parametrize("kind", TIMES)
def test_without_load_latency_is_the_time_of_a_task(kind):
    """Percentiles of the distribution itself, blocking and both wake-ups added."""
    machine = Machine(cores=8, wake_us=20)
    blocks = Duration(kind="constant", mean_us=300)
    light = Workload(arrivals=Arrivals(rate_per_s=0.01), cpu=TIMES[kind], blocking=blocks)
    found = predict(light, machine, Pool(workers=8))
    draws = _draws(TIMES[kind], 400_000) + 340e-6
    for percent in (50, 95, 99):
        if kind != "mix" or percent != 95:  # the edge between short and long
            assert found[f"latency_p{percent}_s"] == pytest.approx(np.quantile(draws, percent / 100), rel=0.02)
    assert found["latency_mean_s"] == pytest.approx(840e-6)


def _draws(duration, count):
    from fairtrial.systems.threadpool.workload.draw import durations_s

    return durations_s(duration, count, np.random.default_rng(0))


@pytest.mark.parametrize(("servers", "rho", "limit"), [(1, 0.8, 4), (4, 0.9, 10), (4, 1.5, 10), (8, 1.0, 0)])
def test_a_bounded_queue_is_mmck(servers, rho, limit):
    """The share dropped, and by Little's law the mean wait of those let in."""
    weights = [
        (rho * servers) ** n / math.prod(min(i, servers) for i in range(1, n + 1)) for n in range(servers + limit + 1)
    ]
    states = np.array(weights) / sum(weights)
    some, pool = workload(rho, servers), Pool(workers=servers, queue_limit=limit)
    found, dropped = predict(some, PLAIN, pool), loss(some, PLAIN, pool)
    assert dropped == pytest.approx(states[-1], rel=1e-10)
    queued = sum(j * chance for j, chance in enumerate(states[servers:]))
    admitted = rho * servers / CPU_S * (1 - dropped)
    assert found["wait_mean_s"] == pytest.approx(queued / admitted, rel=1e-9, abs=1e-15)
    assert found["stable"] == 1.0


def test_percentiles_count_dropped_tasks_as_later_than_all():
    """Where a percentile falls among them it is None; above a load of 1 a bound keeps the others finite."""
    found = predict(workload(2.0, 4), PLAIN, Pool(workers=4, queue_limit=10))
    assert found["latency_p50_s"] is None
    assert found["latency_mean_s"] > 0
    some = predict(workload(0.97, 4), PLAIN, Pool(workers=4, queue_limit=30))
    assert some["latency_p95_s"] is not None
    assert some["latency_p99_s"] is None


def test_a_large_bound_is_no_bound():
    """With room for all, bounded and unbounded agree."""
    some = workload(0.7, 4)
    bounded, free = (predict(some, PLAIN, Pool(workers=4, queue_limit=limit)) for limit in (2000, None))
    assert bounded == {name: pytest.approx(value, rel=5e-3) for name, value in free.items()}


@pytest.mark.parametrize("rho", [1.0, 1.3])
def test_overloaded_is_no_number(rho):
    """Unstable: stable 0, rho said, no latency."""
    found = predict(workload(rho, 4), PLAIN, Pool(workers=4))
    assert found.pop("stable") == 0.0
    assert found.pop("rho") == pytest.approx(rho)
    assert set(found.values()) == {None}


def test_what_is_measured_is_what_the_trial_expects():
    """The names are those of latencies and load, for the default workload."""
    assert set(predict(Workload(), Machine(), Pool())) == measured("run", "analytic", row=False, costs=False)


def test_infinite_variance_has_no_mean_wait():
    """Nothing where tasks wait; where hardly anybody does, percentiles of the task itself, and no mean."""
    endless = Duration(kind="pareto", mean_us=500, shape=1.5)
    busy = predict(workload(0.8, 4, cpu=endless), PLAIN, Pool(workers=4))
    assert busy["stable"] == 1.0
    assert {busy[name] for name in busy if name.endswith("_s")} == {None}
    idle = predict(workload(0.01, 4, cpu=endless), PLAIN, Pool(workers=4))
    assert idle["latency_p95_s"] == pytest.approx(CPU_S / 3 * 0.05 ** (-1 / 1.5), rel=1e-2)
    assert idle["wait_mean_s"] is idle["latency_mean_s"] is None


def test_tasks_that_only_block():
    """Nothing is shared: M/G/c on the blocking time."""
    some = Workload(arrivals=Arrivals(rate_per_s=6000), cpu=Duration(mean_us=0), blocking=Duration(mean_us=1000))
    found = predict(some, PLAIN, Pool(workers=8))
    assert found["wait_mean_s"] == pytest.approx(theory.mmc_wait_mean(6000, 1e-3, 8), rel=1e-10)
    assert found["latency_p95_s"] == pytest.approx(theory.mmc_response_quantile(0.95, 6000, 1e-3, 8), rel=2e-3)


def test_constant_arrivals_of_constant_tasks_do_not_wait():
    """Ca^2 + Cs^2 = 0."""
    some = workload(0.8, 4, cpu=TIMES["constant"], kind="constant")
    found = predict(some, PLAIN, Pool(workers=4))
    assert found["wait_mean_s"] < 1e-9
    assert found["latency_p99_s"] == pytest.approx(CPU_S, rel=1e-6)


@pytest.mark.parametrize("kind", ["bursty", "adversarial"])
def test_swings_that_are_none_change_nothing(kind):
    """Equal high and low rates are Poisson arrivals."""
    same = {"burst_times": 1.0, "rate_low": 2.0, "rate_high": 2.0, "work_low": 1.0, "work_high": 1.0}
    swinging = predict(workload(0.8, 4, kind=kind, **same), PLAIN, Pool(workers=4))
    plain = predict(workload(0.8, 4), PLAIN, Pool(workers=4))
    assert swinging == {name: pytest.approx(value, rel=5e-3) for name, value in plain.items()}


@pytest.mark.parametrize("kind", ["bursty", "adversarial"])
def test_swings_faster_than_the_pool_are_flattened(kind):
    """The shorter the period, the closer to Poisson arrivals; long ones bring waits of their length."""
    waits = [
        predict(workload(0.7, 8, kind=kind, period_s=period), PLAIN, Pool(workers=8))["wait_mean_s"]
        for period in (1e-5, 1e-2, 1.0, 100.0)
    ]
    assert waits == sorted(waits)
    plain = theory.mmc_wait_mean(0.7 * 8 / CPU_S, CPU_S, 8)
    assert waits[0] == pytest.approx(plain, rel=0.3 if kind == "adversarial" else 0.05)
    assert waits[3] / waits[2] == pytest.approx(100, rel=0.1)


def test_a_fluid_backlog_in_closed_form():
    """Long bursts above capacity: a triangle that fills for half a period and drains."""
    some = workload(0.7, 8, kind="bursty", period_s=1000.0)
    found = predict(some, PLAIN, Pool(workers=8))
    high, low, most = 1.6 * 0.7, 0.4 * 0.7, (1.6 * 0.7 - 1) * 500
    drains = most / (1 - low)
    mean = most / 2 * (high * 500 + low * drains) / (0.7 * 1000)
    assert found["wait_mean_s"] == pytest.approx(mean, rel=0.01)


def test_a_trace_counts_by_its_rate_and_its_unevenness(tmp_path):
    """Poisson times from a file are Poisson arrivals; in bunches they wait as many times longer as theory says."""
    gaps = np.random.default_rng(0).exponential(CPU_S / 3.2, 200_000)

    def wait(due):
        path = tmp_path / "due.txt"
        path.write_text("\n".join(f"{value:.9f}" for value in due))
        return predict(workload(0.1, kind="trace", trace=str(path)), PLAIN, Pool(workers=4))

    single = wait(np.cumsum(gaps))
    rate = single["rho"] * 4 / CPU_S
    assert single["rho"] == pytest.approx(0.8, rel=0.02)
    assert single["wait_mean_s"] == pytest.approx(theory.mmc_wait_mean(rate, CPU_S, 4), rel=0.2)
    bunched = wait(np.repeat(np.cumsum(gaps[::20] * 20), 20))  # bunches of 20 come as a Poisson process: Ca^2 = 20
    assert bunched["wait_mean_s"] / single["wait_mean_s"] == pytest.approx((20 + 1) / 2, rel=0.4)
    even = wait(np.repeat(np.arange(1, 10_001) * 20 * CPU_S / 3.2, 20))  # evenly: never more than one bunch waits
    assert even["wait_mean_s"] < 20 * CPU_S / 4


def test_a_trace_that_is_not_there(tmp_path):
    """One line that names it."""
    with pytest.raises(UserError, match="No such file"):
        predict(workload(0.1, kind="trace", trace=str(tmp_path / "none")), PLAIN, Pool())
