"""Runs as readers see them, their actions, and what a system's trials took."""

from __future__ import annotations

import pytest

from fairtrial.errors import NothingMeasured, UnknownName
from fairtrial.model.identity import digest
from fairtrial.model.outcome import Status, Usage
from fairtrial.model.run import History
from fairtrial.model.trial import Role


def test_runs_newest_first(kit, book):
    """The list is newest first; a study's newest run and any run by number are found."""
    for study in ("a", "b", "a"):
        kit.begin(book, study=study, fresh=True)
    ledger = book.ledger
    assert [(run.number, run.study) for run in ledger.runs()] == [(3, "a"), (2, "b"), (1, "a")]
    assert ledger.run().number == ledger.run(study="a").number == 3
    assert ledger.run(study="b").number == ledger.run(2).number == 2
    assert ledger.run(1).system == "toy"
    assert ledger.run(1).system_digest == digest({"name": "toy", "version": "1"})


def test_unknown_runs(kit, book):
    """What is not there is said with what is; an empty book says what to do."""
    with pytest.raises(NothingMeasured, match="no run yet"):
        book.ledger.run()
    kit.begin(book)
    with pytest.raises(UnknownName, match="unknown run '7'"):
        book.ledger.run(7)
    with pytest.raises(UnknownName, match="did you mean 'digits'"):
        book.ledger.run(study="digit")


def test_history(kit, book, journal):
    """Only finished trials count: mean, spread and the 95th percentile of the peaks; by name, digest or all."""
    for index, trial in enumerate(kit.trials(20)):
        kit.done(journal, trial, usage=Usage(wall_s=1.0 + index % 2, peak_bytes=1000 + index))
    kit.fail(journal, kit.start(journal, kit.trial(99.0)), usage=Usage(wall_s=1e6, peak_bytes=10**12))
    warm = kit.start(journal, kit.trial(98.0), role=Role.WARMUP)
    kit.end(journal, warm, status=Status.DONE, usage=Usage(wall_s=1e6))
    history = book.ledger.history(name="toy")
    assert (history.trials, history.wall_mean_s) == (20, 1.5)
    assert history.wall_sd_s == pytest.approx(0.51299, abs=1e-5)
    assert history.peak_bytes == 1019
    assert book.ledger.history(digest(kit.identity())) == book.ledger.history() == history
    assert book.ledger.history(name="other") == book.ledger.history(b"other") == History()


def test_history_of_one_trial(kit, book, journal):
    """One trial has a mean, and no spread; a peak that was not measured is unknown."""
    kit.done(journal, kit.trial(), usage=Usage(wall_s=2.0))
    assert book.ledger.history() == History(trials=1, wall_mean_s=2.0)


def test_history_over_sessions(kit, book, monkeypatch):
    """The newest 2,000 are looked at, over drivers and runs, the newest first."""
    from fairtrial.store import runs

    for session in range(3):
        journal = kit.begin(book, fresh=session == 1)
        for trial in kit.trials(3):
            again = kit.trial(trial.condition.assignment["lr"] + session)
            kit.done(journal, again, usage=Usage(wall_s=float(session)))
    assert book.ledger.history(name="toy").wall_mean_s == 1.0
    monkeypatch.setattr(runs, "RECENT", 4)
    assert book.ledger.history(name="toy").wall_mean_s == (2.0 * 3 + 1.0) / 4
