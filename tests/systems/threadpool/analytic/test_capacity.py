"""The capacity of a pool: against chains solved by brute force, exact sums, and what it must be at its ends."""

from __future__ import annotations

from decimal import Decimal, getcontext
from itertools import product

import numpy as np
import pytest

from fairtrial.systems.threadpool.analytic.capacity import capacity, closed, delay_s, load, throughputs
from fairtrial.systems.threadpool.simulate.rates import rates
from fairtrial.systems.threadpool.words import Arrivals, Duration, Machine, Workload

CONTENDED = Machine(cores=2, switch_us=50, quantum_us=500, wake_us=30, contention=0.05, coherence=0.01)


def workload(cpu_us=500.0, blocking_us=0.0, rate=1000.0):
    return Workload(
        arrivals=Arrivals(rate_per_s=rate), cpu=Duration(mean_us=cpu_us), blocking=Duration(mean_us=blocking_us)
    )


def brute(machine, workers, cpu_s, delay):
    """Solve the chain of (first halves, second halves) in hand, all times exponential; the others block.

    Return tasks a second, and the share of time with more than C runnable.
    """
    speed = rates(machine, workers)
    states = [(a, b) for a, b in product(range(workers + 1), repeat=2) if a + b <= workers]
    place = {state: number for number, state in enumerate(states)}
    flow = np.zeros((len(states), len(states)))
    for (a, b), at in place.items():
        half = 2 / cpu_s * speed[a + b]
        for to, rate in (((a - 1, b), a * half), ((a, b + 1), (workers - a - b) / delay), ((a + 1, b - 1), b * half)):
            if rate:
                flow[at, place[to]] += rate
    balance = (flow - np.diag(flow.sum(axis=1))).T
    balance[-1] = 1.0
    chances = np.linalg.solve(balance, np.eye(len(states))[-1])
    done = sum(chances[at] * b * 2 / cpu_s * speed[a + b] for (a, b), at in place.items())
    return done, sum(chances[at] for (a, b), at in place.items() if a + b > machine.cores)


@pytest.mark.parametrize("workers", [1, 2, 3, 6])
@pytest.mark.parametrize("blocking_us", [100.0, 2000.0])
def test_tasks_that_compute_and_block(workers, blocking_us):
    """The product form is the machine-repair chain, solved state by state, with sharing, switching and contention."""
    some = workload(blocking_us=blocking_us)
    delay = delay_s(some, CONTENDED)
    assert delay == pytest.approx((blocking_us + 30) * 1e-6)
    expected, crowded = brute(CONTENDED, workers, 500e-6, delay)
    assert capacity(some, CONTENDED, workers) == pytest.approx(expected, rel=1e-12)
    found = closed(np.array([500e-6]), np.array([delay]), CONTENDED, workers)
    assert found.crowded[0, -1] == pytest.approx(crowded, abs=1e-12)
    assert found.throughput_per_s[0, -1] == capacity(some, CONTENDED, workers)


def test_every_number_of_workers_in_one_go():
    """X(k) for k = 1..N is what a pool of k can do."""
    some, machine = workload(blocking_us=1500.0), Machine(cores=4, contention=0.02)
    every = throughputs(some, machine, 40)
    assert every.shape == (40,)
    assert every == pytest.approx([capacity(some, machine, k) for k in range(1, 41)], rel=1e-12)


@pytest.mark.parametrize("blocking_us", [50.0, 8000.0, 5e5])
def test_a_thousand_workers_lose_no_digits(blocking_us):
    """X(1024) agrees with sums of 60 digits."""
    getcontext().prec = 60
    some, machine, workers = workload(blocking_us=blocking_us), Machine(cores=16, contention=1e-4), 1024
    cpu, delay = Decimal(some.cpu.mean_s), Decimal(delay_s(some, machine))
    speeds = [Decimal(float(k * r)) for k, r in enumerate(rates(machine, workers))]
    computing, blocked = [Decimal(1)], [Decimal(1)]
    for k in range(1, workers + 1):
        computing.append(computing[-1] * cpu / speeds[k])
        blocked.append(blocked[-1] * delay / k)
    constants = [sum(computing[k] * blocked[n - k] for k in range(n + 1)) for n in (workers - 1, workers)]
    assert capacity(some, machine, workers) == pytest.approx(float(constants[0] / constants[1]), rel=1e-10)


def test_without_blocking_it_is_the_speed_of_the_cores():
    """N r(N) / S, whatever the wake-up latency: a busy pool wakes nobody."""
    some = workload()
    expected = np.arange(1, 65) * rates(CONTENDED, 64)[1:] / 500e-6
    assert throughputs(some, CONTENDED, 64) == pytest.approx(expected, rel=1e-14)
    assert capacity(some, Machine(cores=8), 4) == pytest.approx(8000)


def test_without_computing_it_is_workers_over_time():
    """N / (blocking + wake-up)."""
    some = workload(cpu_us=0.0, blocking_us=1990.0)
    assert capacity(some, Machine(wake_us=10), 64) == pytest.approx(64 / 2e-3)


def test_distributions_do_not_matter():
    """The same means, the same capacity."""
    heavy = Workload(
        cpu=Duration(kind="pareto", shape=1.5, mean_us=500), blocking=Duration(kind="constant", mean_us=900)
    )
    assert capacity(heavy, Machine(), 16) == capacity(workload(blocking_us=900.0), Machine(), 16)


def test_load_is_what_arrives_over_what_can_be_done():
    """Rho = rate / X(N)."""
    assert load(workload(rate=4000.0), Machine(cores=8), 4) == pytest.approx(0.5)


def test_many_pools_at_once():
    """Rows are independent of each other: those that block, those that do not, those that only block."""
    cpu, delay = np.array([1e-3, 1e-3, 0.0, 2e-3] * 50), np.array([0.0, 4e-3, 1e-3, 1e-4] * 50)
    every = closed(cpu, delay, CONTENDED, 12)
    for row in (0, 1, 2, 3, 197, 198):
        one = closed(cpu[row : row + 1], delay[row : row + 1], CONTENDED, 12)
        assert every.throughput_per_s[row] == pytest.approx(one.throughput_per_s[0], rel=1e-13)
        assert every.crowded[row] == pytest.approx(one.crowded[0], rel=1e-12)
    assert every.crowded[0].tolist() == [0.0, 0.0, *[1.0] * 10]
    assert not every.crowded[2].any()
