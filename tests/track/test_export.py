"""Export: what is in the files, in each format, and that no file is ever half there."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from types import SimpleNamespace

import polars as pl
import pytest

from fairtrial.errors import UnknownName, UserError
from fairtrial.model.outcome import Failure, FailureClass, Status, Usage
from fairtrial.model.run import AttemptRow, Measurements, TrialRow
from fairtrial.model.trial import Role
from fairtrial.track.export import export, write_table

STARTED = 1_800_000_000.25


def trial(number, attempt):
    """Make a settled trial of run 3."""
    digest = bytes([number]) * 16
    return TrialRow(3, number, digest, "", {"x": number}, 0, 5, Status.DONE, attempt)


def attempt(number, trial_row, **changes):
    """Make an attempt of a trial."""
    given = {"status": Status.DONE, "failure": None, "ended": STARTED + 1}
    usage = Usage(wall_s=1.0, cpu_s=0.5, peak_bytes=100)
    made = {"id": number, "run": 3, "trial": trial_row.digest, "number": 1, "role": Role.TRIAL, "started": STARTED}
    return AttemptRow(**{**made, **given, "usage": usage, "metrics": {}, "pid": 42, **changes})


@pytest.fixture
def ledger(tmp_path):
    """A ledger of two trials: one with a series, both with the raw table `requests/all`, one attempt failed before."""
    rows = [trial(1, 10), trial(2, 12)]
    failure = Failure(FailureClass.TIMEOUT, "no end after 1 s", signal=9, limiter="wall")
    attempts = [
        attempt(10, rows[0]),
        attempt(11, rows[1], status=Status.FAILED, failure=failure, ended=None),
        attempt(12, rows[1], cautions=("one", "two")),
    ]
    parts = [tmp_path / "part [1].parquet", tmp_path / "part2.parquet"]
    pl.DataFrame({"trial": ["own"], "ms": [1], "tags": [["a", "b"]], "raw": [b"\x00\xff"]}).write_parquet(parts[0])
    pl.DataFrame({"ms": [2.5, None], "late": [True, False]}).write_parquet(parts[1])
    measurements = Measurements(
        3, [1, 2], ["", ""], [0, 0], [5, 5], ["done", "done"], ["", ""], {"x": [1, 2]}, {"m": [0.5, float("nan")]}
    )
    series = {10: [(0, {"loss": 1.0}), (1, {"loss": None, "step": 3.0})]}
    tables = [(rows[0], "requests/all", parts[0]), (rows[1], "requests/all", parts[1])]
    return SimpleNamespace(
        trials=lambda run: rows,
        measurements=lambda run: measurements,
        attempts=lambda run: attempts,
        series=lambda number: series.get(number, []),
        tables=lambda run, name=None: [part for part in tables if name in (None, part[1])],
    )


def test_every_part_of_a_run_in_every_format(ledger, tmp_path):
    """Trials, attempts, series and raw tables are written once per format, with no other file left."""
    made = export(ledger, 3, tmp_path / "out")
    names = ["trials", "attempts", "series", "tables/requests%2Fall"]
    assert made == [tmp_path / "out" / f"{name}.{kind}" for name in names for kind in ("parquet", "csv", "json")]
    assert sorted(path for path in (tmp_path / "out").rglob("*") if path.is_file()) == sorted(made)


def test_formats_hold_the_same_rows(ledger, tmp_path):
    """The trials read back from Parquet, CSV and JSON agree, undefined metrics as null."""
    export(ledger, 3, tmp_path)
    expected = [(1, 0.5), (2, None)]
    assert pl.read_parquet(tmp_path / "trials.parquet").select("x", "m").rows() == expected
    assert pl.read_csv(tmp_path / "trials.csv").select("x", "m").rows() == expected
    assert [(row["x"], row["m"]) for row in json.loads((tmp_path / "trials.json").read_text())] == expected


def test_attempts_keep_failures_and_times_in_utc(ledger, tmp_path):
    """Failed attempts are there with their class, moments are typed in Parquet and ISO 8601 with Z as text."""
    export(ledger, 3, tmp_path)
    made = pl.read_parquet(tmp_path / "attempts.parquet")
    assert made["trial"].to_list() == [1, 2, 2]
    assert made["failure"].to_list() == [None, "timeout", None]
    assert made["overshoot_bytes"].to_list() == [None, 0, None]
    assert made["cautions"].to_list() == [None, None, "one; two"]
    assert made["started"][0] == datetime.fromtimestamp(STARTED, UTC)
    (first, second, _) = csv.DictReader((tmp_path / "attempts.csv").read_text().splitlines())
    assert (first["started"], second["ended"]) == ("2027-01-15T08:00:00.250000Z", "")
    assert json.loads((tmp_path / "attempts.json").read_text())[0]["ended"] == "2027-01-15T08:00:01.250000Z"


def test_series_have_a_row_a_step(ledger, tmp_path):
    """Steps keep trial and order; an undefined value is null, and a metric named step does not hide the step."""
    export(ledger, 3, tmp_path, formats=("parquet",))
    made = pl.read_parquet(tmp_path / "series.parquet")
    assert made.columns == ["trial", "attempt", "step", "loss", "metrics.step"]
    assert made.rows() == [(1, 10, 0, 1.0, None), (1, 10, 1, None, 3.0)]


def test_raw_tables_of_all_trials_are_one(ledger, tmp_path):
    """Parts with other columns and types are joined under the trial's number; nothing of theirs is lost."""
    export(ledger, 3, tmp_path)
    made = pl.read_parquet(tmp_path / "tables" / "requests%2Fall.parquet")
    assert made.columns == ["trial", "table.trial", "ms", "tags", "raw", "late"]
    assert made.rows() == [
        (1, "own", 1.0, ["a", "b"], b"\x00\xff", None),
        (2, None, 2.5, None, None, True),
        (2, None, None, None, None, False),
    ]
    first = next(csv.DictReader((tmp_path / "tables" / "requests%2Fall.csv").read_text().splitlines()))
    assert (json.loads(first["tags"]), first["raw"]) == (["a", "b"], "AP8=")


def test_one_table_is_written_for_another_study(ledger, tmp_path):
    """A run's table becomes one file, and a table that is not there is an error."""
    write_table(ledger, 3, "requests/all", tmp_path / "new" / "in.parquet")
    assert pl.read_parquet(tmp_path / "new" / "in.parquet").height == 3
    with pytest.raises(UserError, match="run 3 has no table 'labels'"):
        write_table(ledger, 3, "labels", tmp_path / "in.parquet")


def test_parts_that_do_not_fit_are_an_error_and_leave_nothing(ledger, tmp_path):
    """A list cannot be joined to a number: one line, no file, no half file."""
    pl.DataFrame({"ms": [[1]]}).write_parquet(tmp_path / "part2.parquet")
    out = tmp_path / "out"
    with pytest.raises(UserError, match=r"cannot write .*requests%2Fall\.parquet") as caught:
        export(ledger, 3, out, formats=("parquet",))
    assert "\n" not in str(caught.value)
    assert [path.name for path in out.rglob("*.par*")] == ["trials.parquet", "attempts.parquet", "series.parquet"]


def test_a_failed_write_keeps_the_earlier_file(ledger, tmp_path):
    """Exporting again replaces files only when the new ones are whole."""
    write_table(ledger, 3, "requests/all", tmp_path / "in.parquet")
    before = (tmp_path / "in.parquet").read_bytes()
    (tmp_path / "part2.parquet").unlink()
    with pytest.raises(UserError):
        write_table(ledger, 3, "requests/all", tmp_path / "in.parquet")
    assert (tmp_path / "in.parquet").read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_a_folder_that_cannot_be_made_is_the_users_error(ledger, tmp_path):
    """A file stands where the folder should be."""
    (tmp_path / "out").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        export(ledger, 3, tmp_path / "out")


def test_an_unknown_format_is_refused_before_anything_is_written(ledger, tmp_path):
    """The nearest format is named."""
    with pytest.raises(UnknownName, match="did you mean 'parquet'"):
        export(ledger, 3, tmp_path / "out", formats=("csv", "parket"))
    assert not (tmp_path / "out").exists()
