"""What the report says of sizes, of models beside a real pool, and of policies beside a fixed size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest

from fairtrial.errors import UnknownName
from fairtrial.model.run import Measurements
from fairtrial.model.study import ABSENT
from fairtrial.systems.threadpool.conclude.sections import sections


def measured(rows: Sequence[Mapping[str, Any]]) -> Measurements:
    """Make the measurements of trials: keys with a dot or `engine` are factors, numbers are metrics."""
    factors = sorted({key for row in rows for key in row if "." in key or key == "engine"})
    metrics = sorted({key for row in rows for key in row} - {*factors, "variant", "replicate", "status"})
    return Measurements(
        run=1,
        number=range(1, len(rows) + 1),
        variant=[row.get("variant", "") for row in rows],
        replicate=[row["replicate"] for row in rows],
        seed=[row["replicate"] for row in rows],
        status=[row.get("status", "done") for row in rows],
        failure=["" for _ in rows],
        factors={name: [row.get(name, ABSENT) for row in rows] for name in factors},
        metrics={name: np.array([row.get(name, np.nan) for row in rows], np.float64) for name in metrics},
    )


def nothing(name: str) -> Any:
    raise UnknownName("table", name, [])


def noisy(level: float, replicate: int, *, spread: float = 0.02) -> float:
    """Return a value whose noise is common to all conditions but for a tenth of it."""
    rng = np.random.default_rng([replicate, int(1e9 * level)])
    common = np.random.default_rng(replicate).normal(0, spread)
    return float(level * np.exp(common + rng.normal(0, spread / 10)))


def landscape(levels: Mapping[int, float], *, unstable: Sequence[int] = ()) -> list[dict[str, Any]]:
    return [
        {"pool.workers": size, "replicate": k, "stable": float(size not in unstable), "latency_p95_s":
         np.nan if size in unstable else noisy(level, k)}
        for size, level in levels.items()
        for k in range(5)
    ]  # fmt: skip


def test_the_best_sizes_of_a_workload_are_told() -> None:
    """Those that cannot be told from the best are the best set; an unstable size says so and has no number."""
    rows = landscape({1: 9.0, 4: 0.010, 8: 0.0080, 16: 0.0080, 64: 0.012}, unstable=[1])
    (section,) = sections(measured(rows), nothing)
    ((*cells, best),) = section.tables[0].rows
    assert cells[1] == "unstable"
    assert best == "8, 16"
    assert "told from the best one" in section.sentences[0]
    assert any("unstable" in sentence for sentence in section.sentences)
    assert [len(series.x) for series in section.figures[0].series] == [4]


def test_a_flat_landscape_is_said_to_be_flat() -> None:
    """Where no stable size is told from the best, the number of workers does not matter at this budget."""
    rows = landscape(dict.fromkeys((2, 8, 32), 0.01))
    for row in rows:
        row["latency_p95_s"] = noisy(0.01, row["replicate"]) * (1 + 1e-4 * (row["pool.workers"] * row["replicate"] % 3))
    (section,) = sections(measured(rows), nothing)
    assert any("does not matter at this budget" in sentence for sentence in section.sentences)
    assert section.tables[0].rows[0][-1] == "2, 8, 32"


def test_models_are_set_beside_the_real_pool() -> None:
    """Ratios are paired over replicates: a model that is 50 % above differs, one that is equal agrees."""
    rows = []
    for variant, level in (("light", 0.002), ("busy", 0.03)):
        for k in range(6):
            real = noisy(level, k, spread=0.3)
            more = {"variant": variant, "pool.workers": 4, "replicate": k, "stable": 1.0}
            rows += [
                {**more, "engine": "real", "latency_p50_s": real / 3, "latency_p95_s": real, "floor_p50_s": 2e-5,
                 "floor_p99_s": 9e-5, "lateness_p99_s": 7e-5},
                {**more, "engine": "simulated", "latency_p50_s": real / 3,
                 "latency_p95_s": noisy(real, 9 + k, spread=0.01)},
                {**more, "engine": "analytic", "latency_p50_s": real / 2, "latency_p95_s": 1.5 * real},
            ]  # fmt: skip
    found = {section.title: section for section in sections(measured(rows), nothing)}
    section = found["Model and reality"]
    verdicts = {(row[0], row[1], row[2]): row[-1] for row in section.tables[0].rows}
    assert verdicts["light, workers 4", "simulated", "p95"] == "agrees"
    assert verdicts["busy, workers 4", "analytic", "p95"] == "differs"
    assert "off by a factor of 1.5" in section.sentences[1]
    assert "20 us (median)" in section.sentences[-1]
    assert len(section.figures) == 2


def test_a_policy_is_set_beside_the_fixed_size() -> None:
    """Pairs are seeds: 10 % less is better, equal is open, a workload without a baseline has no row."""
    rows = []
    for k in range(20):
        level = noisy(0.01, k, spread=0.4)
        costs = {
            "changes_per_s": 0.05,
            "decisions_per_s": 2.0,
            "workers_mean": 9.0,
            "resize_s": 0.001,
            "fallback_share": 0.0,
        }
        for variant, factor in (("steady", 1.0), ("bursty", 0.9)):
            more = {"variant": variant, "replicate": k, **costs}
            rows.append({**more, "policy.kind": "fixed", "latency_p95_s": level})
            rows.append({**more, "policy.kind": "tree", "latency_p95_s": noisy(level * factor, k + 50, spread=0.01)})
        rows.append({"variant": "alone", "replicate": k, **costs, "policy.kind": "tree", "latency_p95_s": level})
    (section,) = sections(measured(rows), nothing)
    verdicts = {row[0]: row[4] for row in section.tables[0].rows}
    assert verdicts["bursty"] == "better"
    assert set(verdicts) == {"steady", "bursty"}
    ratio = next(row[3] for row in section.tables[0].rows if row[0] == "bursty")
    assert isinstance(ratio, str)
    assert float(ratio.split()[0]) == pytest.approx(0.9, abs=0.02)


def test_policies_that_are_variants_are_set_beside_the_baseline() -> None:
    """The variant `baseline` is what the others are compared with, workload by workload; equal pairs are the same."""
    rows = []
    for k in range(8):
        for kind, level in (("poisson", 0.01), ("bursty", 0.1)):
            p95_s = noisy(level, k)
            for variant, factor in (("baseline", 1.0), ("older", 1.0), ("tree", 0.5)):
                rows.append({"variant": variant, "replicate": k, "workload.arrivals.kind": kind, "changes_per_s": 0.0,
                             "workload.blocking.mean_us": 0, "latency_p95_s": p95_s * factor})  # fmt: skip
    (section,) = sections(measured(rows), nothing)
    told = {(row[0], row[1]): row[4] for row in section.tables[0].rows}
    assert told == {(place, policy): verdict for place in ("poisson", "bursty")
                    for policy, verdict in (("older", "same"), ("tree", "better"))}  # fmt: skip
    assert [series.label for series in section.figures[0].series] == ["poisson", "bursty"]
    assert section.sentences[0].startswith("older: same in 2 of 2 workloads")


def test_formulas_are_set_beside_the_simulated_pool() -> None:
    """Without a real pool the simulated one is what they are compared with, and the section says so."""
    rows = []
    for k in range(5):
        p95_s = noisy(0.01, k)
        rows.append({"engine": "simulated", "replicate": k, "latency_p50_s": p95_s / 3, "latency_p95_s": p95_s})
        rows.append({"engine": "analytic", "replicate": k, "latency_p50_s": p95_s / 3, "latency_p95_s": 2 * p95_s})
    (section,) = sections(measured(rows), nothing)
    assert section.title == "Formulas and simulation"
    assert "simulated pool" in section.sentences[0]
    assert [row[-1] for row in section.tables[0].rows] == ["agrees", "differs"]


def test_features_are_told_with_their_worth() -> None:
    """Of the trainings that held out no family: means over trainings; what is not above 0 is not said to matter."""
    import polars as pl

    table = pl.DataFrame(
        {
            "training.policy.kind": ["tree"] * 6,
            "training.held_out": ["none"] * 4 + ["steady"] * 2,
            "feature": ["runq_len", "arrival_rate"] * 3,
            "rise": [0.0, 0.1, 0.0, 0.3, 9.0, 9.0],
            "low": [-0.1, 0.05, -0.1, 0.25, 9.0, 9.0],
            "high": [0.1, 0.15, 0.1, 0.35, 9.0, 9.0],
        }
    )
    rows = [{"replicate": 0, "rows_tested": 4.0}]
    (section,) = sections(measured(rows), lambda name: table if name == "importance" else nothing(name))
    assert section.sentences[0] == "tree: arrival_rate (+20.0%) matters most to its regret."
    assert section.tables[0].rows[0] == ("runq_len", "+0.0% (-10.0% to +10.0%)")


def test_failed_trials_are_left_out() -> None:
    """A run none of whose trials is done has nothing to say."""
    rows = [{**row, "status": "failed"} for row in landscape({1: 0.1, 2: 0.1})]
    assert sections(measured(rows), nothing) == ()


def test_arms_of_a_training_are_never_merged() -> None:
    """The null arm, a tree and two constants, all given by variants: a line of the table each, with its own regret."""
    arms = {("tree", None): 0.1, ("shuffled", None): 0.5, ("fixed", 8): 0.3, ("fixed", 64): 0.2}
    choices = pl.DataFrame(
        [
            {"trial": 1, "variant": arm, "replicate": k, "training.policy.workers": size, "row": row, "regret": regret}
            for (arm, size), regret in arms.items()
            for k in range(2)
            for row in range(5)
        ]
    )
    rows = [{"replicate": k, "between_share": 0.9, "regret_mean": 0.2} for k in range(2)]
    (section,) = sections(measured(rows), lambda name: choices if name == "choices" else nothing(name))
    assert {row[0]: str(row[1]).split()[0] for row in section.tables[0].rows} == {
        "tree": "10.0%",
        "shuffled": "50.0%",
        "fixed, workers 8": "30.0%",
        "fixed, workers 64": "20.0%",
    }


def test_what_features_are_worth_to_an_arm_is_its_own() -> None:
    """A tree and its null arm are two models."""
    worths = {"tree": 0.3, "shuffled": 0.0}
    worth = pl.DataFrame(
        [
            {"variant": arm, "feature": "arrival_rate", "rise": rise, "low": rise - 0.1, "high": rise + 0.1}
            for arm, rise in worths.items()
            for k in range(2)
        ]
    )
    rows = [{"replicate": k, "between_share": 0.9, "regret_mean": 0.2} for k in range(2)]
    made = sections(measured(rows), lambda name: worth if name == "importance" else nothing(name))
    found = {one.title: one for one in made}
    assert found["Features"].tables[0].columns == ("feature", "tree", "shuffled")
    assert found["Features"].sentences[0].startswith("tree: arrival_rate (+30.0%)")
    assert found["Features"].sentences[1].startswith("shuffled: no feature")
