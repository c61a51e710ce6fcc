"""What users get wrong: one line, exit 2, nothing in the book."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairtrial.cli import main as cli

Typed = Callable[..., tuple[int, str]]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Type a command on a study with this base, in a fresh folder; return its exit code and what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(base: dict[str, Any], *words: str, **more: Any) -> tuple[int, str]:
        study = {"study": "wrong", "system": "threadpool", "base": {"tasks": 500, **base}, **more}
        Path("study.yaml").write_text(json.dumps(study))
        monkeypatch.setattr(sys, "argv", ["fairtrial", *(words or ("run", "study.yaml", "--quiet"))])
        code = cli.run_command()
        said = capsys.readouterr()
        return code, said.err

    return run


MISTAKES = {
    "zero cores": ({"machine": {"cores": 0}}, "base.machine.cores", "greater than or equal to 1"),
    "zero workers": ({"pool": {"workers": 0}}, "base.pool.workers", "greater than or equal to 1"),
    "a negative time": ({"workload": {"cpu": {"mean_us": -5}}}, "base.workload.cpu.mean_us", "greater than or equal"),
    "a negative switch": ({"machine": {"switch_us": -1}}, "base.machine.switch_us", "greater than or equal to 0"),
    "no such distribution": (
        {"workload": {"cpu": {"kind": "weibul", "mean_us": 5}}},
        "base.workload.cpu.kind",
        "pareto",
    ),
    "a misspelt key": ({"machine": {"core": 4}}, "core", "did you mean 'cores'"),
    "work that is none": ({"workload": {"cpu": {"mean_us": 0}}}, "base.workload", "neither compute nor block"),
    "an infinite rate": ({"workload": {"arrivals": {"rate_per_s": 1e999}}}, "rate_per_s", "finite"),
    "a trace without file": ({"workload": {"arrivals": {"kind": "trace"}}}, "base.workload.arrivals", "trace"),
    "levels the wrong way": ({"workload": {"arrivals": {"rate_low": 3, "rate_high": 2}}}, "arrivals", "rate_low (3)"),
    "training without mode": ({"training": {"held_out": "steady"}}, "base", "belongs to mode train"),
    "a row and a workload": ({"telemetry": {"row": 1}, "workload": {"cpu": {"mean_us": 5}}}, "base", "not both"),
    "a formula replayed": ({"engine": "analytic", "mode": "replay", "policy": {}}, "base", "has no time in it"),
    "an exact mean of one row": ({"telemetry": {"source": "simulatd"}}, "base.telemetry.source", "simulated"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_that_says_where(name: str, typed: Typed) -> None:
    """The path and what to write instead; exit 2; no book is begun."""
    base, where, what = MISTAKES[name]
    code, said = typed(base)
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith(" ")]
    assert code == 2, said
    assert len(lines) == 1, said
    assert where in said, said
    assert what in said, said
    assert not Path(".fairtrial").exists()


INERT: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a shape of exponential times": (
        {"workload": {"cpu": {"mean_us": 5}}},
        {"workload.cpu.cv": [1, 2]},
        "one to the system",
    ),
    "bursts of Poisson arrivals": ({}, {"workload.arrivals.burst_times": [2, 8]}, "one to the system"),
    "tasks of a formula": ({"engine": "analytic"}, {"tasks": [500, 5000]}, "one to the system"),
    "validity in virtual time": ({}, {"validity.others": [0.1, 0.5]}, "one to the system"),
    "cores of a row": ({"telemetry": {"row": 1}}, {"machine.cores": [2, 4]}, "telemetry.cores"),
    "the size of a pool whose policy has one": (
        {"mode": "replay", "policy": {"kind": "rule"}},
        {"pool.workers": [2, 4]},
        "`pool.workers` does nothing in mode replay",
    ),
    "control of a fixed size": ({}, {"control.hold_s": [0, 1]}, "`control` does nothing"),
}


@pytest.mark.parametrize("name", INERT)
def test_a_factor_that_changes_nothing_is_refused(name: str, typed: Typed) -> None:
    """Before anything starts, in a line that says which."""
    base, factors, what = INERT[name]
    code, said = typed(base, factors=factors)
    assert (code, what in said) == (2, True), said
    assert not Path(".fairtrial").exists()


def test_more_cores_than_there_are_for_a_real_pool(typed: Typed) -> None:
    """Refused before anything starts, with how many there are."""
    code, said = typed({"engine": "real", "machine": {"cores": 4096}})
    assert (code, "machine.cores: 4096" in said, "at most" in said) == (2, True, True), said


def test_a_trace_that_is_not_there(typed: Typed) -> None:
    """Refused with its path."""
    code, said = typed({"workload": {"arrivals": {"kind": "trace", "trace": "none.txt"}, "cpu": {"mean_us": 5}}})
    assert (code, "cannot read none.txt" in said) == (2, True), said


def test_labels_that_are_no_table(typed: Typed) -> None:
    """A file of another kind: the trial fails with one line that says what labels are."""
    import fairtrial

    Path("rows.csv").write_text("a,b\n1,2\n")
    base = {"mode": "train", "training": {}}
    code, said = typed(base, inputs={"labels": {"file": "rows.csv"}}, metrics={"regret_mean": "minimize"})
    assert code == 3, said
    (failure,) = [row.failure for row in fairtrial.Run(1).trials()]
    assert failure is not None
    assert "the table of labels is no Parquet file" in failure.message


def test_an_overloaded_pool_has_no_latency(typed: Typed) -> None:
    """It is said to be unstable: `stable` is 0, rho at least 1, and no latency is given."""
    import fairtrial

    base = {"workload": {"arrivals": {"rate_per_s": 5000}, "cpu": {"mean_us": 1000}}, "machine": {"cores": 4}}
    code, said = typed(base, factors={"engine": ["simulated", "analytic"]})
    assert code == 0, said
    for row in fairtrial.Run(1).records():
        assert row["stable"] == 0
        assert row["rho"] >= 1
        assert row["latency_p95_s"] is None
        assert row["latency_mean_s"] is None


def test_training_without_labels_says_what_is_missing(typed: Typed) -> None:
    """The trial fails with the words that would give them."""
    import fairtrial

    code, said = typed(
        {"mode": "train", "training": {}},
    )
    assert code in (2, 3, 6), said
    if code != 2:
        (failure,) = [row.failure for row in fairtrial.Run(1).trials()]
        assert failure is not None
        said = failure.message
    assert "inputs: {labels: {study: NAME}}" in said
