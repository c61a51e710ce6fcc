"""`export --results`: a run as plain files, typed as a user would."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

Type = Callable[..., tuple[int, str, str]]
Write = Callable[..., Path]

TABLES = "def f(x: int, context):\n    context.table('requests', {'ms': [x, 2 * x]})\n    return {'y': x}\n"


def test_results_are_plain_files(study: Write, fairtrial: Type, here: Path) -> None:
    """`results/1` holds the run, its raw table and its summary, best condition first."""
    (here / "tables.py").write_text(TABLES)
    study(system={"python": "tables:f"}, factors={"x": [1, 2]}, metrics={"y": "maximize"})
    assert fairtrial("run", "study.yaml")[0] == 0
    code, out, err = fairtrial("export", "1", "--results")
    assert code == 0, err
    files = {Path(line).name: Path(line) for line in out.splitlines()}
    assert set(files) == {"run.json", "requests.jsonl", "summary.json"}
    assert files["run.json"].parent == here / "results" / "1"
    rows = [json.loads(line) for line in files["requests.jsonl"].read_text().splitlines()]
    assert sorted((row["condition"], row["replicate"], row["ms"]) for row in rows) == [
        (0, 0, 2), (0, 0, 4), (0, 1, 2), (0, 1, 4), (1, 0, 1), (1, 0, 2), (1, 1, 1), (1, 1, 2),
    ]  # fmt: skip
    summary = json.loads(files["summary.json"].read_text())
    assert [each["assignment"] for each in summary["conditions"]] == [{"x": 2}, {"x": 1}]
    assert summary["conditions"][0]["metrics"]["y"]["quantiles"] == {"0.9": 2.0, "0.95": 2.0, "0.99": 2.0}
    assert summary["success_rate"] == 1.0
    assert json.loads(files["run.json"].read_text())["trials"]["done"] == 4


KEPT = """
import json

def f(x: int, context):
    context.table('requests', {'ms': [x, 2 * x]})
    context.file(_write(context.scratch / 'summary.json', {'x': x}))
    context.file(_write(context.scratch / 'plain', {'x': -x}), name='plain.json')
    return {'y': x}

def _write(path, record):
    path.write_text(json.dumps(record))
    return path
"""


def test_an_export_has_the_run_its_tables_and_what_trials_kept(study: Write, fairtrial: Type, here: Path) -> None:
    """`run.json` with a digest of every file; a trial's files below its number; JSON Lines of the table asked for."""
    (here / "kept.py").write_text(KEPT)
    study(system={"python": "kept:f"}, factors={"x": [1, 2]}, metrics={"y": "maximize"})
    assert fairtrial("run", "study.yaml")[0] == 0
    code, out, err = fairtrial("export", "1", "--format", "parquet", "--jsonl", "requests")
    assert code == 0, err
    folder = here / "results" / "1"
    made = sorted(Path(line).relative_to(folder).as_posix() for line in out.splitlines())
    own = [f"trials/{number}/{name}" for number in (1, 2, 3, 4) for name in ("plain.json", "summary.json")]
    tables = ["attempts.parquet", "requests.jsonl", "run.json", "tables/requests.parquet", "trials.parquet"]
    assert made == sorted([*tables, *own])
    assert json.loads((folder / "trials/3/summary.json").read_text()) in ({"x": 1}, {"x": 2})
    record = json.loads((folder / "run.json").read_text())
    assert set(record["files"]) == set(made) - {"run.json"}
    rows = [json.loads(line) for line in (folder / "requests.jsonl").read_text().splitlines()]
    assert sorted(row["ms"] for row in rows) == [1, 1, 2, 2, 2, 2, 4, 4]
    assert {row["trial"] for row in rows} == {1, 2, 3, 4}


def test_results_have_what_trials_kept(study: Write, fairtrial: Type, here: Path) -> None:
    """Beside the run's own summary."""
    (here / "kept.py").write_text(KEPT)
    study(system={"python": "kept:f"}, factors={"x": [1]}, replicates=1, metrics={"y": "maximize"})
    fairtrial("run", "study.yaml")
    assert fairtrial("export", "1", "--results", "-o", "out")[0] == 0
    assert json.loads((here / "out/trials/1/summary.json").read_text()) == {"x": 1}
    assert json.loads((here / "out/summary.json").read_text())["total_trials"] == 1


def test_an_unknown_table_is_refused_before_anything_is_written(study: Write, fairtrial: Type, here: Path) -> None:
    """With the nearest one that the run has."""
    (here / "tables.py").write_text(TABLES)
    study(system={"python": "tables:f"}, factors={"x": [1]}, metrics={"y": "maximize"})
    fairtrial("run", "study.yaml")
    code, out, err = fairtrial("export", "1", "--jsonl", "request")
    assert (code, out) == (2, "")
    assert "unknown table 'request' (did you mean 'requests'?)" in err
    assert not (here / "results").exists()


def test_results_and_formats_exclude_each_other(study: Write, fairtrial: Type) -> None:
    """Both at once are the user's mistake."""
    for words in (("--format", "csv"), ("--jsonl", "requests")):
        code, _, err = fairtrial("export", "1", "--results", *words)
        assert (code, words[0] in err) == (2, True)
