"""Measurements as columns."""

from __future__ import annotations

import math

from fairtrial.model.outcome import Status, Usage
from fairtrial.model.study import ABSENT


def test_columns(kit, book, journal):
    """One entry a settled trial, in number order; failures and undefined values are NaN, missing factors ABSENT."""
    kit.done(journal, kit.trial(0.1), {"loss": 1.0, "acc": None}, usage=Usage(1.0, 2.0, 3))
    kit.fail(journal, kit.start(journal, kit.trial(0.2, variant="b", depth=3)))
    kit.start(journal, kit.trial(0.9))
    kit.done(journal, kit.trial(0.3, replicate=1), {"acc": 0.5, "loss": 3.0, "extra": 7.0})
    pruned = kit.start(journal, kit.trial(0.4))
    kit.end(journal, pruned, {"loss": 4.0}, status=Status.PRUNED)
    rows = book.ledger.measurements(1)
    assert (rows.run, len(rows)) == (1, 4)
    assert list(rows.number) == [1, 2, 4, 5]
    assert list(rows.status) == ["done", "failed", "done", "pruned"]
    assert list(rows.failure) == ["", "crash", "", ""]
    assert list(rows.variant) == ["", "b", "", ""]
    assert list(rows.replicate) == [0, 0, 1, 0]
    assert list(rows.seed) == [kit.trial(replicate=replicate).seed for replicate in rows.replicate]
    assert rows.factors == {"lr": [0.1, 0.2, 0.3, 0.4], "depth": [ABSENT, 3, ABSENT, ABSENT]}
    assert [str(value) for value in rows.metrics["loss"]] == ["1.0", "nan", "3.0", "nan"]
    assert [str(value) for value in rows.metrics["acc"]] == ["nan", "nan", "0.5", "nan"]
    assert [str(value) for value in rows.metrics["extra"]] == ["nan", "nan", "7.0", "nan"]
    assert (rows.wall_s[0], rows.cpu_s[0], rows.peak_bytes[0]) == (1.0, 2.0, 3)


def test_nothing_settled(kit, book, journal):
    """A run without results has its declared metrics, and no rows."""
    rows = book.ledger.measurements(1)
    assert len(rows) == 0
    assert {name: list(values) for name, values in rows.metrics.items()} == {"loss": []}
    assert rows.factors == {}


def test_agrees_with_the_rows(kit, book, journal):
    """Columns say what rows say, over several sets of metrics and 500 trials."""
    for index, trial in enumerate(kit.trials(500)):
        metrics = {"loss": index / 3, "b": None if index % 5 else 1.0} if index % 2 else {"b": -0.0, "c": 1e-300}
        kit.done(journal, trial, metrics)
    rows, columns = book.ledger.trials(1), book.ledger.measurements(1)
    for name, values in columns.metrics.items():
        told = [row.metrics.get(name) for row in rows]
        assert [None if math.isnan(value) else value for value in values] == told
    assert columns.factors["lr"] == [row.assignment["lr"] for row in rows]
