"""The verb `list`: all signals, or the parameters of one."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from fairtrial.errors import UnknownName
from fairtrial.flow.verb import perform
from fairtrial.systems.signals import catalogue
from fairtrial.systems.signals.online.listing import List


def rows(grid) -> dict:
    """First cell -> the others."""
    return {row[0]: row[1:] for row in grid.rows}


def test_all():
    """Every signal is there with its mode, thresholds, columns and a line of help."""
    about, reads = perform(List(), {}).tables
    assert list(rows(about)) == list(rows(reads)) == catalogue.names()
    assert all(said.endswith(".") for said, _ in rows(about).values())
    assert rows(about)["gbm_mf"][1] == "probability"
    assert rows(reads)["iirc"] == ("0.001 0.005 0.01 0.02 0.05", "add_mass, pull_mass, fill_mass")
    assert rows(reads)["msd"][0] == "adaptive"


@pytest.mark.parametrize(
    ("name", "parameter", "row"),
    [
        ("iirc", "noise_floor", ("0.1", "number >= 0 <= 100",
                                 "Where the imbalance is smaller than it the value is 0.")),
        ("iirc", "blend", ("[0.6, 0.4]", "array entries >= 1 of number > 0 <= 1e+06",
                           "Weight of each slope, as many as windows.")),
        ("msd", "variant", ('"weighted"', "weighted or plain",
                            "weighted: a cell k away counts 1/k; plain: every cell counts 1.")),
        ("perm_derivative", "blend", ("false", "boolean", "Weigh the classes, and damp by the share of mixed cells.")),
        ("perm_derivative", "cell_width_ms", ("null", "integer >= 1 <= 3.6e+06 or null",
                                              "Length of a bin; None: as the data has it, others are refused.")),
        ("pfp", "inner", ("[1, 3]", "array entries >= 2 entries <= 2 of integer >= 1 <= 50",
                          "First and last cell of the inner band.")),
    ],
)  # fmt: skip
def test_one(name, parameter, row):
    """Of one signal every parameter is there, with its default, its range and what it is."""
    said = perform(List(), {"signal": name})
    (table,) = said.tables
    assert list(rows(table)) == list(catalogue.signal(name).Parameters.model_fields)
    assert rows(table)[parameter] == row


@pytest.mark.parametrize("name", catalogue.names())
def test_every_parameter_is_documented(name):
    """Every parameter of every signal of ours has a default, a range and a sentence."""
    (table,) = perform(List(), {"signal": name}).tables
    for parameter, (default, allowed, said) in rows(table).items():
        assert default != "required", parameter
        assert allowed, parameter
        assert said.endswith("."), parameter


def test_unknown():
    """An unknown name is refused with the nearest."""
    with pytest.raises(UnknownName, match="did you mean 'iirc'"):
        perform(List(), {"signal": "iric"})


def test_a_signal_that_does_not_load(monkeypatch):
    """A user's signal that does not load is listed with the reason, and the others all the same."""
    broken = EntryPoint("broken", "module_that_is_not_here:f", catalogue.GROUP)
    monkeypatch.setattr(catalogue, "_entries", lambda: {"broken": (broken,)})
    about, reads = perform(List(), {}).tables
    assert rows(about)["broken"][0].startswith("does not load: signal 'broken'")
    assert "broken" not in rows(reads)
    assert len(rows(reads)) == 15
