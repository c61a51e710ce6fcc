"""Results from elsewhere become a run of their own."""

from __future__ import annotations

import pytest

from fairtrial.errors import StudyHeld, UserError
from fairtrial.model.outcome import FailureClass
from fairtrial.model.row import ImportedRow
from fairtrial.store.adopt import adopt


def rows(count=3):
    """Rows of a file: the last one failed."""
    made = [
        ImportedRow(i + 2, "", {"lr": 0.1, "net.depth": i}, i % 2, {"loss": i / 2, "acc": None}) for i in range(count)
    ]
    return [*made, ImportedRow(count + 2, "b", {"lr": 0.5}, 0, failure=FailureClass.OOM)]


def test_adopted(book):
    """Every row is a settled trial with its own metrics; the run says that it was imported."""
    assert adopt(book, study="old", rows=rows()) == 1
    run = book.ledger.run()
    assert (run.study, run.system, run.state, run.tags) == ("old", "imported", "finished", ("imported",))
    assert (run.done, run.failed, run.planned) == (3, 1, 4)
    told = book.ledger.trials(1)
    assert [row.metrics for row in told] == [*({"loss": i / 2, "acc": None} for i in range(3)), {}]
    assert [row.replicate for row in told] == [0, 1, 0, 0]
    assert told[1].assignment == {"lr": 0.1, "net.depth": 1}
    assert told[3].variant == "b"
    assert (told[3].failure.kind, told[3].failure.message) == (FailureClass.OOM, "imported as failed (line 5)")
    assert list(book.ledger.measurements(1).metrics) == ["loss", "acc"]
    assert book.ledger.verify() == []


def test_seeds(book):
    """A row's own seed is kept; without one, replicate k has the seed that it has everywhere."""
    made = [ImportedRow(2, "", {"lr": 1}, 0, {"x": 1.0}, seed=77), ImportedRow(3, "", {"lr": 1}, 1, {"x": 2.0})]
    adopt(book, study="old", rows=made)
    from fairtrial.model.identity import replicate_seed

    assert [row.seed for row in book.ledger.trials(1)] == [77, replicate_seed(0, 1)]


def test_many(book):
    """More rows than one transaction takes."""
    many = [ImportedRow(i, "", {"i": i}, 0, {"x": float(i)}) for i in range(2500)]
    adopt(book, study="old", rows=many)
    assert list(book.ledger.measurements(1).metrics["x"]) == [float(i) for i in range(2500)]


def test_the_same_trial_twice(book):
    """A trial that is there twice is refused with both lines, before anything is written."""
    same = [ImportedRow(2, "", {"lr": 1}, 0, {"x": 1.0}), ImportedRow(9, "", {"lr": 1}, 0, {"x": 2.0})]
    with pytest.raises(UserError, match="line 9 is the same trial as line 2"):
        adopt(book, study="old", rows=same)
    assert book.ledger.runs() == []


def test_again_is_another_run(kit, book):
    """Importing twice makes two runs, and neither is reused for what a system of ours measures."""
    assert [adopt(book, study="old", rows=rows()) for _ in range(2)] == [1, 2]
    journal = kit.begin(book, study="old")
    assert journal.run == 3
    assert journal.reuse([kit.trial(0.1)]) == 0


def test_a_held_study(kit, book):
    """A study that is being run is not imported into."""
    with book.hold("old"), pytest.raises(StudyHeld):
        adopt(kit.book(), study="old", rows=rows())
