"""Configurations as the older harness's users wrote them, and ways to convert and to plan them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairtrial.cli import main as cli
from fairtrial.flow.verb import perform
from fairtrial.model.foreign import Converted, Foreign
from fairtrial.spec.yaml import parse
from fairtrial.systems.signals.convert.study import convert
from fairtrial.systems.signals.generate.verb import Generate

LEAST = "name: n\ndatasets: [day]\nsignals: [perm_derivative]\n"


@pytest.fixture(scope="session")
def least() -> str:
    """The shortest configuration."""
    return LEAST


@pytest.fixture(scope="session")
def given() -> Callable[..., Foreign]:
    """(text) -> the document as the command line hands it on."""

    def of(text: str, file: str = "old.yaml") -> Foreign:
        document, lines = parse(text, file)
        return Foreign(document, file, lines)

    return of


@pytest.fixture(scope="session")
def converted(given: Callable[..., Foreign]) -> Callable[..., Converted]:
    """(text, options) -> the study."""

    def of(text: str, **options: Any) -> Converted:
        return convert(given(text), **options)

    return of


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Type a command in a fresh folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fairtrial", *words])
        code = cli.run_command()
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with one small data set, `day`."""
    folder = tmp_path_factory.mktemp("convert") / "lake"
    words = {"lake": folder, "id": "day", "bins": 400, "events_per_s": 20}
    perform(Generate(), words, home=folder.parent)
    return folder


@pytest.fixture
def planned(typed: Callable[..., Any], lake: Path, tmp_path: Path) -> Callable[..., int]:
    """(configuration) -> convert it, plan the study beside a data set `day`; return the number of its trials."""
    (tmp_path / "lake").symlink_to(lake)

    def of(text: str, *options: str) -> int:
        (tmp_path / "old.yaml").write_text(text)
        code, study, said = typed("signals", "convert", "old.yaml", *options)
        assert code == 0, said
        (tmp_path / "study.yaml").write_text(study)
        code, plan, said = typed("plan", "study.yaml", "--json")
        assert code == 0, said
        return int(json.loads(plan)["data"]["count"]["trials"])

    return of
