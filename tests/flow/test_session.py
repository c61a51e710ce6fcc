"""A session's view of what was settled before it: its own run's, and only what counts there."""

from __future__ import annotations

import errno
from dataclasses import replace
from types import SimpleNamespace

import pytest

from fairtrial.cli import main as cli
from fairtrial.contract.strategy import Block, Told
from fairtrial.flow.asked import Asked
from fairtrial.flow.session import failures
from fairtrial.model.outcome import Failure, FailureClass, Status
from fairtrial.model.run import TrialRow
from fairtrial.model.trial import Condition, Trial

ROW = TrialRow(3, 1, b"a", "", {}, 0, 1, Status.FAILED, 1, failure=Failure(FailureClass.CRASH, "m"))


class Ledger:
    """The rows of run 3; whoever asks for a trial of any run is wrong."""

    def __init__(self, rows: list[TrialRow]) -> None:
        self.rows = rows

    def trials(self, run: int, *, status: str | None = None) -> list[TrialRow]:
        assert run == 3
        return self.rows


def test_retired_failures_stay_as_they_are() -> None:
    """`retry` reopens what counts; a trial that the study has no more would never be settled again."""
    rows = [ROW, replace(ROW, digest=b"b", retired=True)]
    assert failures(Ledger(rows), 3, ()) == [b"a"]  # type: ignore[arg-type]


def test_a_strategy_hears_what_its_own_run_has() -> None:
    """A trial that another run of the book shares is told as this one settled it, in plan order."""
    made = [Trial(Condition("", {"x": x}, {"x": x}, bytes([x])), 0, 7, b"s", b"") for x in range(3)]
    plan = SimpleNamespace(
        blocks=lambda: [Block(0, [trial.digest for trial in made])], trial=lambda position: made[position]
    )
    old = replace(ROW, digest=made[1].digest, status=Status.DONE, metrics={"y": 1.0})
    asked = Asked(Ledger([old]), 3, limit=None)  # type: ignore[arg-type]
    fresh = [Told(made[2], "done", {"y": 2.0}), Told(made[0], "done", {"y": 0.0})]
    told = asked.told(plan, fresh)  # type: ignore[arg-type]
    assert [(one.status, one.metrics) for one in told] == [("done", {"y": float(x)}) for x in range(3)]
    assert asked.digests == {trial.digest for trial in made}


def test_a_full_disk_is_no_bug(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A write that fails names no file: still one line and exit 8."""

    def full(**known: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cli, "application", lambda *words: full)
    assert cli.run_command() == 8
    said = capsys.readouterr().err
    assert (said.count("\n"), "make room" in said) == (1, True)
