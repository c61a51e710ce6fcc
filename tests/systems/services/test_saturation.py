"""Knees and operating ranges of simulated services: found where they are, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.analyse.curve.range import operating_range
from fairtrial.analyse.curve.saturation import saturation
from fairtrial.analyse.data import data
from fairtrial.model.claim import Clause
from fairtrial.model.run import Measurements
from fairtrial.stats.interval import rate_interval
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.targets.simulated import Simulated, SimulatedTarget

CLIENTS = (1, 2, 4, 8, 16, 32)
REPLICATES = 3
MEAN_S = 0.02
SERVICE = {"kind": "gamma", "mean_s": MEAN_S, "cv": 0.3}
QUICK, WHOLE = 12, {"null": 1000, "planted": 400}


def table(metrics, factor, levels):
    """Make data of a sweep: metric -> (levels, replicates)."""
    shape = next(iter(metrics.values())).shape
    trials, repeated = shape[0] * shape[1], np.tile(np.arange(shape[1]), shape[0]).tolist()
    return data(
        Measurements(
            run=1,
            number=range(1, trials + 1),
            variant=[""] * trials,
            replicate=repeated,
            seed=repeated,
            status=["done"] * trials,
            failure=[""] * trials,
            factors={factor: np.repeat(levels, shape[1]).tolist()},
            metrics={name: values.ravel().tolist() for name, values in metrics.items()},
        )
    )


def measured(load, seed, **shape):
    """Put a load on a service; return what ended well in the window, a second, and the mean response in seconds."""
    records, _ = SimulatedTarget(Simulated(**shape)).records(load, seed)
    begin = records.begin_ns + load.lead_s * 1e9
    inside = records.ok & (records.t_done_ns >= begin) & (records.t_done_ns < records.end_ns)
    return inside.sum() / load.duration_s, records.response_s[inside].mean()


def sweep(repeat, *, clients=CLIENTS, duration_s=1.0, **shape):
    """Run every level with every replicate in a closed loop; a replicate has one seed at all levels."""
    seeds = range(REPLICATES * repeat, REPLICATES * (repeat + 1))
    rows = [
        [
            measured(Load(clients=n, warmup_s=0.1, duration_s=duration_s), seed, service=SERVICE, **shape)
            for seed in seeds
        ]
        for n in clients
    ]
    found = np.array(rows)
    return table({"throughput_per_s": found[..., 0], "latency_mean_s": found[..., 1]}, "load.clients", clients)


def knee(repeat, **how):
    """Look for the knee of one sweep."""
    return saturation(sweep(repeat, **how), metric="throughput_per_s", factor="load.clients", response="latency_mean_s")


NULLS = {
    "flat": {"servers": 1, "between_run_sd": 0.02},
    "flat, noise 15 %": {"servers": 1, "between_run_sd": 0.15},
    "linear": {"servers": 64, "between_run_sd": 0.05},
}
"""One server is busy with any number of clients; one server for each of them is never in anyone's way."""


def share(fires, repeats):
    """Return how often something holds over the repeats, with its exact interval."""
    fired = sum(map(fires, range(repeats)))
    return fired, rate_interval(fired, repeats)


SIZES = [pytest.param(False, id="quick"), pytest.param(True, id="whole", marks=pytest.mark.long)]


@pytest.mark.parametrize("whole", SIZES)
@pytest.mark.parametrize("world", NULLS)
def test_no_knee_where_there_is_none(world, whole):
    """Flat, noisy flat and linear throughput have no knee in at least 95 % of sweeps."""
    repeats = WHOLE["null"] if whole else QUICK
    _, (low, _) = share(lambda repeat: knee(repeat, **NULLS[world]).knee is not None, repeats)
    assert low <= 0.05


@pytest.mark.parametrize("whole", SIZES)
def test_capacity_of_a_service_that_saturates(whole):
    """Eight servers have their knee found, and their capacity within 15 %, in at least 95 % of sweeps."""
    repeats = WHOLE["planted"] if whole else QUICK
    capacity = 8 / MEAN_S

    def near(repeat):
        found = knee(repeat, servers=8, between_run_sd=0.05).capacity
        return found is not None and abs(found / capacity - 1) <= 0.15

    _, (_, high) = share(near, repeats)
    assert high >= 0.95


def test_the_asymptotic_knee_is_the_number_of_servers():
    """N* = X_max R_min of a service of eight servers is eight, and the smallest saturated level is that too."""
    found = knee(0, servers=8, between_run_sd=0.02, duration_s=4.0)
    assert found.asymptotic_knee == pytest.approx(8, rel=0.1)
    assert found.saturation_level == 8


def test_contention_shows_as_retrograde_throughput():
    """Where throughput falls behind its peak, the law's parameters are found, and the peak is where they put it."""
    law = {"sigma": 0.05, "kappa": 0.01}
    found = knee(
        0, clients=(1, 2, 4, 6, 8, 12, 16, 24, 32), servers=64, contention=law, between_run_sd=0.02, duration_s=10.0
    )
    fits = {fit.model: fit for fit in found.fits}
    assert found.chosen == "usl"
    assert fits["usl"].parameters["sigma"] == pytest.approx(law["sigma"], abs=0.02)
    assert fits["usl"].parameters["kappa"] == pytest.approx(law["kappa"], rel=0.15)
    assert found.peak == pytest.approx(np.sqrt((1 - law["sigma"]) / law["kappa"]), rel=0.1)


RATES = (50, 100, 150, 200, 250)


def served(rate, seed):
    """Return the p95 of a service at a rate; between 90 and 110 a second it resonates with something and is slow."""
    slow = 3.0 if 90 <= rate <= 110 else 1.0
    load = Load(mode="open", rate_per_s=rate, warmup_s=1, duration_s=20)
    target = SimulatedTarget(Simulated(service=SERVICE, servers=8, slowdown=slow, between_run_sd=0.03))
    return np.quantile(target.records(load, seed)[0].response_s, 0.95)


def test_the_range_ends_where_it_is_first_left():
    """With a non-monotone latency the operating range is the contiguous one, not up to the last good level."""
    p95 = np.array([[served(rate, seed) for seed in range(5)] for rate in RATES])
    limit = Clause("latency_p95_s", "max", 0.045)
    assert (p95 < limit.limit).all(axis=1).tolist() == [True, False, True, True, True]
    found = operating_range(
        table({"latency_p95_s": p95}, "load.rate_per_s", RATES), factor="load.rate_per_s", clauses=[limit]
    )
    assert found.edge == 50
