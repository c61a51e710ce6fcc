"""What is loaded when: help and list stay free of numeric libraries, the package's face and the trial's parent lean."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"numpy", "scipy", "polars", "matplotlib", "jinja2", "sklearn", "pandas", "torch"}
NOT_IN_A_WORKER = HEAVY | {
    "pydantic",
    "pydantic_core",
    "ruamel",
    "typer",
    "click",
    "rich",
    "psutil",
    "sqlite3",
    "asyncio",
}

AFTERWARDS = "import atexit, json, sys; atexit.register(lambda: print('\\n' + json.dumps(sorted(sys.modules))))\n"
"""Prints, as its last line, every module that the process loaded."""


def loaded(code: str, folder: Path) -> set[str]:
    """Run code in a fresh interpreter and return the top-level modules that it loaded."""
    command = [sys.executable, "-c", AFTERWARDS + code]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert "Traceback" not in result.stderr, result.stderr
    return {name.split(".")[0] for name in json.loads(result.stdout.splitlines()[-1])}


def run_cli(*words: str) -> str:
    return f"sys.argv = {['fairtrial', *words]!r}\nfrom fairtrial.cli.main import main\nsys.exit(main())"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder whose book holds a finished run."""
    folder = tmp_path_factory.mktemp("listed")
    (folder / "subject.py").write_text("def f(x: int):\n    return {'y': x}\n")
    (folder / "study.yaml").write_text(
        "study: listed\nsystem: {python: 'subject:f'}\nfactors: {x: [1, 2]}\nmetrics: {y: maximize}\n"
    )
    command = [sys.executable, "-m", "fairtrial", "run", "study.yaml"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.mark.parametrize(
    "words", [["--help"], ["run", "--help"], ["list"], ["list", "--json"], ["show", "1.1"]], ids=" ".join
)
def test_frequent_verbs_are_light(words, folder):
    """Help, the list of runs and a single trial load no numeric library."""
    assert not loaded(run_cli(*words), folder) & HEAVY


def test_intervals_cost_numpy_and_scipy_alone(folder):
    """Showing a run computes intervals: that loads numpy and scipy, and no data frames, plots or templates."""
    assert not loaded(run_cli("show", "1"), folder) & (HEAVY - {"numpy", "scipy"})


def test_package_is_light(tmp_path):
    """`import fairtrial` loads neither pydantic nor rich, nor anything heavier."""
    modules = loaded("import fairtrial", tmp_path)
    assert not modules & (HEAVY | {"pydantic", "rich", "typer", "ruamel", "sqlite3"})


@pytest.mark.parametrize(
    "module", ["fairtrial.execute.tree.guardian", "fairtrial.execute.tree.parent", "fairtrial.execute.trial.worker"]
)
def test_trial_processes_are_lean(module, tmp_path):
    """Guardian, parent and worker load no third-party library: the cost of a fork grows with what is loaded."""
    assert not loaded(f"import {module}", tmp_path) & NOT_IN_A_WORKER
