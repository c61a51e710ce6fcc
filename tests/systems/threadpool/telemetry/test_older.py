"""The older generator: its shares and ranges, and that a row is its seed and number."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.threadpool.parameters import FAMILIES
from fairtrial.systems.threadpool.telemetry.older import behind, older
from fairtrial.systems.threadpool.telemetry.schema import NAMES

ROWS = [older(0, number, cores=8) for number in range(2000)]
TABLE = {name: np.array([row.features[at] for row in ROWS]) for at, name in enumerate(NAMES)}
FAMILY = np.array([FAMILIES[row.family] for row in ROWS])


def test_shares():
    """2,000 rows are 800, 600 and 600; the first 200 have the same shares."""
    for rows in (2000, 200):
        counts = {name: int((FAMILY[:rows] == name).sum()) for name in FAMILIES}
        assert counts == {
            "steady": rows * 4 // 10,
            "bursty": rows * 3 // 10,
            "adversarial": rows * 3 // 10,
            "blocking": 0,
        }


def test_a_row_is_its_seed_and_number():
    """One row made alone is that of the list; another seed gives another one."""
    again, other = older(0, 1234, cores=8), older(1, 1234, cores=8)
    assert np.array_equal(again.features, ROWS[1234].features)
    assert again.workload == ROWS[1234].workload
    assert not np.array_equal(other.features, again.features)
    assert older(0, 0, cores=3).cores == 3


def test_families_are_shuffled():
    """No family comes in one piece."""
    assert {tuple(FAMILY[at : at + 10]) for at in range(0, 2000, 10)} != {tuple(FAMILY[:10])}


def test_rates():
    """Steady rows have 100 a second; bursty ones 200 and 50 in turn, 50 rows each; adversarial ones 20 to 300."""
    rate = TABLE["arrival_rate"]
    assert set(rate[FAMILY == "steady"]) == {100.0}
    assert rate[FAMILY == "bursty"].tolist() == ([200.0] * 50 + [50.0] * 50) * 6
    hard = rate[FAMILY == "adversarial"]
    assert 20 <= hard.min() < 25
    assert 295 < hard.max() <= 300


def test_sizes():
    """Tasks take 500 ± 50 us, adversarial ones 100 to 2000 with a variance of 0.1 to 0.5 of the square."""
    size, variance, hard = TABLE["task_size_mean"], TABLE["task_size_var"], FAMILY == "adversarial"
    assert size[~hard].mean() == pytest.approx(500, abs=3 * 50 / np.sqrt(1400))
    assert size[~hard].std() == pytest.approx(50, rel=0.08)
    assert variance[~hard].mean() == pytest.approx(2500, abs=3 * 500 / np.sqrt(1400))
    assert (size[hard].min() >= 100, size[hard].max() <= 2000) == (True, True)
    share = variance[hard] / size[hard] ** 2
    assert (share.min() >= 0.1, share.max() <= 0.5) == (True, True)


def test_times():
    """The median is 10 us a waiting task above a task's size; the p95 is 1.2 to 2.5 times it, or about 1.5."""
    median, high, hard = TABLE["task_time_p50_us"], TABLE["task_time_p95_us"], FAMILY == "adversarial"
    np.testing.assert_allclose(median, 10 * TABLE["runq_len"] + TABLE["task_size_mean"])
    assert (high >= median).all()
    assert (high / median)[hard].max() <= 2.5
    assert (high - 1.5 * median)[~hard].std() == pytest.approx(100, rel=0.08)
    assert TABLE["runq_len"][hard].mean() == pytest.approx(4.5, abs=0.7)  # floor of an exponential of mean 5
    assert TABLE["runq_len"][~hard].max() == 0


def test_idle_workers():
    """Idle workers follow from the assumed speed; nothing is negative or undefined."""
    steady = FAMILY == "steady"
    assert set(TABLE["worker_util"][steady]) == {100 / (n * 200) for n in (4, 8, 16, 32)}
    assert set(TABLE["idle_worker_count"][steady]) == {3.0, 7.0, 15.0, 31.0}
    assert all((column >= 0).all() and np.isfinite(column).all() for column in TABLE.values())


def test_workload():
    """A row's workload is Poisson, log-normal of the row's mean and variance, and never blocks."""
    for row in ROWS[:40]:
        cpu, found = row.workload.cpu, dict(zip(NAMES, row.features, strict=True))
        assert row.workload.arrivals.kind == "poisson"
        assert row.workload.arrivals.rate_per_s == found["arrival_rate"]
        assert (cpu.kind, cpu.mean_us) == ("lognormal", found["task_size_mean"])
        assert (cpu.cv * cpu.mean_us) ** 2 == pytest.approx(found["task_size_var"])
        assert row.workload.blocking.mean_us == 0


def test_no_variance():
    """Tasks of one size are constant."""
    features = ROWS[0].features.copy()
    features[NAMES.index("task_size_var")] = 0
    assert behind(features).cpu.kind == "constant"
