"""Running, continuing and amending a study, as a user types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Type = Callable[..., tuple[int, str, str]]
Data = Callable[..., Any]
Write = Callable[..., Path]
Calls = Callable[[], list[str]]


def test_a_study_runs_every_trial_once_and_says_what_is_next(study: Write, fairtrial: Type, calls: Calls) -> None:
    """Twelve trials run; the table is best first, and the last line is a command to type."""
    study()
    code, out, err = fairtrial("run", "study.yaml")
    assert code == 0, err
    assert len(calls()) == len(set(calls())) == 12
    rows = [line.split() for line in out.splitlines() if line.strip().startswith(("1 ", "2 ", "3 "))]
    assert [row[0] for row in rows] == ["3", "3", "2", "2", "1", "1"]
    assert "next: fairtrial" in out.splitlines()[-1]
    assert "12 new" in err


def test_the_same_command_again_runs_nothing(study: Write, fairtrial: Type, data: Data, calls: Calls) -> None:
    """All is done: the same run, no new call."""
    study()
    fairtrial("run", "study.yaml")
    code, out, _ = fairtrial("run", "study.yaml")
    assert code == 0
    assert "all is done" in out
    assert len(calls()) == 12
    assert [run["number"] for run in data("list")] == [1]


@pytest.mark.parametrize(
    ("change", "more"),
    [
        ({"factors": {"x": [1.0, 2.0, 3.0, 4.0], "y": [1, 2]}}, 4),
        ({"replicates": 3}, 6),
        ({"variants": {"a": {}, "b": {"set": {"y": 9}, "factors": {}}}, "factors": {"x": [1.0, 2.0, 3.0]}}, 6),
    ],
    ids=["level", "replicate", "variant"],
)
def test_an_amendment_runs_only_what_is_new(
    study: Write, fairtrial: Type, data: Data, calls: Calls, change: dict[str, Any], more: int
) -> None:
    """A level, a replicate or a variant added to a finished study under its number."""
    study()
    fairtrial("run", "study.yaml")
    study(**change)
    code, _, err = fairtrial("run", "study.yaml")
    assert code == 0, err
    assert len(calls()) == 12 + more
    assert [run["number"] for run in data("list")] == [1]


def test_a_factor_with_before_keeps_what_was_measured(study: Write, fairtrial: Type, calls: Calls) -> None:
    """A factor added with `before` keeps the identity of the trials made before it existed."""
    study(factors={"x": [1.0, 2.0]})
    fairtrial("run", "study.yaml")
    study(factors={"x": [1.0, 2.0], "y": {"levels": [1, 2, 3], "before": 1}})
    code, _, err = fairtrial("run", "study.yaml")
    assert code == 0, err
    assert len(calls()) == 4 + 8


def test_a_dropped_level_is_retired_and_comes_back(study: Write, fairtrial: Type, data: Data, calls: Calls) -> None:
    """Retired trials are kept and not counted; declared again they count again without running."""
    study()
    fairtrial("run", "study.yaml")
    study(factors={"x": [1.0, 2.0], "y": [1, 2]})
    fairtrial("run", "study.yaml")
    run = data("list")[0]
    assert (run["done"], run["retired"]) == (8, 4)
    assert len(data("show")["findings"]) == 4
    study()
    fairtrial("run", "study.yaml")
    run = data("list")[0]
    assert (run["done"], run["retired"]) == (12, 0)
    assert len(calls()) == 12


def test_fresh_measures_everything_again(study: Write, fairtrial: Type, data: Data, calls: Calls) -> None:
    """`--fresh` opens a run of its own."""
    study()
    fairtrial("run", "study.yaml")
    fairtrial("run", "study.yaml", "--fresh")
    assert [run["number"] for run in data("list")] == [2, 1]
    assert len(calls()) == 24
    assert data("list")[0]["reused"] == 0


def test_what_a_study_says_of_itself_is_shown(study: Write, fairtrial: Type, data: Data) -> None:
    """`show` tells question, tags, baseline and units, ranks as `run` did, and `list --tag` finds the run."""
    study(
        question="Which x?",
        tags=["nightly"],
        variants={"plain": {"baseline": True}},
        metrics={"score": {"direction": "maximize", "unit": "points", "help": "More is better."}},
    )
    fairtrial("run", "study.yaml")
    _, out, _ = fairtrial("show")
    for line in ("Which x?", "tags: nightly", "baseline: plain", "score in points: More is better."):
        assert f"  {line}\n" in out
    assert data("show")["findings"][0]["assignment"]["x"] == 3.0
    assert [run["number"] for run in data("list", "--tag", "nightly")] == [1]
    assert data("list", "--tag", "weekly") == []


def test_a_fresh_run_that_is_continued_takes_over_nothing(
    study: Write, fairtrial: Type, data: Data, calls: Calls
) -> None:
    """Interrupted and continued, it ends as an undisturbed fresh run does; `why` says so."""
    study()
    fairtrial("run", "study.yaml")
    assert fairtrial("run", "study.yaml", "--fresh", "stop.trials=5")[0] == 7
    assert fairtrial("run", "study.yaml")[0] == 0
    run = data("list")[0]
    assert (run["number"], run["done"], run["reused"]) == (2, 12, 0)
    assert len(calls()) == 24
    assert "run 2 was opened to measure everything again" in fairtrial("why", "2.12")[1]
    assert "had no result" in fairtrial("why", "1.12")[1]


def test_another_study_reuses_the_same_trials(study: Write, fairtrial: Type, data: Data, calls: Calls) -> None:
    """A trial is the same whichever study declares it."""
    study()
    fairtrial("run", "study.yaml")
    study(study="other", factors={"x": [3.0, 4.0], "y": [1, 2]})
    code, _, err = fairtrial("run", "study.yaml")
    assert code == 0, err
    run = data("list")[0]
    assert (run["number"], run["done"], run["reused"]) == (2, 8, 4)
    assert len(calls()) == 12 + 4
    assert "reused" in fairtrial("why", "2.1")[1]


def test_changed_code_is_stale_and_opens_a_new_run(
    study: Write, fairtrial: Type, data: Data, calls: Calls, here: Path
) -> None:
    """`plan` names the file that changed; the new run measures again, and `why` says that the old one is stale."""
    study()
    fairtrial("run", "study.yaml")
    (here / "model.py").write_text((here / "model.py").read_text() + "\n# changed\n")
    _, out, _ = fairtrial("plan", "study.yaml")
    assert "12 of the new are stale" in out
    assert "model.py" in out
    assert "code: version" in out
    fairtrial("run", "study.yaml")
    assert len(calls()) == 24
    assert "stale" in fairtrial("why", "1.1")[1]


def test_failures_are_data_and_can_be_retried(
    study: Write, fairtrial: Type, data: Data, calls: Calls, here: Path
) -> None:
    """A failing condition exits 3, has no number, keeps its traceback, blocks nothing, and `retry` runs it again."""
    study(factors={"x": [-1.0, 2.0]}, code="version")
    code, out, _ = fairtrial("run", "study.yaml")
    assert code == 3
    assert "2 exception" in out
    failed = data("show", "1", "--failed")
    assert {row["failure"]["kind"] for row in failed["trials"]} == {"exception"}
    assert "x is negative" in failed["trials"][0]["failure"]["message"]
    assert failed["trials"][0]["metrics"] == {}
    assert fairtrial("run", "study.yaml")[0] == 3
    assert len(calls()) == 4
    (here / "model.py").write_text((here / "model.py").read_text().replace("x < 0", "x < -5"))
    code, _, err = fairtrial("retry", "1")
    assert code == 0, err
    assert len(calls()) == 6
    assert data("list")[0]["failed"] == 0


def test_a_budget_ends_the_run_and_the_same_command_continues(
    study: Write, fairtrial: Type, data: Data, calls: Calls
) -> None:
    """`stop: {trials: N}` exits 7; the same command goes on to the end."""
    study(stop={"trials": 5})
    assert fairtrial("run", "study.yaml")[0] == 7
    assert 5 <= len(calls()) < 12
    study(stop=None)
    code, _, err = fairtrial("run", "study.yaml")
    assert code == 0, err
    assert len(calls()) == 12
    assert data("list")[0]["state"] == "finished"


def test_only_and_limit_run_a_part(study: Write, fairtrial: Type, calls: Calls, data: Data) -> None:
    """A part of the plan runs, nothing is retired, and the whole command adds the rest."""
    study()
    assert fairtrial("run", "study.yaml", "--only", "x > 2 and y == 1")[0] == 0
    assert len(calls()) == 2
    assert fairtrial("run", "study.yaml", "--limit", "4")[0] == 0
    assert fairtrial("run", "study.yaml")[0] == 0
    assert len(calls()) == 12
    assert data("list")[0]["retired"] == 0
    assert fairtrial("run", "study.yaml", "--only", "x > 99")[0] == 6
    assert fairtrial("plan", "study.yaml", "--only", "x > 99")[0] == 6


def test_a_live_system_is_measured_again(study: Write, fairtrial: Type, data: Data, calls: Calls) -> None:
    """Measurements of a live system are reused only to continue the same run."""
    study(live=True, stop={"trials": 5})
    fairtrial("run", "study.yaml")
    study(live=True)
    fairtrial("run", "study.yaml")
    assert len(calls()) == 12
    fairtrial("run", "study.yaml")
    assert len(calls()) == 24
    assert [run["number"] for run in data("list")] == [2, 1]


def test_replicates_share_their_seed_across_conditions(study: Write, fairtrial: Type, calls: Calls) -> None:
    """Replicate k has one seed in every condition, and another than replicate k+1."""
    study()
    fairtrial("run", "study.yaml")
    assert len({line.split()[2] for line in calls()}) == 2


def test_a_command_runs_without_a_file(fairtrial: Type, data: Data, here: Path) -> None:
    """A script with placeholders, factors from overrides, metrics from the last line of stdout."""
    (here / "train.sh").write_text('#!/bin/sh\necho working\necho "{\\"loss\\": $2}"\n')
    (here / "train.sh").chmod(0o755)
    code, out, err = fairtrial("run", "--command", "./train.sh --lr {lr}", "lr=1e-4,1e-3", "--replicates", "3")
    assert code == 0, err
    assert "0.0001" in out
    found = data("show")["findings"]
    assert [(row["trials"], row["estimates"]["loss"]["mean"]) for row in found] == [(3, 1e-4), (3, 1e-3)]
    assert "working" in fairtrial("logs", "1.1")[1]


def test_json_of_every_reading_verb_has_the_envelope(study: Write, fairtrial: Type) -> None:
    """schema, as_of, data, truncated and next stand in what `--json` prints."""
    study()
    fairtrial("run", "study.yaml")
    for words in (["list"], ["show"], ["show", "1.3"], ["why", "1.3"], ["logs", "1.3"], ["plan", "study.yaml"]):
        code, out, err = fairtrial(*words, "--json")
        assert code == 0, err
        assert set(json.loads(out)) == {"schema", "as_of", "data", "truncated", "next"}


def test_a_study_that_is_wrong_leaves_nothing_behind(study: Write, fairtrial: Type, here: Path) -> None:
    """One line with file, line and the nearest name; exit 2; no book."""
    study(factors={"xx": [1.0, 2.0]})
    code, out, err = fairtrial("run", "study.yaml")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "study.yaml" in err
    assert "'x'" in err
    assert not (here / ".fairtrial").exists()


@pytest.mark.parametrize("word", ["protocol"])
def test_a_key_that_is_not_built_is_refused(study: Write, fairtrial: Type, word: str) -> None:
    """Never accepted and ignored."""
    study(**{word: {}})
    code, _, err = fairtrial("run", "study.yaml")
    assert code == 2
    assert word in err
    assert len(err.splitlines()) == 1
