"""The studies that come with the threadpool system: each loads, runs at toy size, and finds the labels it needs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import fairtrial
from fairtrial.cli import main as cli
from fairtrial.errors import MissingPart
from fairtrial.systems.threadpool.system import ThreadPool

FILES = sorted(ThreadPool.studies.glob("*.yaml"))
NAMES = [file.stem for file in FILES]
ORACLE = ("telemetry.row=range(0,15)", "tasks=400", "replicates=4")
TRAIN = ("training.policy.kind=fixed,queueing,tree", "training.policy.workers=8,64", "replicates=3")
REAL = ("validity.lateness_s=100", "validity.others=1", "timing=false", "parallel.jobs=1")
"""A busy machine must not matter, nor be waited for: nothing here says how long anything took."""
NEEDS = {"train": "threadpool-oracle", "validate": "threadpool-oracle", "validate-real": "threadpool-oracle-one-core"}

Typed = Callable[..., str]


def document(name: str) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe", pure=True).load((ThreadPool.studies / f"{name}.yaml").read_text())
    return found


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Type a command that must succeed, in a fresh folder; return all that it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["fairtrial", *words])
        code = cli.run_command()
        said = capsys.readouterr()
        assert code == 0, said.out + said.err
        return said.out + said.err

    return run


def labels(typed: Typed, name: str) -> None:
    """Make the labels that a study learns from."""
    if name in NEEDS:
        typed("run", "threadpool/oracle", *ORACLE, f"study={NEEDS[name]}", "--quiet")


def titles(typed: Typed, run: int) -> set[str]:
    """Write the report of a run; return the titles of its sections."""
    typed("report", str(run), "-o")
    lines = Path(f"reports/{run}/report.md").read_text().splitlines()
    return {line.removeprefix("## ") for line in lines if line.startswith("## ")}


def compiler() -> None:
    """Skip where no native pool can be built."""
    from fairtrial.systems.threadpool.real.build import require

    try:
        require()
    except MissingPart as problem:
        pytest.skip(str(problem))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_repeated_and_says_what_for(name: str) -> None:
    """At least three repetitions, a question, a comment, directions, and the name by which others find it."""
    words = document(name)
    assert words["replicates"] >= 3
    assert words["question"].endswith("?")
    assert words["study"].replace("_", "-") == f"threadpool-{name}".replace("_", "-")
    assert (ThreadPool.studies / f"{name}.yaml").read_text().startswith("# ")
    assert set(words["metrics"].values()) <= {"minimize", "maximize", "none"}
    assert set(words["metrics"]) <= set(ThreadPool.metrics)


@pytest.mark.parametrize("name", NEEDS)
def test_the_labels_are_those_of_the_oracle(name: str) -> None:
    """What a study reads by name is what the preset `oracle` makes, under its own name or one that the comment says."""
    assert document(name)["inputs"] == {"labels": {"study": NEEDS[name]}}
    text = (ThreadPool.studies / f"{name}.yaml").read_text()
    assert NEEDS[name] == document("oracle")["study"] or f"study={NEEDS[name]}" in text


def test_what_was_asked_for() -> None:
    """Seven sizes; every held-out family and none; all policies; at least twenty paired seeds in a replay."""
    sizes = [1, 2, 4, 8, 16, 32, 64]
    assert document("oracle")["factors"]["pool.workers"] == sizes
    assert document("sweep")["factors"]["pool.workers"] == sizes
    train = document("train")["factors"]
    assert train["training.held_out"] == ["none", "steady", "bursty", "adversarial", "blocking"]
    assert train["training.policy.kind"] == ["fixed", "rule", "older", "queueing", "tree", "boosting", "network"]
    assert document("validate")["replicates"] >= 20
    assert document("validate-real")["replicates"] >= 20
    assert document("validate")["factors"]["workload.arrivals.kind"] == ["poisson", "bursty", "adversarial"]


def test_they_are_found_and_load(typed: Typed) -> None:
    """`fairtrial studies` lists them all, and `check` takes each, once its labels are there."""
    said = typed("studies")
    for need in sorted(set(NEEDS.values())):
        typed("run", "threadpool/oracle", "telemetry.row=0,1", "tasks=400", f"study={need}", "--quiet")
    for name in NAMES:
        assert f"threadpool/{name}" in said
        typed("check", f"threadpool/{name}")


def test_sweep_runs_at_toy_size(typed: Typed) -> None:
    """Its report says which sizes are the best of each workload."""
    typed("run", "threadpool/sweep", "tasks=1000", "workload.cpu.mean_us=500,20000", "pool.workers=1,8", "--quiet")
    assert "Size of the pool" in titles(typed, 1)


def test_from_labels_to_policies(typed: Typed) -> None:
    """The oracle's labels are found by the training and by the replays, and each report has its sections."""
    typed("run", "threadpool/oracle", *ORACLE, "--quiet")
    assert "Labels" in titles(typed, 1)
    assert "Weights behind the labels of run 1" in typed("threadpool", "weights", "1")
    typed("run", "threadpool/train", *TRAIN, "training.held_out=none,blocking", "--quiet")
    assert {"Regret", "Features"} <= titles(typed, 2)
    short = ("tasks=4000", "replicates=2", "workload.arrivals.kind=poisson", "expect=[]")
    typed("run", "threadpool/validate", *short, "--only", "variant in ['baseline', 'queueing', 'tree']", "--quiet")
    assert "Policies in closed loop" in titles(typed, 3)
    assert all(trial.failure is None for run in (1, 2, 3) for trial in fairtrial.Run(run).trials())


def test_model_vs_reality_runs_at_toy_size(typed: Typed) -> None:
    """All engines do the same tasks, and the report sets them beside the real pool and says the floor."""
    compiler()
    toy = ("tasks=300", "replicates=2", "pool.workers=2", "workload.arrivals.rate_per_s=1000", *REAL)
    typed("run", "threadpool/model_vs_reality", *toy, "--only", "variant == 'light'", "--quiet")
    assert "Model and reality" in titles(typed, 1)
    assert "Floor: a task that does nothing takes" in Path("reports/1/report.md").read_text()


@pytest.mark.long
def test_validate_real_runs_at_toy_size(typed: Typed) -> None:
    """Policies change the size of native threads, and the report sets them beside the baseline."""
    compiler()
    labels(typed, "validate-real")
    toy = ("tasks=400", "replicates=2", "workload.arrivals.kind=poisson", "expect=[]", *REAL)
    only = ("--only", "variant in ['baseline', 'network']")
    typed("run", "threadpool/validate-real", *toy, *only, "--quiet")
    assert "Policies in closed loop" in titles(typed, 2)
