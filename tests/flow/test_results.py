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


def test_results_and_formats_exclude_each_other(study: Write, fairtrial: Type) -> None:
    """Both at once are the user's mistake."""
    code, _, err = fairtrial("export", "1", "--results", "--format", "csv")
    assert (code, "--format" in err) == (2, True)
