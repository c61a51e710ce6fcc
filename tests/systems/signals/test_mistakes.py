"""Bad input through the command line: exit 2 and one line before anything starts, of studies and of configurations."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fairtrial.cli import main as cli
from fairtrial.flow.verb import perform
from fairtrial.systems.signals.generate.verb import Generate

ROOT = "research/vp_immutable"
STUDY: Mapping[str, Any] = {
    "study": "mistakes",
    "system": "signals",
    "base": {"signal": {"name": "ads"}, "data": {"dataset": "day"}, "evaluation": {"warmup_bins": 50}},
}
OLDER = "name: n\ndatasets: [day]\nsignals: [ads]\n"

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with a data set `day`, one without a grid, one of another shape, and one that lacks a column."""
    folder = tmp_path_factory.mktemp("mistakes") / "lake"
    perform(Generate(), {"lake": folder, "id": "day", "bins": 400, "events_per_s": 20}, home=folder.parent)
    day = folder / ROOT / "day"
    for name in ("gridless", "narrow", "lacking"):
        (folder / ROOT / name).mkdir()
        for file in ("bins.parquet", "manifest.json"):
            (folder / ROOT / name / file).write_bytes((day / file).read_bytes())
    grid = pl.read_parquet(day / "grid_clean.parquet")
    grid.filter(pl.col("k").abs() < 50).write_parquet(folder / ROOT / "narrow" / "grid_clean.parquet")
    grid.drop("vacuum_variant").write_parquet(folder / ROOT / "lacking" / "grid_clean.parquet")
    return folder


@pytest.fixture
def typed(lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Type a command beside the lake: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lake").symlink_to(lake)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fairtrial", *words])
        code = cli.run_command()
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def refused(typed: Typed, said: str, *words: str) -> None:
    """Type a command that must be refused in one line, with nothing started."""
    code, out, err = typed(*words)
    assert (code, out, len(err.splitlines())) == (2, "", 1), err
    assert said in err
    assert not list(Path().glob(".fairtrial/trials/*"))


def of(**base: Any) -> dict[str, Any]:
    """The study with another base."""
    return {**STUDY, "base": {**STUDY["base"], **base}}


STUDIES: Mapping[str, tuple[Any, str]] = {
    "top-level key": ({**STUDY, "factorz": {}}, "factorz: unknown key 'factorz' (did you mean 'factors'?)"),
    "variant's key": ({**STUDY, "variants": {"a": {"sets": {}}}}, "unknown key 'sets' (did you mean 'set'?)"),
    "swept key": ({**STUDY, "factors": {"signal.parameters.blend_scal": [2, 3]}}, "blend_scal"),
    "universal key": (
        {
            **STUDY,
            "factors": {"signal.parameters.zscore_window": [100, 200]},
            "variants": {"ads": {"set": {"signal.name": "ads"}}, "pfp": {"set": {"signal.name": "pfp"}}},
        },
        "zscore_window",
    ),
    "signal": (of(signal={"name": "asd"}), "unknown signal 'asd' (did you mean 'msd'?)"),
    "barrier": ({**STUDY, "factors": {"evaluation.sl_ticks": [0, 4]}}, "level 0: Input should be greater than 0"),
    "no levels": ({**STUDY, "factors": {"evaluation.sl_ticks": []}}, "an empty list leaves nothing to run"),
    "type": (of(evaluation={"warmup_bins": "some"}), "warmup_bins"),
    "inert axis": (
        {**of(signal={"name": "perm_derivative"}), "factors": {"signal.parameters.mixed_weight": [0.1, 0.2]}},
        "levels 0.1 and 0.2 are one to the system",
    ),
    "inert word": (of(evaluation={"protocol": "original", "costs": {"fee_ticks": 1}}), "`costs` does nothing with"),
    "replicates": ({**STUDY, "replicates": 3}, "data sets do not change"),
    "missing data set": (of(data={"dataset": "dya"}), "no data set 'dya' in lake/research/vp_immutable or"),
    "missing grid": (of(data={"dataset": "gridless"}), "grid_clean.parquet is missing"),
    "shape": (of(data={"dataset": "narrow"}), "101"),
    "missing column": (of(data={"dataset": "lacking"}, signal={"name": "msd"}), "vacuum_variant"),
    "no messages": (of(data={"dataset": "lacking", "grid": {"tau_velocity_s": 1}}), "has no events.parquet"),
    "cells": (of(data={"dataset": "day", "grid": {"bucket_size": -1}}), "bucket_size"),
    "too short": (of(evaluation={"warmup_bins": 400}), "400 bins, of which the warm-up takes 400"),
    "two markets": (of(data={"dataset": "day", "synthetic": {}}), "give one of dataset, days and synthetic"),
}
"""What is wrong -> the study, and what is said."""

CONFIGURATIONS: Mapping[str, tuple[str, str]] = {
    "top-level key": (f"{OLDER}swep: {{}}\n", "old.yaml:4: swep: unknown key (did you mean 'sweep'?)"),
    "swept key": (f"{OLDER}sweep: {{per_signal: {{ads: {{blend_scal: [2]}}}}}}\n", "(did you mean 'blend_scale'?)"),
    "inert axis": (f"{OLDER}sweep: {{per_signal: {{ads: {{cooldown_bins: [2]}}}}}}\n", "sweep.universal.cooldown_bins"),
    "idle axis": (
        f"{OLDER}sweep: {{universal: {{blend_scale: [3, 3.0]}}}}\n",
        "levels 3 and 3.0 are one to the signal",
    ),
    "barrier": (f"{OLDER}eval: {{sl_ticks: 0}}\n", "old.yaml:4: eval.sl_ticks.0: 0: Input should be greater than 0"),
}
"""What is wrong -> the configuration, and what is said."""


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_refused_before_work_starts(typed: Typed, name: str) -> None:
    """Keys, levels, axes that change nothing, data that are not there or do not serve."""
    study, said = STUDIES[name]
    Path("study.yaml").write_text(json.dumps(study))
    refused(typed, said, "run", "study.yaml", "--quiet")
    assert not Path(".fairtrial/book.db").exists() or typed("list", "--json")[1].count('"study"') == 0


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_configuration_is_refused_before_it_is_a_study(typed: Typed, name: str) -> None:
    """With the line of its file."""
    text, said = CONFIGURATIONS[name]
    Path("old.yaml").write_text(text)
    refused(typed, said, "signals", "convert", "old.yaml")


def test_a_converted_configuration_needs_its_data(typed: Typed) -> None:
    """What the conversion cannot know, the plan and the run refuse: no data set, and no grid."""
    for dataset, said in (("dya", "did you mean 'day'"), ("gridless", "grid_clean.parquet is missing")):
        Path("old.yaml").write_text(OLDER.replace("day", dataset))
        code, study, _ = typed("signals", "convert", "old.yaml")
        assert code == 0
        Path("study.yaml").write_text(study)
        refused(typed, said, "plan", "study.yaml")
        refused(typed, said, "run", "study.yaml", "--quiet")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "signals/smok_perm_derivative"), "did you mean 'signals/smoke_perm_derivative'?"),
        (("signals", "convrt", "x.yaml"), "unknown verb of signals 'convrt' (did you mean 'convert'?)"),
        (("signals", "convert", "x.yaml"), "x.yaml: no such file"),
    ],
)
def test_names_of_studies_and_verbs(typed: Typed, words: tuple[str, ...], said: str) -> None:
    """The nearest one is named."""
    refused(typed, said, *words)
