"""Results as plain files: what a run was, its raw tables, its conditions summarised."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import blake2b
from types import SimpleNamespace

import polars as pl
import pytest

from fairtrial.errors import UserError
from fairtrial.model.finding import ConditionFinding, Estimate, Interval
from fairtrial.model.outcome import Failure, FailureClass, Status, Usage
from fairtrial.model.run import AttemptRow, Run, TrialRow
from fairtrial.model.trial import Role
from fairtrial.track.results import write_results

AT = 1_800_000_000.0
CONDITIONS = (
    ConditionFinding(
        "", {"x": 2}, 1, {"m": Estimate("m", 1, 0, 4.0, None, 4.0, 4.0, 4.0, None, {0.95: 4.0})}, {"oom": 1}
    ),
    ConditionFinding(
        "", {"x": 1}, 2, {"m": Estimate("m", 2, 0, 3.0, 1.0, 3.0, 2.0, 4.0, Interval(1.0, 5.0, 0.95, "Student's t"))}
    ),
)


def trial(number, x, replicate, **changes):
    """Make a settled trial of run 3."""
    row = TrialRow(3, number, bytes([number]) * 16, "", {"x": x}, replicate, 5, Status.DONE, number)
    return replace(row, **changes)


def attempt(number, started, ended):
    """Make an attempt."""
    return AttemptRow(
        number, 3, b"1" * 16, 1, Role.TRIAL, Status.DONE, started, ended, Usage(), None, {}, 42
    )  # fmt: skip


@pytest.fixture
def ledger(tmp_path):
    """A ledger of four trials: two replicates of x = 1, one of x = 2 done and one failed; tables of three of them."""
    failed = {"status": Status.FAILED, "failure": Failure(FailureClass.OOM, "too much")}
    rows = [trial(1, 1, 0), trial(2, 2, 0), trial(3, 1, 1), trial(4, 2, 1, **failed), trial(5, 9, 0, retired=True)]
    frames = [
        {"ms": [1.5, float("nan")], "condition": ["own", "own"]},
        {"ms": [2.0], "late": [True]},
        {"ms": [3.0]},
        {"ms": [9.0]},
    ]
    tables = []
    for row, frame in zip([rows[0], rows[1], rows[2], rows[4]], frames, strict=True):
        path = tmp_path / f"part{row.number}.parquet"
        pl.DataFrame(frame).write_parquet(path)
        tables.append((row, "requests/all", path))
    run = Run(3, "s", "finished", AT, AT + 9, {"study": "s", "question": "Why?"}, "function", done=3, failed=1)
    return SimpleNamespace(
        run=lambda number: run,
        trials=lambda number: rows,
        tables=lambda number: tables,
        attempts=lambda run: [attempt(1, AT + 1, AT + 2), attempt(2, AT + 2, AT + 4.5), attempt(3, AT + 8, None)],
        provenance=lambda number: [{"python": "3.11", "code": {"commit": "abc"}}],
    )


def lines(path):
    """Read JSON Lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_rows_of_raw_tables_say_trial_condition_and_replicate(ledger, tmp_path):
    """Conditions are numbered as in the summary; a column of that name moves aside; retired trials are left out."""
    write_results(ledger, 3, tmp_path / "out", conditions=CONDITIONS)
    rows = lines(tmp_path / "out" / "requests%2Fall.jsonl")
    places = [(row["trial"], row["condition"], row["replicate"]) for row in rows]
    assert places == [(1, 1, 0), (1, 1, 0), (2, 0, 0), (3, 1, 1)]
    assert [row["table.condition"] for row in rows] == ["own", "own", None, None]
    assert [row["ms"] for row in rows] == [1.5, None, 2.0, 3.0]


def test_the_summary_counts_and_summarises(ledger, tmp_path):
    """Failures are counted by class and are in no number; intervals name their method; times span the attempts."""
    write_results(ledger, 3, tmp_path / "out", conditions=CONDITIONS)
    found = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (found["total_trials"], found["successful_trials"], found["failed_trials"]) == (4, 3, 1)
    assert (found["success_rate"], found["error_summary"]) == (0.75, {"oom": 1})
    assert (found["test_duration_s"], found["test_start"]) == (3.5, "2027-01-15T08:00:01.000Z")
    first, second = found["conditions"]
    assert (first["assignment"], first["failures"]) == ({"x": 2}, {"oom": 1})
    assert (first["metrics"]["m"]["interval"], first["metrics"]["m"]["quantiles"]) == (None, {"0.95": 4.0})
    assert second["metrics"]["m"]["interval"] == {"low": 1.0, "high": 5.0, "level": 0.95, "method": "Student's t"}
    assert set(found["methods"]) == {"sd", "median", "quantiles", "missing"}


def test_the_record_holds_study_provenance_and_digests_of_the_files(ledger, tmp_path):
    """`run.json` says how the run was made and seals the files beside it."""
    made = write_results(ledger, 3, tmp_path / "out", conditions=CONDITIONS)
    found = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (found["question"], found["document"]["study"]) == ("Why?", "s")
    assert found["drivers"][0]["code"]["commit"] == "abc"
    beside = {path.name: blake2b(path.read_bytes(), digest_size=16).hexdigest() for path in made}
    del beside["run.json"]
    assert found["files"] == beside
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(path.name for path in made)


def test_a_folder_that_cannot_be_made_is_one_line(ledger, tmp_path):
    """A file in its place is the user's mistake."""
    (tmp_path / "out").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        write_results(ledger, 3, tmp_path / "out", conditions=CONDITIONS)
