"""Keeping: export, import, verify, gc, reproduce, doctor; and what secrets leave behind: nothing."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

Type = Callable[..., tuple[int, str, str]]
Data = Callable[..., Any]
Calls = Callable[[], list[str]]
Write = Callable[..., Path]


def test_export_writes_the_same_trials_in_three_formats(study: Write, fairtrial: Type, here: Path) -> None:
    """Parquet, CSV and JSON agree."""
    study()
    fairtrial("run", "study.yaml")
    code, out, err = fairtrial("export", "1", "-o", "out")
    assert code == 0, err
    files = {Path(line).name: Path(line) for line in out.splitlines()}
    frame = pl.read_parquet(files["trials.parquet"])
    with files["trials.csv"].open() as file:
        rows = list(csv.DictReader(file))
    records = json.loads(files["trials.json"].read_text())
    records = records["trials"] if isinstance(records, dict) else records
    assert frame.height == len(rows) == len(records) == 12
    assert sorted(frame["score"].to_list()) == sorted(float(row["score"]) for row in rows)


def test_import_makes_a_run_that_can_be_shown(fairtrial: Type, data: Data, here: Path) -> None:
    """Results that exist already are analysed without running again; a bad row names its line."""
    (here / "old.csv").write_text("learning_rate,rep,acc\n0.1,0,0.9\n0.1,1,0.8\n0.2,0,0.7\n0.2,1,0.6\n")
    words = ("--study", "old", "--metric", "acc", "--map", "lr=learning_rate", "--map", "replicate=rep")
    code, _, err = fairtrial("import", "old.csv", *words)
    assert code == 0, err
    found = data("show", "1")["findings"]
    means = {row["assignment"]["lr"]: row["estimates"]["acc"]["mean"] for row in found}
    assert means == pytest.approx({0.1: 0.85, 0.2: 0.65})
    assert "measured elsewhere and imported" in fairtrial("why", "1.1")[1]
    (here / "bad.csv").write_text("learning_rate,rep,acc\n0.1,0,high\n")
    code, _, err = fairtrial("import", "bad.csv", *words)
    assert code == 2
    assert "bad.csv:2" in err


def test_reproduce_makes_a_run_again_and_compares_every_number(study: Write, fairtrial: Type, data: Data) -> None:
    """A deterministic system agrees to the last bit."""
    study()
    fairtrial("run", "study.yaml")
    code, out, err = fairtrial("reproduce", "1")
    assert code == 0, err
    assert "every number agrees" in out
    assert [run["number"] for run in data("list")] == [2, 1]


def test_reproduce_tells_where_numbers_differ(study: Write, fairtrial: Type, here: Path) -> None:
    """A system that draws from outside its seed does not reproduce: exit 4."""
    text = (here / "model.py").read_text().replace("(seed % 7) / 10", "float.fromhex(os.urandom(4).hex())")
    (here / "model.py").write_text(text)
    study()
    fairtrial("run", "study.yaml")
    code, out, _ = fairtrial("reproduce", "1")
    assert code == 4
    assert "not every number agrees" in out


def test_reproduce_makes_the_trials_that_a_run_has(study: Write, fairtrial: Type, data: Data, calls: Calls) -> None:
    """Of a run that measured a part of its plan, that part is made again and no more."""
    study(order={"randomise": "full"})
    fairtrial("run", "study.yaml", "--limit", "5")
    code, out, err = fairtrial("reproduce", "1")
    assert code == 0, err
    assert "every number agrees" in out
    assert len(calls()) == 10
    assert [run["done"] for run in data("list")] == [5, 5]


def test_a_collection_makes_no_book(fairtrial: Type, here: Path) -> None:
    """Where there is none, there is nothing to collect (exit 6)."""
    assert fairtrial("gc", "--dry-run")[0] == 6
    assert fairtrial("gc")[0] == 6
    assert not (here / ".fairtrial").exists()


def test_a_missing_input_file_is_refused_by_every_verb_that_reads_the_study(study: Write, fairtrial: Type) -> None:
    """`check` says it as `plan` and `run` do, with the line."""
    study(inputs={"labels": {"file": "none.csv"}})
    for verb in ("check", "plan", "run"):
        code, _, err = fairtrial(verb, "study.yaml")
        assert (code, "inputs.labels" in err, "none.csv does not exist" in err) == (2, True, True)


def test_a_changed_input_file_makes_trials_stale(study: Write, fairtrial: Type, data: Data, here: Path) -> None:
    """The trial reads the file by its path; its content is part of identity, and `plan` names the input."""
    (here / "reads.py").write_text(
        "def f(x: int, context):\n    return {'y': x * len(open(context.inputs['labels']).read())}\n"
    )
    (here / "labels.csv").write_text("12345")
    words: Any = {
        "system": {"python": "reads:f"},
        "factors": {"x": [1, 2]},
        "replicates": 1,
        "metrics": ["y"],
        "inputs": {"labels": {"file": "labels.csv"}},
    }
    study(**words)
    assert fairtrial("run", "study.yaml")[0] == 0
    assert [row["metrics"]["y"] for row in data("show", "--trials")["trials"]] == [5.0, 10.0]
    (here / "labels.csv").write_text("123456")
    assert "2 of the new are stale" in (said := fairtrial("plan", "study.yaml")[1])
    assert "labels" in said
    assert fairtrial("run", "study.yaml")[0] == 0
    assert fairtrial("verify")[0] == 0


def test_verify_finds_a_changed_number_in_the_log(study: Write, fairtrial: Type, here: Path) -> None:
    """The book is whole after a run; an action changed behind its back breaks the chain (exit 4)."""
    study()
    fairtrial("run", "study.yaml", "--why", "first look")
    assert fairtrial("verify")[0] == 0
    with sqlite3.connect(here / ".fairtrial" / "book.db") as book:
        book.execute("UPDATE action SET why = 'another'")
    code, _, err = fairtrial("verify")
    assert code == 4
    assert "action" in err


def test_gc_removes_only_what_nothing_names(study: Write, fairtrial: Type, here: Path) -> None:
    """After a collection the book is whole and the run is as before."""
    study()
    fairtrial("run", "study.yaml")
    before = fairtrial("show", "1")[1]
    loose = here / ".fairtrial" / "artifacts" / "ab" / ("ab" + "0" * 30)
    loose.parent.mkdir(parents=True, exist_ok=True)
    loose.write_text("nobody's")
    assert fairtrial("gc", "--dry-run")[0] == 0
    assert loose.exists()
    assert fairtrial("gc")[0] == 0
    assert not loose.exists()
    assert fairtrial("verify")[0] == 0
    assert fairtrial("show", "1")[1] == before


def test_doctor_says_what_this_machine_can_promise(fairtrial: Type, data: Data) -> None:
    """Python, isolation, plug-ins, book and orphans; exit 0 on a sound machine."""
    code, out, err = fairtrial("doctor")
    assert code == 0, err
    for word in ("python", "PID namespace", "memory", "engines", "inline", "book"):
        assert word in out


def test_init_gives_a_study_that_runs(fairtrial: Type, here: Path) -> None:
    """What `init` writes runs as it is, and is never overwritten."""
    assert fairtrial("init", "new")[0] == 0
    code, out, err = fairtrial("run", "new/study.yaml")
    assert code == 0, err
    assert "36 done" in out
    assert fairtrial("init", "new")[0] == 2


SECRET = "hunter2-d41d8cd98f00b204"

LEAKY = """
import sys
import time
from fairtrial import Secret

def login(user: str, password: Secret, fail: bool = False) -> dict[str, float]:
    print("logging in with", password.reveal())
    print("x" * 200_000, password.reveal(), file=sys.stderr)
    if fail:
        raise RuntimeError("refused: " + password.reveal())
    return {"length": float(len(password.reveal()))}
"""


def test_a_secret_is_used_and_left_nowhere(here: Path, fairtrial: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials print it, fail with it and pass it on; no byte of it is in the book, logs, exports or process list."""
    monkeypatch.setenv("LOGIN", SECRET)
    (here / "leaky.py").write_text(LEAKY)
    study = {
        "study": "secret",
        "system": {"python": "leaky:login"},
        "base": {"user": "ann", "password": {"secret": "LOGIN"}},
        "factors": {"fail": [False, True]},
        "metrics": {"length": "maximize"},
    }
    (here / "study.yaml").write_text(json.dumps(study))
    assert fairtrial("run", "study.yaml")[0] == 3
    assert fairtrial("export", "1", "-o", "out")[0] == 0
    said = "".join(
        "".join(fairtrial(*words)[1:])
        for words in (
            ["logs", "1.1"],
            ["logs", "1.2"],
            ["show", "1.2"],
            ["why", "1.2"],
            ["show", "1", "--failed", "--json"],
        )
    )
    assert "Secret('LOGIN')" in said
    assert SECRET not in said
    assert [path for path in here.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()] == []
    with sqlite3.connect(here / ".fairtrial" / "book.db") as book:
        tables = [name for (name,) in book.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in book.execute(f"SELECT * FROM {table}"):
                assert SECRET.encode() not in b"|".join(map(_bytes, row)), table


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        try:
            return value + zlib.decompress(value)
        except zlib.error:
            return value
    return str(value).encode()


def test_a_secret_does_not_enter_identity_or_the_process_list(
    here: Path, fairtrial: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another value reuses the results; in a command's arguments it is refused, in its environment it arrives."""
    monkeypatch.setenv("LOGIN", SECRET)
    script = "import json, os, sys; print(json.dumps({'n': len(os.environ['PW']), 'argv': len(sys.argv)}))"
    (here / "tool.py").write_text(script)
    study: dict[str, Any] = {
        "study": "tool",
        "system": {"command": [sys.executable, "tool.py", "{x}"], "env": {"PW": "{password}"}},
        "base": {"password": {"secret": "LOGIN"}},
        "factors": {"x": [1, 2]},
    }
    (here / "study.yaml").write_text(json.dumps(study))
    code, out, err = fairtrial("run", "study.yaml")
    assert code == 0, err
    assert "24" in out
    monkeypatch.setenv("LOGIN", SECRET * 2)
    assert "all is done" in fairtrial("run", "study.yaml")[1]
    study["system"]["command"].append("{password}")
    (here / "study.yaml").write_text(json.dumps(study))
    code, _, err = fairtrial("run", "study.yaml")
    assert code == 2
    assert "env" in err
    assert SECRET not in err


def test_a_missing_secret_is_refused_before_anything_starts(here: Path, fairtrial: Type) -> None:
    """One line that names the variable; no book."""
    os.environ.pop("LOGIN", None)
    (here / "leaky.py").write_text(LEAKY)
    words = {"study": "s", "system": {"python": "leaky:login"}, "base": {"user": "a", "password": {"secret": "LOGIN"}}}
    (here / "study.yaml").write_text(json.dumps(words))
    code, _, err = fairtrial("run", "study.yaml")
    assert code == 2
    assert "LOGIN" in err
    assert not (here / ".fairtrial" / "book.db").exists() or fairtrial("list")[1].count("\n") <= 3


def test_the_command_line_is_a_program_of_its_own(here: Path) -> None:
    """`python -m fairtrial --version` and the console script agree."""
    said = subprocess.run([sys.executable, "-m", "fairtrial", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.startswith("fairtrial 0.")


HANGING = """
import time
from fairtrial import Secret

def login(password: Secret) -> dict[str, float]:
    print("logging in with", password.reveal(), flush=True)
    time.sleep(3600)
    return {"length": 1.0}
"""


def test_a_secret_in_the_output_of_a_killed_driver_is_taken_out(
    here: Path, fairtrial: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`logs` shows no value while the trial runs or after its driver was killed; the next start rewrites the file."""
    monkeypatch.setenv("LOGIN", SECRET)
    (here / "leaky.py").write_text(HANGING)
    study = {"study": "s", "system": {"python": "leaky:login"}, "base": {"password": {"secret": "LOGIN"}}}
    (here / "study.yaml").write_text(json.dumps(study | {"code": "version"}))
    driver = subprocess.Popen([sys.executable, "-m", "fairtrial", "run", "study.yaml", "-q"], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while "Secret('LOGIN')" not in (said := "".join(fairtrial("logs", "1.1")[1:])):
        assert time.monotonic() < deadline
        assert SECRET not in said
        time.sleep(0.05)
    assert SECRET not in said
    driver.kill()
    driver.wait()
    assert SECRET not in "".join(fairtrial("logs", "1.1")[1:])
    (here / "leaky.py").write_text(HANGING.replace("3600", "0"))
    assert fairtrial("run", "study.yaml")[0] == 0
    assert [path for path in here.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()] == []
