"""The gate on simulated services whose runs differ by 5 %: it rarely fails what is unchanged, and finds 15 %."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from fairtrial.compare.sample import Sample
from fairtrial.compare.verdict import compare
from fairtrial.model.comparison import Gate, Side
from fairtrial.model.run import Measurements
from fairtrial.model.study import Direction, Metric, Study, SystemRef
from fairtrial.stats.interval import rate_interval
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.targets.simulated import Simulated, SimulatedTarget

METRICS = (
    Metric("latency_p99_s", Direction.MINIMIZE, "s"),
    Metric("latency_p50_s", Direction.MINIMIZE, "s"),
    Metric("throughput_per_s", Direction.MAXIMIZE, "1/s"),
)
"""Each gates by the default margin of 10 %."""
ROUNDS = 10
SERVICE = {"servers": 8, "service": {"kind": "gamma", "mean_s": 0.01, "cv": 0.5}, "between_run_sd": 0.05}
LOADS = {
    "open": Load(mode="open", rate_per_s=120, warmup_s=0.5, duration_s=9),
    "closed": Load(clients=4, warmup_s=0.1, duration_s=2.7),
}
"""A thousand requests and some, so that there is a p99."""
SIZES = [
    pytest.param("closed", 20, 20, id="quick"),
    pytest.param("open", 1000, 400, marks=pytest.mark.long),
    pytest.param("closed", 1000, 400, marks=pytest.mark.long),
]


def figures(load, *, seed, salt=0, slowdown=1.0):
    """Put the load on the service; return its p99 and median response, in seconds, and throughput of the window."""
    target = SimulatedTarget(Simulated(**SERVICE, salt=salt, slowdown=slowdown))
    records, _ = target.records(load, seed)
    begin = records.begin_ns + load.lead_s * 1e9
    p50, p99 = np.quantile(records.response_s[records.t_sched_ns >= begin], [0.5, 0.99])
    ended = ((records.t_done_ns >= begin) & (records.t_done_ns < records.end_ns)).sum()
    return p99, p50, ended / load.duration_s


def sample(run, rows):
    """Make one run of the rounds."""
    rounds = range(len(rows))
    measured = Measurements(
        run=run,
        number=[k + 1 for k in rounds],
        variant=[""] * len(rows),
        replicate=list(rounds),
        seed=list(rounds),
        status=["done"] * len(rows),
        failure=[""] * len(rows),
        factors={},
        metrics={metric.name: [float(row[at]) for row in rows] for at, metric in enumerate(METRICS)},
    )
    study = Study(name="simulated", system=SystemRef("services"), replicates=len(rows), metrics=METRICS)
    return Sample(Side(run, "simulated", float(run), "anywhere"), study, measured, system="services")


def verdicts(load, repeats, *, slowdown=1.0):
    """Judge so many pairs of interleaved runs, the second of the service slowed down, with its own draws."""
    found = Counter()
    for repeat in range(repeats):
        seeds = range(ROUNDS * repeat, ROUNDS * (repeat + 1))
        before = [figures(load, seed=seed) for seed in seeds]
        after = [figures(load, seed=seed, salt=1, slowdown=slowdown) for seed in seeds]
        found[compare(sample(1, before), sample(2, after), mode="interleaved").verdict] += 1
    return found


@pytest.mark.parametrize(("mode", "nulls", "planted"), SIZES)
def test_the_gate(mode, nulls, planted):
    """An unchanged service FAILs in at most 5 % of cases; one 15 % slower in at least 80 %, and hardly ever PASSes."""
    same = verdicts(LOADS[mode], nulls)
    assert rate_interval(same[Gate.FAIL], nulls)[0] <= 0.05
    slower = verdicts(LOADS[mode], planted, slowdown=1.15)
    assert rate_interval(slower[Gate.FAIL], planted)[1] >= 0.8
    assert rate_interval(slower[Gate.PASS], planted)[0] <= 0.05
    assert set(same) | set(slower) <= {Gate.PASS, Gate.FAIL, Gate.INCONCLUSIVE}


def test_three_rounds_may_not_suffice():
    """With three rounds a shift of 8 % is often INCONCLUSIVE, and the comparison says how many rounds it needs."""
    load, left = LOADS["closed"], []
    for repeat in range(10):
        seeds = range(3 * repeat, 3 * repeat + 3)
        before = [figures(load, seed=seed) for seed in seeds]
        after = [figures(load, seed=seed, salt=1, slowdown=1.08) for seed in seeds]
        judged = compare(sample(1, before), sample(2, after), mode="interleaved")
        if judged.verdict is Gate.INCONCLUSIVE:
            left.append(max(change.needed.replicates or 0 for change in judged.changes))
    assert len(left) >= 3
    assert min(left) > 3


def test_runs_of_different_times_never_fail():
    """The same shift between runs of different times is not a FAIL: the machine may have changed."""
    load = LOADS["open"]
    before = [figures(load, seed=seed) for seed in range(ROUNDS)]
    after = [figures(load, seed=seed, salt=1, slowdown=1.5) for seed in range(ROUNDS)]
    judged = [compare(sample(1, before), sample(2, after), mode=mode).verdict for mode in ("cross-time", "interleaved")]
    assert judged == [Gate.INCONCLUSIVE, Gate.FAIL]
