"""Studies whose strategy learns: ended by budgets and taken up again, amended, limited, made again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Type = Callable[..., tuple[int, str, str]]
Write = Callable[..., Path]
Data = Callable[..., Any]
Calls = Callable[[], list[str]]

INLINE = {"parallel": {"engine": "inline", "jobs": 1}}
UNTIL = {"min": 2, "max": 9, "until": {"metric": "score", "half_width": 0.3}}
DESIGNS: dict[str, dict[str, Any]] = {
    "until": {"replicates": UNTIL},
    "race": {"design": {"kind": "race", "min": 2}, "factors": {"x": [1.0, 1.02, 3.0]}, "replicates": 6},
    "optuna": {
        "design": {"kind": "optuna", "n": 9, "startup": 3, "batch": 2},
        "factors": {"x": {"interval": [0, 5]}, "y": [1, 2, 3]},
        "replicates": 2,
    },
    "nsgaii": {
        "design": {"kind": "optuna", "sampler": "nsgaii", "n": 8, "population": 3},
        "factors": {"x": {"interval": [0, 5]}, "y": {"integers": [1, 9]}},
        "replicates": 1,
    },
}


def table(data: Data) -> list[str]:
    """Return the trials of the newest run with what they measured, in an order of their own."""
    rows = data("show", "--limit", "500")["trials"]
    kept = ("variant", "assignment", "replicate", "seed", "status", "metrics")
    return sorted(json.dumps([row[key] for key in kept]) for row in rows if not row["retired"])


@pytest.mark.parametrize("design", DESIGNS)
def test_a_budget_and_a_resume_end_like_an_undisturbed_run(
    study: Write, fairtrial: Type, data: Data, here: Path, calls: Calls, design: str
) -> None:
    """Ended after every fourth trial and taken up again, it makes the same trials, each of them once."""
    study(**{**INLINE, **DESIGNS[design]})
    assert fairtrial("run", "study.yaml")[0] == 0
    undisturbed, made = table(data), len(calls())
    assert made >= 8
    shutil.rmtree(here / ".fairtrial")
    (here / "calls.txt").unlink()
    study(**{**INLINE, **DESIGNS[design], "stop": {"trials": 4}})
    codes = [fairtrial("run", "study.yaml")[0]]
    while codes[-1] == 7:
        codes.append(fairtrial("run", "study.yaml")[0])
    assert codes == [7] * (len(codes) - 1) + [0]
    assert len(codes) == -(-made // 4)
    assert table(data) == undisturbed
    assert len(calls()) == made
    assert fairtrial("run", "study.yaml")[0] == 0
    assert len(calls()) == made


def test_what_a_race_measured_is_judged_at_the_level_of_its_looks(study: Write, fairtrial: Type, data: Data) -> None:
    """Who was dropped by looking is judged as it was looked at: intervals in all tables are wider than 95 %."""
    study(**INLINE, **DESIGNS["race"])
    assert fairtrial("run", "study.yaml")[0] == 0
    (found,) = data("analyse", "--of", "optimum")["optimum"]
    levels = {one["estimate"]["interval"]["level"] for one in found["candidates"]}
    shown = {one["estimates"]["score"]["interval"]["level"] for one in data("show")["findings"]}
    assert levels == shown
    assert all(0.98 < level < 0.995 for level in levels)


def test_until_repeats_what_is_not_precise(study: Write, fairtrial: Type, data: Data) -> None:
    """Between min and max replicates a condition, as the plan says; intervals are at the level that looking needs."""
    study(**INLINE, replicates=UNTIL, factors={"x": [1.0, 2.0]})
    code, out, _ = fairtrial("plan", "study.yaml")
    assert code == 0
    assert "up to 9 replicates of each, until half of the interval of score is 0.3" in out
    assert fairtrial("run", "study.yaml")[0] == 0
    shown = data("show")
    found = [finding["estimates"]["score"] for finding in shown["findings"]]
    assert all(2 <= estimate["n"] <= 9 for estimate in found)
    assert any(estimate["n"] > 2 for estimate in found)
    assert all(estimate["interval"]["level"] > 0.96 for estimate in found)
    wide = [e for e in found if (e["interval"]["high"] - e["interval"]["low"]) / 2 > 0.3]
    assert all(estimate["n"] == 9 for estimate in wide)


def test_an_amended_precision_keeps_the_run(study: Write, fairtrial: Type, data: Data, calls: Calls) -> None:
    """A wider wish retires what it would not have asked for, a narrower one adds; nothing is measured twice."""
    words = {**INLINE, "factors": {"x": [1.0, 2.0]}}
    study(**words, replicates={**UNTIL, "until": {"metric": "score", "half_width": 0.05}})
    assert fairtrial("run", "study.yaml")[0] == 0
    assert len(calls()) == 18
    study(**words, replicates={**UNTIL, "until": {"metric": "score", "half_width": 100}})
    assert fairtrial("run", "study.yaml")[0] == 0
    shown = data("show", "--limit", "50")
    assert shown["run"]["number"] == 1
    assert (shown["run"]["done"], shown["run"]["retired"]) == (4, 14)
    study(**words, replicates={**UNTIL, "until": {"metric": "score", "half_width": 0.05}})
    assert fairtrial("run", "study.yaml")[0] == 0
    assert (data("show")["run"]["done"], data("show")["run"]["retired"]) == (18, 0)
    assert len(calls()) == 18


def test_a_limit_counts_over_all_batches(study: Write, fairtrial: Type, calls: Calls) -> None:
    """The first trials of the whole sequence; the whole command adds the rest."""
    study(**{**INLINE, **DESIGNS["optuna"]})
    assert fairtrial("run", "study.yaml", "--limit", "7")[0] == 0
    assert len(calls()) == 7
    assert fairtrial("run", "study.yaml", "--limit", "7")[0] == 0
    assert len(calls()) == 7
    assert fairtrial("run", "study.yaml")[0] == 0
    assert len(calls()) == 18


@pytest.mark.parametrize("design", ["until", "optuna"])
def test_reproduce_makes_the_same_trials_again(study: Write, fairtrial: Type, data: Data, design: str) -> None:
    """The conditions that the strategy chose, with the replicates that they had, and the numbers are the same."""
    study(**{**INLINE, **DESIGNS[design]})
    assert fairtrial("run", "study.yaml")[0] == 0
    before = table(data)
    code, out, err = fairtrial("reproduce", "1")
    assert code == 0, out + err
    assert table(data) == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"design": {"kind": "race"}, "replicates": UNTIL}, "adaptive replication goes with a fixed design"),
        ({"design": {"kind": "asha"}, "replicates": UNTIL}, "adaptive replication goes with a fixed design"),
        ({"design": {"kind": "race"}, "replicates": 2}, "a race of 2 replicates has nothing to save"),
        ({"design": {"kind": "optuna"}}, "design optuna needs n"),
        ({"design": {"kind": "optuna", "n": 3, "smpler": "tpe"}}, "did you mean 'sampler'?"),
    ],
)
def test_what_does_not_go_together_is_refused(
    study: Write, fairtrial: Type, calls: Calls, words: Any, says: str
) -> None:
    """One line, exit 2, and nothing is run."""
    study(**words)
    code, _, err = fairtrial("run", "study.yaml")
    assert code == 2
    assert says in err
    assert len(err.splitlines()) == 1
    assert calls() == []
    assert fairtrial("show")[0] == 6


JUDGED = {
    "expect": ["score increases with x"],
    "slo": {"score": {"min": 3}},
    "gate": {"score": {"worse_by": "5%"}},
    "confirm": {"top": 1, "replicates": 4},
    "prices": {"trial": 0.5, "score": 2},
    "plan": {"phase": "Phase 1", "item": 2},
    "stop": {"cost": 1000},
}


def test_words_of_judgement_change_no_trial(study: Write, fairtrial: Type, data: Data, calls: Calls) -> None:
    """Added to a finished study, one by one and all together, they run, retire and open nothing."""
    study()
    assert fairtrial("run", "study.yaml")[0] == 0
    before, made = table(data), len(calls())
    for changes in (*({"prices": JUDGED["prices"], word: said} for word, said in JUDGED.items()), JUDGED):
        study(**changes)
        assert fairtrial("run", "study.yaml")[0] == 0
        shown = data("show")["run"]
        assert (shown["number"], shown["retired"], len(calls())) == (1, 0, made)
    assert table(data) == before
    assert data("show")["run"]["document"]["expect"] == JUDGED["expect"]


def test_a_budget_of_cost_counts_over_sessions(study: Write, fairtrial: Type, calls: Calls) -> None:
    """Each trial costs 2; 7 are reached by the fourth, and the same command then starts none until it may cost more."""
    study(**INLINE, prices={"trial": 2}, stop={"cost": 7})
    code, out, err = fairtrial("run", "study.yaml")
    assert code == 7
    assert "stop.cost: 8 of 7 are spent" in out + err
    assert len(calls()) == 4
    assert fairtrial("run", "study.yaml")[0] == 7
    assert len(calls()) == 4
    study(**INLINE, prices={"trial": 2}, stop={"cost": 11})
    assert fairtrial("run", "study.yaml")[0] == 7
    assert len(calls()) == 6
    study(**INLINE, prices={"trial": 2}, stop={"cost": 100})
    assert fairtrial("run", "study.yaml")[0] == 0
    assert len(calls()) == 12


def test_a_plan_prices_what_is_left(study: Write, fairtrial: Type) -> None:
    """Where trials have a price, the plan says what all of them cost."""
    study(**INLINE, prices={"trial": 0.25})
    code, out, _ = fairtrial("plan", "study.yaml")
    assert code == 0
    assert "a cost of about 3" in out


LOGS = """
def measure(x: float, y: int = 1, *, seed: int, context) -> dict[str, float]:
    for step in range(1, 10):
        context.log(step, score=x * step)
    return {"score": x * 9}
"""


@pytest.mark.parametrize("design", [{"kind": "asha", "reduction": 3}, {"kind": "median", "startup": 2}])
def test_trials_that_fall_behind_are_stopped(
    study: Write, fairtrial: Type, data: Data, here: Path, design: dict[str, Any]
) -> None:
    """They are settled as pruned, never as values; the first reporter and the best of all go on."""
    (here / "model.py").write_text(LOGS)
    levels = {"x": [5.0, 9.0, 1.0, 2.0, 3.0, 4.0, 0.5, 0.1]}
    study(design=design, factors=levels, replicates=1, parallel={"engine": "inline", "jobs": 1})
    assert fairtrial("run", "study.yaml")[0] == 0
    rows = {row["assignment"]["x"]: row for row in data("show", "--limit", "50")["trials"]}
    assert rows[5.0]["status"] == rows[9.0]["status"] == "done"
    assert all(rows[x]["status"] == "pruned" and not rows[x]["metrics"] for x in (1.0, 2.0, 0.5, 0.1))
    assert data("show")["findings"][0]["assignment"]["x"] == 9.0


def test_a_search_with_a_pruner_hears_of_what_it_stopped(study: Write, fairtrial: Type, data: Data, here: Path) -> None:
    """Trials are stopped by those of earlier batches, and the search goes on to its end."""
    (here / "model.py").write_text(LOGS)
    design = {"kind": "optuna", "n": 14, "startup": 6, "pruner": {"kind": "median", "startup": 2}}
    study(design=design, factors={"x": {"interval": [0, 5]}}, replicates=1, parallel={"engine": "inline", "jobs": 1})
    code, out, _ = fairtrial("run", "study.yaml")
    assert code == 0
    states = [row["status"] for row in data("show", "--limit", "50")["trials"]]
    assert len(states) == 14
    assert set(states) == {"done", "pruned"}
    counts = f"{states.count('done')} done, {states.count('pruned')} pruned, 0 failed"
    assert f"run 1 of small: finished, {counts}" in out
    assert f"finished, {counts}" in fairtrial("show", "1")[1]
    assert counts in fairtrial("report", "1")[1]
    assert counts.removesuffix(", 0 failed") in fairtrial("log")[1]
    heads, _, row = fairtrial("list")[1].splitlines()[:3]
    cells = dict(zip(heads.split(), row.split(), strict=False))
    assert (int(cells["done"]), int(cells["pruned"])) == (states.count("done"), states.count("pruned"))
    run = data("list")[0]
    assert (run["done"], run["pruned"], run["failed"]) == (states.count("done"), states.count("pruned"), 0)
    assert "all is done already" in fairtrial("run", "study.yaml", "-q")[1]
