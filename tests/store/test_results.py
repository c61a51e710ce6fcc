"""Results by condition: they say what the columns say, and a condition has one number."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairtrial.analyse.conditions import ranking
from fairtrial.errors import BookError
from fairtrial.model.identity import digest, replicate_seed
from fairtrial.model.outcome import Status
from fairtrial.model.study import Direction, Metric
from fairtrial.model.trial import Condition, Trial
from fairtrial.store import results as module

METRICS = [Metric("loss", Direction.MINIMIZE), Metric("acc"), Metric("nobody")]
ENDS = ["done", "other", "extra", "undefined", "failed", "pruned", "open"]


def tell(kit, journal, trial, end, value):
    """Start a trial, and end it as said."""
    attempt = kit.start(journal, trial)
    if end == "failed":
        kit.fail(journal, attempt)
    elif end == "pruned":
        kit.end(journal, attempt, {"loss": value, "only": 1.0}, status=Status.PRUNED)
    elif end != "open":
        sets = {"done": {"loss": value}, "other": {"acc": value, "loss": -0.0}, "extra": {"c": 1e-300, "acc": value}}
        kit.end(journal, attempt, sets.get(end, {"loss": None, "acc": value}))


def same(ledger, run):
    """Compare results with measurements: columns bit for bit, and the findings made of them."""
    lean, full = ledger.results(run), ledger.measurements(run)
    assert len(lean.condition) == len(full)
    assert list(lean.metrics) == list(full.metrics)
    for name, column in full.metrics.items():
        assert np.asarray(lean.metrics[name]).tobytes() == np.asarray(column).tobytes()
    assert set(lean.factors()) == set(full.factors)
    lost = [(place, status) for place, status in enumerate(full.status) if status != "done"]
    assert [(one.place, one.status) for one in lean.lost] == lost
    assert [one.failure for one in lean.lost] == [full.failure[place] for place, _ in lost]
    assert repr(ranking(lean, METRICS)) == repr(ranking(full, METRICS))
    assert repr(ranking(lean, METRICS, top=2)) == repr(ranking(full, METRICS, top=2))


STEPS = st.lists(
    st.tuples(
        st.integers(0, 4), st.integers(0, 2), st.sampled_from(["", "b"]), st.sampled_from(ENDS), st.floats(0, 1e9)
    ),
    max_size=25,
    unique_by=lambda step: step[:3],
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, retired=st.integers(0, 3), at_once=st.sampled_from([1, 3, 50_000]))
def test_results_say_what_measurements_say(kit, book, monkeypatch, steps, retired, at_once):
    """Over several sets of metrics, failures, retired and open trials, in texts of any length."""
    monkeypatch.setattr(module, "AT_ONCE", at_once)
    journal = kit.begin(book, fresh=True)
    trials = []
    for level, replicate, variant, end, value in steps:
        own = {"depth": level} if variant else {}
        trials.append(kit.trial(level / 8, replicate=replicate, variant=variant, study=journal.run, **own))
        tell(kit, journal, trials[-1], end, value)
    journal.retire([trial.digest for trial in trials[retired:]])
    same(book.ledger, journal.run)
    journal.close("finished", planned=None)


def test_nothing_settled(kit, book, journal):
    """A run without results has its declared metrics and no conditions, with trials that are open or without."""
    same(book.ledger, 1)
    kit.start(journal, kit.trial())
    same(book.ledger, 1)
    assert ranking(book.ledger.results(1), METRICS) == ([], 0)


def labelled(replicate, assignment, variant=""):
    """Make a trial of one set of parameters under an assignment."""
    parameters = {"a": 1, "b": 2}
    return Trial(
        Condition(variant, assignment, parameters, digest(parameters)),
        replicate,
        replicate_seed(0, replicate),
        digest({"name": "toy", "version": "1"}),
        b"",
    )


def test_a_condition_that_was_declared_twice_has_one_number(kit, book, journal):
    """Factors in another order, or 1 written as 1.0, are one condition; another arm with its parameters is not."""
    kit.done(journal, labelled(0, {"a": 1, "b": 2}), {"loss": 1.0})
    kit.done(journal, labelled(1, {"a": 1, "b": 2}, "arm"), {"loss": 5.0})
    kit.done(journal, labelled(2, {"b": 2, "a": 1}), {"loss": 3.0})
    kit.done(journal, labelled(3, {"a": 1.0, "b": 2}), {"loss": 2.0})
    kit.done(journal, labelled(4, {"a": 1}), {"loss": 7.0})
    same(book.ledger, 1)
    findings, count = ranking(book.ledger.results(1), METRICS)
    assert count == 3
    assert [(found.variant, found.assignment, found.trials) for found in findings] == [
        ("", {"a": 1, "b": 2}, 3),
        ("arm", {"a": 1, "b": 2}, 1),
        ("", {"a": 1}, 1),
    ]


def test_labels_come_in_the_order_asked(kit, book, journal):
    """Labels are read for the conditions that are named, in that order."""
    for index, trial in enumerate(kit.trials(5)):
        kit.done(journal, trial, {"loss": float(index)})
    results = book.ledger.results(1)
    assert results.labels([results.condition[3], results.condition[0]]) == [("", {"lr": 0.375}), ("", {"lr": 0.0})]
    assert results.labels([]) == []


def test_damaged_metrics_are_not_read_as_others(kit, book, journal):
    """A blob that is cut off shifts no value into another trial."""
    for trial in kit.trials(3):
        kit.done(journal, trial)
    with sqlite3.connect(kit.folder / "book.db") as db:
        db.execute("UPDATE attempt SET metrics = x'' WHERE id = (SELECT min(id) FROM attempt)")
    db.close()
    with pytest.raises(BookError, match="metrics of run 1 are damaged"):
        book.ledger.results(1)


def test_names_of_tables(kit, book, journal):
    """Each name once, of the trials that count."""
    for index, trial in enumerate(kit.trials(3)):
        kit.done(journal, trial)
        names = [("requests", "table"), ("raw", "file")] if index < 2 else [("late", "table")]
        with sqlite3.connect(kit.folder / "book.db") as db:
            for name, what in names:
                db.execute("INSERT INTO artifact SELECT max(id), ?, ?, x'00', 1 FROM attempt", (what, name))
        db.close()
    assert book.ledger.table_names(1) == ["late", "requests"]
    journal.retire([trial.digest for trial in kit.trials(2)])
    assert book.ledger.table_names(1) == ["requests"]
