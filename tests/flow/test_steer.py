"""Steering a run that goes on: detach, watch, pause, resume, set, cancel, Ctrl-C, two drivers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Write = Callable[..., Path]
Data = Callable[..., Any]
Type = Callable[..., tuple[int, str, str]]

SLOW = """
import os, time
def measure(x: float, y: int = 1, *, seed: int) -> dict[str, float]:
    with open(os.environ["CALLS"], "a") as file:
        file.write(f"{x} {y} {seed}\\n")
    gate = os.environ["GATE"]
    while not os.path.exists(gate):
        time.sleep(0.01)
    return {"score": x}
"""
PATIENCE_S = 60.0


def until(condition: Callable[[], Any]) -> Any:
    """Wait until a condition holds; fail after a minute."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    pytest.fail("it did not happen within a minute")


@pytest.fixture
def gate(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Trials wait until this file exists; it is made at the end in any case."""
    path = here / "gate"
    monkeypatch.setenv("GATE", str(path))
    (here / "model.py").write_text(SLOW)
    yield path
    path.touch()


def start(*words: str) -> subprocess.Popen[str]:
    """Type a command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "fairtrial", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for a process: (exit code, stdout, stderr)."""
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, err


def status(fairtrial: Type) -> dict[str, Any]:
    """Ask the running study how far it is; empty when nothing listens."""
    from fairtrial.errors import FairtrialError
    from fairtrial.flow.steer import ask

    try:
        return dict(ask(None, None, {"verb": "status"})["progress"])
    except FairtrialError:
        return {}


def test_a_detached_run_is_watched_paused_resized_and_resumed(
    study: Write, gate: Path, fairtrial: Type, data: Data, calls: Callable[[], list[str]]
) -> None:
    """The launch record comes when the socket listens; pause starts nothing new; the log ends with a done record."""
    study()
    launched = data("run", "study.yaml", "--detach")
    until(lambda: len(calls()) == 2)
    assert status(fairtrial)["running"] == 2
    assert fairtrial("pause", "small")[0] == 0
    gate.touch()
    until(lambda: status(fairtrial).get("running") == 0)
    assert len(calls()) == 2
    assert status(fairtrial)["state"] == "paused"
    assert fairtrial("set", "jobs=1")[0] == 0
    assert status(fairtrial)["jobs"] == 1
    assert fairtrial("resume")[0] == 0
    code, out, _ = fairtrial("watch")
    assert code == 0
    assert "12/12" in out
    last = until(lambda: _done(Path(launched["log"])))
    assert (last["state"], last["exit_code"]) == ("finished", 0)
    verbs = [row["verb"] for row in _actions()]
    assert verbs == ["run", "pause", "set", "resume"]


def _done(log: Path) -> Any:
    lines = log.read_text().splitlines()
    return json.loads(lines[-1]) if lines and lines[-1].startswith('{"record"') else None


def _actions() -> Any:
    from fairtrial.flow.book import reading

    with reading() as book:
        return book.ledger.actions()


def test_cancel_ends_at_once_and_the_same_command_continues(
    study: Write, gate: Path, fairtrial: Type, data: Data, calls: Callable[[], list[str]]
) -> None:
    """Cancelled attempts settle nothing."""
    study()
    process = start("run", "study.yaml")
    until(lambda: len(calls()) == 2)
    assert fairtrial("cancel", "--why", "enough")[0] == 0
    code, _, err = ended(process)
    assert code in (130, 143), err
    assert data("list")[0]["done"] == 0
    gate.touch()
    assert fairtrial("run", "study.yaml")[0] == 0
    assert data("list")[0]["done"] == 12


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_drains_and_a_second_one_stops(
    study: Write, gate: Path, fairtrial: Type, data: Data, calls: Callable[[], list[str]], number: int, code: int
) -> None:
    """After one, running trials finish and count; after two, they are cancelled. The book is whole either way."""
    study()
    process = start("run", "study.yaml")
    until(lambda: len(calls()) == 2)
    process.send_signal(number)
    until(lambda: status(fairtrial).get("state") == "draining")
    gate.touch()
    assert ended(process)[0] == code
    assert data("list")[0]["done"] == 2
    gate.unlink()
    process = start("run", "study.yaml")
    until(lambda: len(calls()) == 4)
    process.send_signal(number)
    until(lambda: status(fairtrial).get("state") == "draining")
    process.send_signal(number)
    assert ended(process)[0] == code
    assert data("list")[0]["done"] == 2
    assert fairtrial("verify")[0] == 0
    gate.touch()
    assert fairtrial("run", "study.yaml")[0] == 0
    assert data("list")[0]["done"] == 12


def test_a_second_driver_is_refused(study: Write, gate: Path, fairtrial: Type, calls: Callable[[], list[str]]) -> None:
    """Exit 75 names the holder; the first one goes on."""
    study()
    process = start("run", "study.yaml")
    until(lambda: len(calls()) == 2)
    for more in ((), ("--detach",)):
        code, _, err = fairtrial("run", "study.yaml", *more)
        assert code == 75
        assert str(process.pid) in err
        assert err.count("fairtrial: ") == 1
    gate.touch()
    assert ended(process)[0] == 0


def test_two_studies_share_a_book_and_the_machine(
    study: Write, gate: Path, fairtrial: Type, data: Data, calls: Callable[[], list[str]]
) -> None:
    """Drivers of different studies write one book; both end with all their trials."""
    study(parallel={"jobs": "auto"})
    first = start("run", "study.yaml")
    until(lambda: len(calls()) >= 1)
    study(study="other", factors={"x": [7.0, 8.0], "y": [1, 2]}, parallel={"jobs": "auto"})
    second = start("run", "study.yaml")
    until(lambda: any(line.startswith(("7", "8")) for line in calls()))
    gate.touch()
    assert ended(first)[0] == 0
    assert ended(second)[0] == 0
    assert sorted(run["done"] for run in data("list")) == [8, 12]
    assert fairtrial("verify")[0] == 0


def test_logs_follow_a_trial_that_runs(study: Write, gate: Path, here: Path, calls: Callable[[], list[str]]) -> None:
    """`logs -f` shows what was printed so far, and ends with the trial."""
    text = SLOW.replace("    gate =", '    print("begun", flush=True)\n    gate =').replace(
        "    return", '    print("ended", flush=True)\n    return'
    )
    (here / "model.py").write_text(text)
    study()
    process = start("run", "study.yaml")
    until(lambda: len(calls()) == 2)
    following = start("logs", "-f", "1.1")
    assert following.stdout is not None
    assert following.stdout.readline() == "begun\n"
    gate.touch()
    assert "ended" in ended(following)[1]
    assert ended(process)[0] == 0


def test_a_launch_that_fails_says_so(study: Write, here: Path, fairtrial: Type) -> None:
    """A study that is refused is refused by `--detach` too, with its exit code."""
    study(factors={"xx": [1]})
    assert fairtrial("run", "study.yaml", "--detach")[0] == 2
    assert not (here / ".fairtrial" / "logs").exists()
