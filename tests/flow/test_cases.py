"""The hard cases through whole runs: a shared server, a strategy that learns, batches, another run's table."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest

from fairtrial import Run, Study
from fairtrial.errors import FairtrialError, SpecError, UserError

TESTS = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def cases(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `cases` importable, here and in workers."""
    monkeypatch.syspath_prepend(str(TESTS))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]))
    for name in [name for name in sys.modules if name.startswith("cases.")]:
        monkeypatch.delitem(sys.modules, name)


def study(system: Any, **words: Any) -> Study:
    plugins = words.pop("plugins", None)
    return Study(study=words.pop("study", "case"), system=system, plugins=plugins, **words)


def test_trials_of_a_condition_share_a_server_that_stops(here: Path) -> None:
    """One server per value of `factor`, shared by its trials, gone at the end, also after trials that crash."""
    system = import_module("cases.server").Server()
    made = study(
        system,
        factors={"factor": [2, 3], "x": [1, 5], "behave": ["ask", "crash"]},
        limits={"retries": {"crash": 0}},
        replicates=2,
        parallel={"jobs": 2},
    ).run()
    assert made.exit_code == 3
    frame = made.frame()
    done = frame.filter(frame["status"] == "done")
    assert done.height == 8
    assert (done["product"] == done["factor"] * done["x"]).all()
    assert done.group_by("factor").agg(pl.col("server_pid").n_unique())["server_pid"].to_list() == [1, 1]
    ours = str(Path(import_module("cases.server").__file__ or ""))
    assert [process for process in psutil.process_iter(["cmdline"]) if ours in (process.info["cmdline"] or [])] == []


def test_a_server_that_does_not_come_up_fails_its_trials_as_infra(here: Path) -> None:
    """The class is infra, the other condition is measured, nothing is left behind."""
    system = import_module("cases.server").Server()
    made = study(
        system, factors={"healthy": [True, False]}, limits={"retries": {"infra": 1}}, parallel={"jobs": 1}
    ).run()
    rows = {row.assignment["healthy"]: row for row in made.trials()}
    assert rows[True].status == "done"
    assert rows[False].failure is not None
    assert rows[False].failure.kind == "infra"


def test_a_strategy_learns_across_trials_and_continues_where_it_was(here: Path) -> None:
    """An interrupted search asks the same points as an undisturbed one, and measures none twice."""
    learner = import_module("cases.learner").Narrow

    def search(name: str, **words: Any) -> Study:
        return study(
            {"python": "model:measure"},
            study=name,
            base={"y": 1},
            factors={"x": {"interval": [0, 8]}},
            metrics={"score": "maximize"},
            design={"kind": "narrow", "batches": 4},
            plugins={"strategy": {"narrow": learner}},
            parallel={"jobs": 2},
            **words,
        )

    search("one").run(folder=here / "a")
    undisturbed = sorted(row["x"] for row in Run(folder=here / "a").records())
    calls = len((here / "calls.txt").read_text().splitlines())
    assert calls == len(undisturbed)
    stopped = search("one", stop={"trials": 4}).run(folder=here / "b")
    assert stopped.exit_code == 7
    search("one").run(folder=here / "b")
    assert sorted(row["x"] for row in Run(folder=here / "b").records()) == undisturbed
    assert len((here / "calls.txt").read_text().splitlines()) == 2 * calls


def test_several_trials_run_in_one_process_and_count_apart(here: Path) -> None:
    """Members of a batch share a process; a failure sends them back one by one; the book has one result each."""
    system = import_module("cases.stacked").Stacked()
    made = study(system, factors={"power": [2, 3], "x": [1.0, 2.0, 3.0, 4.0]}, parallel={"jobs": 1}).run()
    rows = made.records()
    assert {(row["x"], row["power"]): row["value"] for row in rows} == {
        (x, p): x**p for x in (1.0, 2.0, 3.0, 4.0) for p in (2, 3)
    }
    assert len({row["pid"] for row in rows}) == 2
    broken = study(
        system, study="broken", base={"broken": 3.0}, factors={"x": [1.0, 2.0, 3.0, 4.0]}, parallel={"jobs": 1}
    ).run()
    assert broken.exit_code == 3
    assert {row.assignment["x"]: str(row.status) for row in broken.trials()} == {
        1.0: "done",
        2.0: "done",
        3.0: "failed",
        4.0: "done",
    }


def test_a_run_reads_the_table_of_another(here: Path) -> None:
    """The table is handed over as a path, and its digest is part of the reader's identity."""
    labels = import_module("cases.labels")
    study(labels.Labeller(), study="label", factors={"rows": [10, 20]}).run()
    reader = labels.Reader()
    first = study(reader, study="read", factors={"share": [0.5, 1.0]}, inputs={"labels": {"run": 1, "table": "labels"}})
    rows = {row["share"]: row["rows"] for row in first.run().records()}
    assert rows == {0.5: 15.0, 1.0: 30.0}
    study(labels.Labeller(), study="label", factors={"rows": [10, 20, 30]}).run()
    assert first.plan().new == 2
    with pytest.raises(SpecError, match="no table 'lables'"):
        study(reader, study="read", inputs={"labels": {"run": 1, "table": "lables"}}).run()
    with pytest.raises(FairtrialError, match="99"):
        study(reader, study="read", inputs={"labels": {"run": 99, "table": "labels"}}).run()


def test_a_run_reads_the_trials_of_another_studys_newest_run(here: Path) -> None:
    """Trials with factors, status and metrics; what measures otherwise enters identity; a part is refused."""
    labels = import_module("cases.labels")
    study(labels.Labeller(), study="label", factors={"rows": [10, 20]}).run()
    counted = study(labels.Counter(), study="count", inputs={"labels": {"study": "label"}})
    assert [row["trials"] for row in counted.run().records()] == [2]
    assert counted.plan().new == 0
    study(labels.Labeller(), study="label", factors={"rows": [10, 20, 30]}).run()
    assert counted.plan().new == 1
    assert [row["trials"] for row in counted.run().records()] == [3]
    by_number = study(labels.Counter(), study="other", inputs={"labels": {"run": 1}}).run()
    assert [row["trials"] for row in by_number.records()] == [3]
    study(labels.Labeller(), study="part", factors={"rows": [10, 20]}).run(limit=1)
    with pytest.raises(UserError, match="not finished"):
        study(labels.Counter(), study="of-a-part", inputs={"labels": {"study": "part"}}).run()
    with pytest.raises(FairtrialError, match="lable"):
        study(labels.Counter(), study="count", inputs={"labels": {"study": "lable"}}).run()


def test_a_study_starts_from_the_winner_of_another(here: Path) -> None:
    """`base: {winner: RUN}` takes the parameters of the best condition."""
    words: dict[str, Any] = {"system": {"python": "model:measure"}, "metrics": {"score": "maximize"}}
    Study(study="first", factors={"x": [1.0, 3.0, 2.0]}, base={"y": 4}, **words).run()
    second = Study(study="second", base={"winner": 1}, factors={"y": [4, 5]}, **words).run()
    assert {row.assignment["y"] for row in second.trials()} == {4, 5}
    assert all(30 < row["score"] < 36 for row in second.records())
