"""Somebody who types wrong things: one line, what is wrong and what to do, and nothing written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Type = Callable[..., tuple[int, str, str]]
Write = Callable[..., Path]


def test_no_words_print_the_help(fairtrial: Type) -> None:
    """On stdout, as asked, and no line of it is cut in mid-sentence."""
    code, out, err = fairtrial()
    assert (code, err) == (0, "")
    assert "reproduce" in out
    assert "..." not in out.partition("Commands:")[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rnu", "study.yaml"], "did you mean 'run'"),
        (["run", "study.yaml", "y"], "'y' is no file and no override (y=VALUE"),
        (["run", "study.yaml", "--engine", "lcoal"], "did you mean 'local'"),
        (["logs", "1"], "1 is a run, not a trial (1.1"),
        (["why", "99.1"], "unknown run '99'"),
        (["show", "1.1", "--table", "labels"], "trial 1.1 has no tables"),
        (["cancel", "--trial", "1.1"], "trial 1.1 is not running: it is done"),
        (["run", "study.yaml", "--metric", "score=minimize"], "metrics.score=minimize sets it"),
        (["set", "jobs=many"], "at least 1, or auto"),
        (["init", "model.py"], "model.py is no folder"),
    ],
)
def test_a_slip_is_one_line(study: Write, fairtrial: Type, words: list[str], said: str) -> None:
    """Exit 2, the nearest thing or what to do, no traceback, and the run stays as it was."""
    study()
    assert fairtrial("run", "study.yaml", "--limit", "2", "-q")[0] == 0
    before = fairtrial("list", "--json")[1].partition('"data"')[2]
    code, out, err = fairtrial(*words)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1
    assert fairtrial("list", "--json")[1].partition('"data"')[2] == before


def test_a_class_of_failures_that_is_not_there_is_said(study: Write, fairtrial: Type) -> None:
    """Exit 6: nothing matches; without a class there are no failures at all."""
    study()
    fairtrial("run", "study.yaml", "-q")
    assert "run 1 has no failed trials" in fairtrial("retry", "1")[2]
    code, _, err = fairtrial("retry", "1", "--failure", "oom")
    assert code == 6
    assert "no failures of class oom" in err


def test_closed_streams_and_early_readers_are_no_bugs(study: Write, fairtrial: Type, here: Path) -> None:
    """`>&-` and `| head` end quietly."""
    study()
    fairtrial("run", "study.yaml", "-q")
    command = f"'{sys.executable}' -m fairtrial"
    for line in (f"{command} list >&-", f"{command} plan study.yaml --all | head -n 1"):
        done = subprocess.run(["bash", "-c", f"set -o pipefail; {line}"], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), line


def test_a_reader_of_progress_that_goes_away_ends_no_run(study: Write, fairtrial: Type, here: Path) -> None:
    """`fairtrial run 2>&1 | head -n 1` reads the first line; the run goes on to its end."""
    study(factors={"x": [-1.0, 1.0, 2.0]})
    process = subprocess.Popen(
        [sys.executable, "-m", "fairtrial", "run", "study.yaml"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    process.stderr.close()
    assert process.wait(60) == 3
    run = json.loads(fairtrial("list", "--json")[1])["data"][0]
    assert (run["state"], run["done"], run["failed"]) == ("finished", 4, 2)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_rights_is_one_line(study: Write, fairtrial: Type, here: Path) -> None:
    """Exit 8: a right is missing."""
    study()
    here.chmod(0o500)
    code, _, err = fairtrial("run", "study.yaml")
    here.chmod(0o700)
    assert code == 8
    assert len(err.splitlines()) == 1


def test_json_says_whether_something_was_cut(study: Write, fairtrial: Type) -> None:
    """Failed trials, conditions and plans: `truncated` is true when rows were left out, and only then."""
    study(factors={"x": [-1.0, 1.0, 2.0]})
    fairtrial("run", "study.yaml", "-q")

    def cut(*words: str) -> bool:
        return bool(json.loads(fairtrial(*words, "--json")[1])["truncated"])

    assert not cut("show", "1", "--failed")
    assert cut("show", "1", "--failed", "--limit", "1")
    assert not cut("show", "1")
    assert cut("show", "1", "--limit", "2")
    assert cut("show", "1", "--offset", "1")
    assert not cut("plan", "study.yaml")
    assert cut("plan", "study.yaml", "--page", "2")
    assert not cut("run", "study.yaml")


def test_a_plan_in_json_names_what_its_rows_hold(study: Write, fairtrial: Type) -> None:
    """Each row is a mapping with status, assignment, seed and digest."""
    study()
    row = json.loads(fairtrial("plan", "study.yaml", "--json")[1])["data"]["page"][0]
    assert (row["status"], row["assignment"], row["replicate"]) == ("new", {"x": 1.0, "y": 1}, 0)
    assert len(row["digest"]) == 32


def test_the_doctor_advises_only_where_something_is_wrong(fairtrial: Type) -> None:
    """And it can spell."""
    _, out, _ = fairtrial("doctor")
    assert "strategies" in out
    assert "or newer" not in out
