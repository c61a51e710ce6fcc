"""Rows that a simulated pool showed: families, ranges, and that the telemetry is of the workload behind it."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.threadpool.analytic.capacity import load
from fairtrial.systems.threadpool.parameters import FAMILIES
from fairtrial.systems.threadpool.telemetry.schema import NAMES
from fairtrial.systems.threadpool.telemetry.simulated import simulated
from fairtrial.systems.threadpool.words import SIZES, Machine

COUNT = 240


@pytest.fixture(scope="module")
def rows():
    """The first rows of seed 0, on eight cores."""
    return [simulated(0, number, cores=8) for number in range(COUNT)]


def column(rows, name):
    return np.array([row.features[NAMES.index(name)] for row in rows])


def test_a_row_is_its_seed_and_number(rows):
    """One row made alone is that of the list, to the last bit; another seed or machine gives another one."""
    again = simulated(0, 77, cores=8)
    assert np.array_equal(again.features, rows[77].features, equal_nan=True)
    assert (again.workload, again.family, again.cores) == (rows[77].workload, rows[77].family, 8)
    assert simulated(1, 77, cores=8).workload != again.workload
    assert simulated(0, 77, cores=4).cores == 4


def test_families(rows):
    """Four rows in a row are one of each family, in changing order; each has its arrivals, and `blocking` blocks."""
    numbers = [tuple(row.family for row in rows[at : at + 4]) for at in range(0, COUNT, 4)]
    assert {tuple(sorted(four)) for four in numbers} == {(0, 1, 2, 3)}
    assert len(set(numbers)) > 10
    kinds = {FAMILIES[row.family]: set() for row in rows}
    for row in rows:
        kinds[FAMILIES[row.family]].add(row.workload.arrivals.kind)
    assert kinds == {
        "steady": {"poisson"}, "bursty": {"bursty"}, "adversarial": {"adversarial"}, "blocking": {"poisson"}
    }  # fmt: skip
    waits = [
        row.workload.blocking.mean_us / row.workload.cpu.mean_us for row in rows if FAMILIES[row.family] == "blocking"
    ]
    assert 0.5 <= min(waits) < 1
    assert 10 < max(waits) <= 16
    assert all(not row.workload.blocking.mean_us for row in rows if FAMILIES[row.family] == "steady")


def test_ranges(rows):
    """The CPU load spans 0.05 to 0.95, sizes 100 us to 20 ms, and every distribution occurs."""
    loads = np.array([row.workload.arrivals.rate_per_s * row.workload.cpu.mean_s / 8 for row in rows])
    sizes = np.array([row.workload.cpu.mean_us for row in rows])
    assert (loads.max() <= 0.95, loads.min() < 0.1, loads.max() > 0.9) == (True, True, True)
    assert (sizes.min() >= 100, sizes.max() <= 20_000, sizes.min() < 250, sizes.max() > 15_000) == (True,) * 4
    assert {row.workload.cpu.kind for row in rows} == {"constant", "exponential", "lognormal", "pareto", "mix"}
    assert all(np.isfinite(row.workload.cpu.variation) for row in rows)


def test_some_size_is_enough(rows):
    """The largest pool can do what arrives, in every row."""
    assert max(load(row.workload, Machine(cores=8), SIZES[-1]) for row in rows) <= 0.951


def test_telemetry_is_of_the_workload(rows):
    """Of steady and blocking rows the arrivals of a second are Poisson of the rate; sizes are those of the tasks."""
    calm = [row for row in rows if row.workload.arrivals.kind == "poisson"]
    rate = np.array([row.workload.arrivals.rate_per_s for row in calm])
    away = (column(calm, "arrival_rate") - rate) / np.sqrt(rate)
    assert abs(away.mean()) < 3 / np.sqrt(len(calm))
    assert away.std() == pytest.approx(1, abs=3 / np.sqrt(2 * len(calm)))
    plain = [
        row
        for row in calm
        if row.workload.cpu.kind in ("constant", "exponential") and column([row], "arrival_rate")[0] > 500
    ]
    sizes = column(plain, "task_size_mean") / [row.workload.cpu.mean_us for row in plain]
    assert sizes == pytest.approx(np.ones(len(plain)), abs=0.2)


def test_in_bounds(rows):
    """Shares are shares, percentiles are in order, the workers that are idle are of one of the sizes."""
    utilised = column(rows, "worker_util")
    assert (utilised.min() >= 0, utilised.max() <= 1) == (True, True)
    assert (column(rows, "task_time_p95_us") >= column(rows, "task_time_p50_us")).all()
    assert column(rows, "idle_worker_count").max() <= SIZES[-1]
    assert np.isfinite(np.array([row.features for row in rows])).all()


@pytest.mark.parametrize("cores", [1, 3, 64, 4096])
def test_any_machine(cores):
    """Small and large machines have rows too."""
    for number in range(8):
        row = simulated(5, number, cores=cores)
        assert row.features.shape == (10,)
        assert row.workload.arrivals.rate_per_s <= 20_000
