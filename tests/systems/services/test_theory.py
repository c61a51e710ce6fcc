"""Simulated services against theory: means within three standard errors, themselves at most 2 %; p99 within 5 %."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fairtrial.stats import queueing
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.targets.simulated import Simulated, SimulatedTarget

MEAN_S = 0.01
BATCHES = 50
WARMUP = 500
"""Service times until the window."""


def responses(requests, rate_per_s, seed=0, **shape):
    """Put so many Poisson arrivals on a service; return the response times of the window, in seconds."""
    warmup = WARMUP * MEAN_S
    load = Load(
        mode="open",
        rate_per_s=rate_per_s,
        warmup_s=warmup,
        duration_s=requests / rate_per_s,
        timeout_s=1e6,
        max_in_flight=10**6,
    )
    records, _ = SimulatedTarget(Simulated(**shape)).records(load, seed)
    assert records.ok.all()
    return records.response_s[records.t_sched_ns - records.begin_ns >= warmup * 1e9]


def batched(values, statistic):
    """Return a statistic of all values, and its standard error by batches."""
    each = [statistic(batch) for batch in np.array_split(values, BATCHES)]
    return float(statistic(values)), float(np.std(each, ddof=1) / math.sqrt(BATCHES))


def agrees(values, mean, p99):
    """Say that a mean is within three standard errors of the truth, themselves at most 2 %, and p99 within 5 %."""
    found, error = batched(values, np.mean)
    assert 3 * error <= 0.02 * found
    assert found == pytest.approx(mean, abs=3 * error)
    assert np.quantile(values, 0.99) == pytest.approx(p99, rel=0.05)


LONG = pytest.mark.long
MMC = [
    pytest.param(1, 0.5, 350_000, marks=LONG),
    pytest.param(2, 0.5, 200_000),
    pytest.param(4, 0.5, 100_000),
    pytest.param(8, 0.5, 100_000),
    pytest.param(8, 0.8, 600_000, marks=LONG),
    pytest.param(1, 0.8, 3_000_000, marks=LONG),
    pytest.param(2, 0.8, 2_500_000, marks=LONG),
    pytest.param(4, 0.8, 1_600_000, marks=LONG),
]
"""Servers, offered load, and requests for which three standard errors of the mean are 2 %, with some to spare."""


@pytest.mark.parametrize(("servers", "offered", "requests"), MMC)
def test_mmc(servers, offered, requests):
    """M/M/c responds as Erlang's formula says, on average and at p99."""
    rate = offered * servers / MEAN_S
    found = responses(requests, rate, service={"mean_s": MEAN_S}, servers=servers)
    agrees(
        found,
        queueing.mmc_response_mean(rate, MEAN_S, servers),
        queueing.mmc_response_quantile(0.99, rate, MEAN_S, servers),
    )


@pytest.mark.parametrize(("offered", "requests"), [pytest.param(0.5, 100_000), pytest.param(0.8, 700_000, marks=LONG)])
def test_md1(offered, requests):
    """M/D/1 responds as theory says, on average and at p99."""
    rate = offered / MEAN_S
    found = responses(requests, rate, service={"kind": "constant", "mean_s": MEAN_S})
    agrees(
        found,
        queueing.md1_wait_mean(rate, MEAN_S) + MEAN_S,
        queueing.md1_response_quantile(0.99, rate, MEAN_S),
    )


@pytest.mark.parametrize(
    ("service", "requests"),
    [
        pytest.param({"kind": "gamma", "cv": 0.5}, 100_000),
        pytest.param({"kind": "lognormal", "cv": 1.2}, 800_000, marks=LONG),
    ],
)
def test_mg1(service, requests):
    """M/G/1 waits as Pollaczek and Khinchine say: by the spread of its service times."""
    rate = 0.5 / MEAN_S
    found, error = batched(responses(requests, rate, service={**service, "mean_s": MEAN_S}), np.mean)
    truth = queueing.mg1_wait_mean(rate, MEAN_S, service["cv"] ** 2) + MEAN_S
    assert 3 * error <= 0.02 * truth
    assert found == pytest.approx(truth, abs=3 * error)


def looped(clients, think_s, duration_s, **shape):
    """Put clients that think on a service; return throughput and mean response of the window, and Little's residual."""
    load = Load(clients=clients, think_s=think_s, warmup_s=5, duration_s=duration_s, timeout_s=1e6)
    records, _ = SimulatedTarget(Simulated(**shape)).records(load, 0)
    window = (records.t_done_ns >= records.begin_ns + 5e9) & (records.t_done_ns < records.end_ns)
    rate, response = window.sum() / duration_s, records.response_s[window].mean()
    return rate, response, rate * (response + think_s) / clients - 1


@pytest.mark.parametrize(("clients", "think_s"), [(1, 0.0), (4, 0.05), (30, 0.1), (64, 0.0)])
def test_the_interactive_law(clients, think_s):
    """In a closed loop N = X (R + Z), whatever the service: the residual is that of the pauses' sample."""
    _, _, residual = looped(clients, think_s, 400, service={"kind": "lognormal", "mean_s": MEAN_S}, servers=3)
    assert residual == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("machines", [2, 8, 15])
def test_machine_repair(machines):
    """N clients that think exponentially before one exponential server: throughput as of the finite-source queue."""
    think_s, mean_s = 0.1, 0.01
    ratio = mean_s / think_s
    idle = 1 / sum(math.perm(machines, waiting) * ratio**waiting for waiting in range(machines + 1))
    rate, response, _ = looped(machines, think_s, 3000, service={"mean_s": mean_s})
    assert rate == pytest.approx((1 - idle) / mean_s, rel=0.02)
    assert response == pytest.approx(machines / ((1 - idle) / mean_s) - think_s, rel=0.03)


@pytest.mark.parametrize("clients", [1, 4, 16, 32, 64])
def test_the_universal_scalability_law(clients):
    """Contention slows a closed loop to the Universal Scalability Law, beyond whose peak throughput falls."""
    sigma, kappa = 0.05, 0.002
    rate, _, _ = looped(
        clients, 0.0, 100, service={"mean_s": MEAN_S}, servers=64, contention={"sigma": sigma, "kappa": kappa}
    )
    law = clients / MEAN_S / (1 + sigma * (clients - 1) + kappa * clients * (clients - 1))
    assert rate == pytest.approx(law, rel=0.04)


STALLING = {"service": {"mean_s": 0.002}, "stall": {"every_s": 20, "for_s": 1, "first_s": 19}}
"""It stalls for 1 s every 20 s."""


def stalled(seed, **shape):
    """Put 100 requests a second for 295 s on the stalling service."""
    load = Load(mode="open", rate_per_s=100, warmup_s=0, duration_s=295, connections=8)
    return SimulatedTarget(Simulated(**STALLING, **shape)).records(load, seed)[0]


def test_a_stall_is_not_omitted():
    """A server that stalls 1 s every 20 s has p99 near 844 ms from the schedule, at most 1 s, and a median unharmed."""
    p50, p99, p999 = np.mean([np.quantile(stalled(seed).response_s, [0.5, 0.99, 0.999]) for seed in range(5)], axis=0)
    assert p99 == pytest.approx(0.844, rel=0.03)
    assert p999 == pytest.approx(0.986, rel=0.03)
    assert p50 == pytest.approx(0.0019, abs=0.0002)


def test_the_time_from_sending_omits_it():
    """Eight connections hide the same stall from whoever counts from sending (p99 near 23 ms)."""
    runs = [stalled(seed, elastic=False) for seed in range(5)]
    assert np.mean([np.quantile(run.service_s, 0.99) for run in runs]) == pytest.approx(0.023, abs=0.005)
    assert np.mean([np.quantile(run.response_s, 0.99) for run in runs]) == pytest.approx(0.844, rel=0.03)


def test_a_closed_loop_omits_it_too():
    """One client that waits meets each stall once: its p99 knows nothing of them."""
    load = Load(clients=1, warmup_s=0, duration_s=295)
    records = SimulatedTarget(Simulated(**STALLING)).records(load, 0)[0]
    assert np.quantile(records.response_s, 0.99) == pytest.approx(0.0092, rel=0.1)
    assert records.response_s.max() > 1.0
