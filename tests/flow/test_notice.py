"""Failures while a run goes on, and what is said at its end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Type = Callable[..., tuple[int, str, str]]
Write = Callable[..., Path]
Data = Callable[..., Any]

FAILING = """
def measure(x: float, y: int = 1, *, seed: int) -> dict[str, float]:
    if x > 1:
        raise ValueError(f"diverged at {x}")
    if y == 2:
        raise RuntimeError("no memory for y")
    return {"score": x}
"""


WAITING = """
import os, time
def measure(x: float, y: int = 1, *, seed: int) -> dict[str, float]:
    if not os.path.exists(FREE):
        time.sleep(60)
    return {"score": x}
"""
COUNTING = """
import os
def measure(x: float, y: int = 1, *, seed: int) -> dict[str, float]:
    n = len(os.listdir(FOLDER))
    open(os.path.join(FOLDER, str(n)), "w").close()
    print("call", n)
    return {"score": n}
"""


def test_each_kind_of_failure_is_told_once_with_where_to_read_on(study: Write, fairtrial: Type, here: Path) -> None:
    """Numbers in a message make no other kind; the end counts classes; the trial named is one that failed so."""
    (here / "model.py").write_text(FAILING)
    study()
    code, out, err = fairtrial("run", "study.yaml")
    assert code == 3
    told = [line for line in err.splitlines() if " failed: " in line]
    assert len(told) == 2
    assert sum("ValueError: diverged at" in line for line in told) == 1
    assert "10 failed (10 exception)" in out
    for line in told:
        reference = line.split()[0]
        assert line.endswith(f"fairtrial logs {reference}")
        assert line.partition("exception: ")[2].partition(";")[0] in fairtrial("why", reference)[1]


def test_many_kinds_are_cut_and_said_to_be(study: Write, fairtrial: Type, here: Path) -> None:
    """Ten lines, and where the rest is."""
    (here / "model.py").write_text(
        "def measure(x: float, y: int = 1, *, seed: int) -> dict:\n    raise ValueError('abcdefghijklmnop'[int(x)])\n"
    )
    study(factors={"x": {"range": [0.0, 14.0, 1.0]}})
    _, _, err = fairtrial("run", "study.yaml")
    assert sum(" failed: " in line for line in err.splitlines()) == 10
    assert "further kinds of failure: fairtrial show 1 --failed" in err


def test_a_study_in_which_everything_fails_says_so(study: Write, fairtrial: Type, here: Path) -> None:
    """No table of dashes: the first failure's message and the command that shows its output; exit 3."""
    study(factors={"x": [-1.0, -2.0]})
    code, out, _ = fairtrial("run", "study.yaml")
    assert code == 3
    assert "nothing was measured: every trial failed, 1.1 first: exception: ValueError: x is negative" in out
    assert "(fairtrial logs 1.1)" in out
    assert "–" not in out


def test_failed_trials_are_shown_with_their_messages(study: Write, fairtrial: Type) -> None:
    """Class and message in a row each."""
    study(factors={"x": [-1.0, 2.0]})
    fairtrial("run", "study.yaml", "-q")
    _, out, _ = fairtrial("show", "1", "--failed")
    assert out.count("exception: ValueError: x is negative") == 2


def test_a_run_with_a_cancelled_trial_is_not_finished(study: Write, fairtrial: Type, data: Data, here: Path) -> None:
    """It is partial until the same command has run what was cancelled."""
    (here / "model.py").write_text(WAITING.replace("FREE", repr(str(here / "free"))))
    study(factors={"x": [1.0]}, replicates=1)
    launched = data("run", "study.yaml", "--detach")
    _until(lambda: fairtrial("cancel", "--trial", "1.1")[0] == 0)
    fairtrial("watch")
    last = _last(Path(launched["log"]))
    assert (last["state"], data("list")[0]["state"]) == ("partial", "partial")
    (here / "free").touch()
    assert fairtrial("run", "study.yaml")[0] == 0
    assert data("list")[0]["state"] == "finished"


def _last(log: Path) -> Any:
    _until(lambda: '{"record"' in log.read_text())
    return json.loads(log.read_text().splitlines()[-1])


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it did not happen within a minute"
        time.sleep(0.02)


def test_a_part_of_a_finished_run_leaves_it_finished(study: Write, fairtrial: Type, data: Data) -> None:
    """`--only` that finds nothing new changes neither the state nor the number of planned trials."""
    study()
    fairtrial("run", "study.yaml", "--only", "x < 2", "-q")
    assert (data("list")[0]["state"], data("list")[0]["planned"]) == ("partial", 12)
    fairtrial("run", "study.yaml", "-q")
    fairtrial("run", "study.yaml", "--only", "x < 2", "-q")
    assert (data("list")[0]["state"], data("list")[0]["planned"]) == ("finished", 12)


def test_the_estimate_counts_the_jobs_and_leaves_when_nothing_is_left(
    study: Write, fairtrial: Type, data: Data
) -> None:
    """`jobs: auto` is what this machine gives; a finished study promises no time."""
    study(parallel={"jobs": "auto", "workers": "isolated"}, needs={"cpus": 0.5})
    assert "about" not in fairtrial("plan", "study.yaml")[1]
    fairtrial("run", "study.yaml", "-q")
    assert "about" not in fairtrial("plan", "study.yaml")[1]
    found = data("plan", "study.yaml", "replicates=4")
    assert found["jobs"] > 1
    assert found["estimate"]["wall_s"] > 0
    said = fairtrial("plan", "study.yaml", "replicates=4")[1]
    assert f"with {found['jobs']} jobs" in said
    assert "12 earlier trials took" in said


def test_metrics_that_nobody_declared_are_shown(study: Write, fairtrial: Type) -> None:
    """What was measured stands in the table, without what only repeats a factor."""
    study(metrics=None)
    _, out, _ = fairtrial("run", "study.yaml")
    assert "score" in out
    assert "score" in fairtrial("show")[1]


def test_logs_are_of_the_attempt_that_counts(study: Write, fairtrial: Type, here: Path) -> None:
    """Not of the sentinel or the warm-up around it."""
    (here / "count").mkdir()
    (here / "model.py").write_text(COUNTING.replace("FOLDER", repr(str(here / "count"))))
    study(factors={"x": [1.0]}, replicates=1, timing=True, parallel=None, order={"warmup": 1})
    fairtrial("run", "study.yaml", "-q")
    assert len(list((here / "count").iterdir())) == 3
    assert fairtrial("logs", "1.1")[1] == "call 1\n"


def test_a_warm_up_that_fails_ends_no_run(study: Write, fairtrial: Type, here: Path) -> None:
    """What warms up is no member of the run: its failure is told of nobody, and the trials follow."""
    (here / "model.py").write_text(FAILING)
    study(factors={"x": [2.0, 1.0]}, replicates=1, order={"warmup": 1, "randomise": "none"})
    code, out, err = fairtrial("run", "study.yaml")
    assert (code, "1 done, 1 failed" in out) == (3, True), err
    assert sum(" failed: " in line for line in err.splitlines()) == 1


def test_imported_runs_say_that_there_is_nothing_to_run(fairtrial: Type, here: Path) -> None:
    """`retry` and `reproduce` refuse in one line."""
    (here / "r.csv").write_text("lr,acc\n0.1,0.5\n0.2,0.7\n")
    assert fairtrial("import", "r.csv", "--study", "old", "--metric", "acc", "--map", "lr=lr")[0] == 0
    for verb in ("retry", "reproduce"):
        code, _, err = fairtrial(verb, "1")
        assert code == 2
        assert "run 1 was imported" in err
    assert "0 CPUs" not in fairtrial("show")[1]
