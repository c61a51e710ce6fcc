"""A folder with a small system in it, and ways to run studies there as a user would."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairtrial.cli import main as cli

MODULE = """
import os
from pathlib import Path

def measure(x: float, y: int = 1, *, seed: int) -> dict[str, float]:
    with open(os.environ["CALLS"], "a") as file:
        file.write(f"{x} {y} {seed}\\n")
    if x < 0:
        raise ValueError("x is negative")
    return {"score": 10 * x + y + (seed % 7) / 10}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a fresh folder that holds `model.py`, whose calls are counted in `calls.txt`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALLS", str(tmp_path / "calls.txt"))
    (tmp_path / "model.py").write_text(MODULE)
    return tmp_path


@pytest.fixture
def calls(here: Path) -> Callable[[], list[str]]:
    """Return the calls made so far, one line each."""

    def read() -> list[str]:
        path = here / "calls.txt"
        return path.read_text().splitlines() if path.exists() else []

    return read


@pytest.fixture
def fairtrial(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Type a command: (exit code, stdout, stderr)."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fairtrial", *words])
        code = cli.run_command()
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def data(fairtrial: Callable[..., tuple[int, str, str]]) -> Callable[..., Any]:
    """Type a command with --json and return the envelope's data; it must exit 0 or 3."""

    def run(*words: str) -> Any:
        code, out, err = fairtrial(*words, "--json")
        assert code in (0, 3), err
        return json.loads(out)["data"]

    return run


STUDY: dict[str, Any] = {
    "study": "small",
    "system": {"python": "model:measure"},
    "factors": {"x": [1.0, 2.0, 3.0], "y": [1, 2]},
    "replicates": 2,
    "metrics": {"score": "maximize"},
    "parallel": {"jobs": 2},
}


@pytest.fixture
def study(here: Path) -> Callable[..., Path]:
    """Write `study.yaml`: twelve trials, with keys changed or (None) left out."""

    def write(**changes: Any) -> Path:
        document = {key: value for key, value in (STUDY | changes).items() if value is not None}
        path = here / "study.yaml"
        path.write_text(json.dumps(document))
        return path

    return write
