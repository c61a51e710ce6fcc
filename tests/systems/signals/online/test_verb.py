"""The verb `online-sim`: data sets and markets that are made up, exit codes, mistakes in one line."""

from __future__ import annotations

import sys

import pytest

from fairtrial.cli import main as cli
from fairtrial.errors import GateFailed, MissingPart, NothingMeasured, UserError
from fairtrial.flow.verb import perform
from fairtrial.systems.signals.lake.folder import Lake
from fairtrial.systems.signals.lake.publish import publish
from fairtrial.systems.signals.online.verb import OnlineSim


@pytest.fixture
def lake(tmp_path, market):
    """A lake with the data set `day`: 150 bins and two columns."""
    data = market(150)
    found = Lake(tmp_path / "lake")
    publish(found.immutable, "day", bins=data.bins, grid=data.columns, manifest={"source": "toy", "tick_size": 0.25})
    return found.folder


def test_a_data_set(lake):
    """A signal that keeps up: a sentence with the percentiles, and a table."""
    said = perform(OnlineSim(), {"signal": "msd", "dataset_id": "day", "lake": lake, "bin_budget_ms": 1e6})
    assert said.sentences[0].startswith("msd on day keeps up: p50 ")
    (table,) = said.tables
    rows = {row[0]: row[1] for row in table.rows}
    assert (rows["bins"], rows["bins over the budget"], rows["bins without a value"]) == (150, 0, 0)
    assert rows["p50"] <= rows["p95"] <= rows["p99"] <= rows["max"]
    assert rows["memory, peak with loading"] >= rows["memory, steady"] > 10


def test_a_signal_that_is_too_slow(lake):
    """A budget that no signal could keep fails, in one line with the numbers."""
    asked = {"signal": "msd", "dataset_id": "day", "lake": lake, "bin_budget_ms": 1e-6}
    with pytest.raises(
        GateFailed, match=r"msd on day does not keep up: p50 .*150 of 150 bins over it .100.00%."
    ) as said:
        perform(OnlineSim(), asked)
    assert "\n" not in str(said.value)


def test_settings_reach_the_signal(lake):
    """The settings are those of the signal: a window longer than the data leaves no value."""
    asked = {"signal": "perm_derivative", "synthetic_bins": 100, "signal_params_json": '{"min_periods": 200}'}
    with pytest.raises(NothingMeasured, match="'perm_derivative' has no value in 100 bins of synthetic"):
        perform(OnlineSim(), asked)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"signal": None}, r"no signal: give --signal NAME .`fairtrial signals list` shows them"),
        ({"signal": "mds"}, "unknown signal 'mds' .did you mean 'msd'"),
        ({"dataset_id": None}, "no data: give --dataset-id ID, or --synthetic-bins N"),
        ({"synthetic_bins": 500}, "two kinds of data: give --dataset-id ID, or"),
        ({"dataset_id": "dya"}, "no data set 'dya' in .*vp_immutable or .*generated_grids .did you mean 'day'"),
        ({"signal_params_json": "{variant"}, "signal-params-json is no JSON: Expecting property name"),
        ({"signal_params_json": "[1]"}, "signal-params-json is a list, not an object"),
        (
            {"signal_params_json": '{"varient": 1}'},
            "unknown parameter of signal 'msd' 'varient' .did you mean 'variant'",
        ),
        ({"signal_params_json": '{"variant": "x"}'}, "signal 'msd': variant: Input should be 'weighted' or 'plain'"),
        ({"signal": "jad"}, "a_add"),
        ({"bin_budget_ms": 0}, "bin-budget-ms: Input should be greater than 0"),
        ({"synthetic_bins": 5, "dataset_id": None}, "synthetic-bins: Input should be greater than or equal to 100"),
    ],
)
def test_mistakes(words, message, lake):
    """Every mistake is one line: what is wrong, and the nearest thing that is right."""
    asked = {"signal": "msd", "dataset_id": "day", "lake": lake} | words
    with pytest.raises(UserError, match=message) as refused:
        perform(OnlineSim(), {name: word for name, word in asked.items() if word is not None})
    assert "\n" not in str(refused.value)


def test_without_numba(lake, monkeypatch):
    """Where numba is not installed, one line says the command that brings it."""
    monkeypatch.setattr("fairtrial.systems.signals.learned.needs.find_spec", lambda module: None)
    with pytest.raises(MissingPart, match=r"signal 'msd' needs numba .pip install 'fairtrial\[signals\]'"):
        perform(OnlineSim(), {"signal": "msd", "dataset_id": "day", "lake": lake})


def test_typed(monkeypatch, capsys):
    """Typed as a command it exits 0 where the signal keeps up, and 4 with one line where it does not."""
    words = ["fairtrial", "signals", "online-sim", "--signal", "iirc", "--synthetic-bins", "200", "--bin-budget-ms"]
    for budget, code in (("1000000", 0), ("0.000001", 4)):
        monkeypatch.setattr(sys, "argv", [*words, budget])
        assert cli.run_command() == code
    said = capsys.readouterr()
    assert "iirc on synthetic keeps up" in said.out
    (line,) = said.err.splitlines()
    assert "iirc on synthetic does not keep up" in line
