"""The studies that come with the signals system: each loads, has the size that it says, and runs at toy size."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import fairtrial
from fairtrial.cli import main as cli
from fairtrial.flow.verb import perform
from fairtrial.systems.signals.catalogue import FORMULAS
from fairtrial.systems.signals.generate.verb import Generate
from fairtrial.systems.signals.system import Signals

FILES = sorted(Signals.studies.glob("*.yaml"))
NAMES = [file.stem for file in FILES]
OLDER = {
    "smoke_perm_derivative": "perm_derivative",
    "tune_perm_derivative": "perm_derivative",
    "tune_ads_pfp_svac_runtime": "ads_pfp_svac",
    "tune_ads_pfp_svac_rr_20_8": "ads_pfp_svac",
}
"""Configurations of the older harness -> their signal."""
CONDITIONS = {
    "smoke_perm_derivative": 2,
    "tune_perm_derivative": 192,
    "tune_ads_pfp_svac_runtime": 64,
    "tune_ads_pfp_svac_rr_20_8": 12,
    "original": 81,
    "zero-edge": 9,
    "planted": 4,
}
TOY = ("data.synthetic.bins=2400", "data.synthetic.events_per_s=50", "expect=[]", "--quiet")
SHORT = ("evaluation.max_hold_bins=40", "evaluation.folds.embargo_bins=20", "evaluation.draws=1000")
LESS = {
    "smoke_perm_derivative": (*SHORT, "replicates=1"),
    "tune_perm_derivative": (*SHORT, "--limit", "4"),
    "tune_ads_pfp_svac_runtime": (*SHORT, "--limit", "3"),
    "tune_ads_pfp_svac_rr_20_8": (*SHORT, "replicates=1", "--limit", "3"),
    "original": ("evaluation.max_hold_bins=40", "--only", "variant in ['spg', 'msd'] and evaluation.tp_ticks == 4"),
    "zero-edge": (*SHORT, "replicates=1", "--only", "variant in ['iirc', 'jad']"),
    "planted": (*SHORT, "replicates=1", "data.synthetic.edge=0,1"),
}
"""Study -> what is left of it at toy size."""

Typed = Callable[..., str]


def document(name: str) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe", pure=True).load((Signals.studies / f"{name}.yaml").read_text())
    return found


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with one data set, `ID`, large enough for the walk-forward folds of every preset."""
    folder = tmp_path_factory.mktemp("studies") / "lake"
    perform(Generate(), {"lake": folder, "id": "ID", "bins": 2000, "events_per_s": 20}, home=folder.parent)
    return folder


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Type a command that must succeed, in a fresh folder; return what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["fairtrial", *words])
        code = cli.run_command()
        said = capsys.readouterr()
        assert code == 0, said.out + said.err
        return said.out

    return run


def planned(typed: Typed, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(typed("plan", *words, "--json"))["data"]
    return found


def test_they_are_those_that_were_asked_for() -> None:
    """The four of the older harness by name, and three that show what a protocol and an edge do."""
    assert set(NAMES) == set(CONDITIONS) == set(LESS)
    for name, signal in OLDER.items():
        base = document(name)["base"]
        assert base["signal"]["name"] == signal
        assert base["evaluation"].get("protocol", "honest") == "honest"
    rr = document("tune_ads_pfp_svac_rr_20_8")["base"]["evaluation"]
    assert (rr["tp_ticks"], rr["sl_ticks"]) == (20, 8)
    assert document("original")["base"]["evaluation"]["protocol"] == "original"
    for name in ("original", "zero-edge"):
        assert [*document(name)["variants"]] == [*FORMULAS]
        assert document(name)["base"]["data"]["synthetic"]["edge"] == 0


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_for(name: str) -> None:
    """A name that is the file's, a question, a comment that says what is ours, directions, and no data of anybody."""
    words, text = document(name), (Signals.studies / f"{name}.yaml").read_text()
    assert words["study"] == name
    assert words["question"].endswith("?")
    assert text.startswith("# ")
    assert (" ours" in text.partition("study:")[0]) == (name in OLDER)
    assert set(words["metrics"].values()) <= {"minimize", "maximize", "none"}
    assert set(words["metrics"]) <= set(Signals.metrics)
    assert "synthetic" in words["base"]["data"]


@pytest.mark.parametrize("name", NAMES)
def test_it_has_its_size(name: str, typed: Typed) -> None:
    """As many conditions as it says, none of which repeats another, on markets that are made up."""
    count = planned(typed, f"signals/{name}")["count"]
    assert count["conditions"] == CONDITIONS[name]
    assert count["trials"] == CONDITIONS[name] * document(name).get("replicates", 1)
    assert f"signals/{name}" in typed("studies")


@pytest.mark.parametrize("name", [*OLDER, "original"])
def test_it_can_be_run_on_a_data_set_of_ones_own(name: str, typed: Typed, lake: Path, tmp_path: Path) -> None:
    """With the words of its comment: the data set in the place of the made-up market, each condition once."""
    (tmp_path / "lake").symlink_to(lake)
    head = (Signals.studies / f"{name}.yaml").read_text().partition("study:")[0]
    (said,) = [line for line in head.splitlines() if "'data={dataset: ID}'" in line]
    words = re.findall(r"study=mine|'data=\{dataset: ID\}'|replicates=1|~[\w.]+|'expect=\[\]'|evaluation\.\S+", said)
    found = planned(typed, f"signals/{name}", *(word.strip("'") for word in words))
    edges = 2 if name == "smoke_perm_derivative" else 1
    assert found["count"]["trials"] == CONDITIONS[name] // edges
    assert {each["parameters"]["data"]["dataset"] for each in found["page"]} == {"ID"}


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_at_toy_size(name: str, typed: Typed) -> None:
    """Every trial ends well, and there is a report; what came of it is not looked at here."""
    typed("run", f"signals/{name}", *TOY, *LESS[name])
    trials = list(fairtrial.Run(1).trials(status="done"))
    assert trials
    assert all(trial.failure is None for trial in fairtrial.Run(1).trials())
    assert document(name)["question"] in typed("report", "1")
    if name != "original":
        assert "Ranking" in typed("signals", "rank", "--run", "1", "--min-signals", "1", "--by", "mean_pnl_ticks")


@pytest.mark.long
@pytest.mark.parametrize("name", ["smoke_perm_derivative", "planted"])
def test_a_planted_edge_is_found(name: str, typed: Typed) -> None:
    """At full size, the claim that random entries are beaten the more, the larger the edge is."""
    said = typed("run", f"signals/{name}", "--quiet")
    assert "claim 'excess_ticks increases with data.synthetic.edge': supported" in said


@pytest.mark.long
@pytest.mark.parametrize("name", ["zero-edge", "tune_perm_derivative"])
def test_nothing_is_found_where_there_is_nothing(name: str, typed: Typed) -> None:
    """At full size, after all that was tried."""
    typed("run", f"signals/{name}", "--quiet")
    said = typed("signals", "rank", "--run", "1").strip().splitlines()
    assert said[-1].strip() in ("not supported", "inconclusive")


@pytest.mark.long
def test_the_best_by_the_older_rules_looks_good_on_nothing(typed: Typed) -> None:
    """At full size: more than a tick a trade between mids, where nothing can be gained."""
    typed("run", "signals/original", "--quiet")
    best = max(trial.metrics["mean_pnl_ticks"] for trial in fairtrial.Run(1).trials(status="done"))
    assert best > 1
