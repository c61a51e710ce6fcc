"""Imports point down: the contracts of pyproject.toml hold, in import statements and in strings that name modules."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = re.compile(r"fairtrial(\.\w+)+(?=$|:)")


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on a checkout."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"]
    environment = {**os.environ, "PYTHONPATH": str(root / "src")}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def heights(pyproject) -> dict[str, int]:
    """Folder of the package -> its layer, the highest first."""
    contracts = pyproject["tool"]["importlinter"]["contracts"]
    rows = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return {name: level for level, row in enumerate(rows) for name in row.split(" | ")}


def test_contracts_kept(root):
    """import-linter finds every contract of pyproject.toml kept."""
    result = lint_imports(root)
    assert result.returncode == 0, result.stdout + result.stderr


def test_violation_is_found(root, tmp_path):
    """A stage that imports its neighbour inside a function breaks a contract, so the check above can fail."""
    shutil.copytree(root / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    (tmp_path / "src/fairtrial/plan/intruder.py").write_text("def f():\n    import fairtrial.store.victim\n")
    (tmp_path / "src/fairtrial/store/victim.py").touch()
    result = lint_imports(tmp_path)
    assert result.returncode != 0
    assert "fairtrial.plan.intruder -> fairtrial.store.victim" in result.stdout


def misplaced(source, groups, heights) -> list[str]:
    """List the strings that name a module of a neighbour or of a higher layer."""
    parts = source.module.split(".")
    here = parts[1] if len(parts) > 1 else ""
    wrong = []
    for node in source.strings():
        if node.value in groups or not MODULE.match(node.value):
            continue
        named = node.value.split(":")[0].split(".")[1]
        if named in heights and named != here and heights[named] <= heights.get(here, -1):
            wrong.append(f"{source.name}:{node.lineno}: {node.value!r}")
    return wrong


def test_strings_obey_layers(sources, pyproject, heights):
    """A string that names one of our modules ('fairtrial.execute.trial.worker:run') points down, as an import must."""
    groups = set(pyproject["project"]["entry-points"])
    wrong = [line for source in sources for line in misplaced(source, groups, heights)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("x = 'fairtrial.store.book:open_book'", 1),
        ("x = 'fairtrial.flow.run'", 1),
        ("x = 'fairtrial.plan.grid:Grid'", 0),
        ("x = 'fairtrial.model.path'", 0),
        ("x = 'fairtrial.systems'", 0),
        ("'''Prose may name fairtrial.store.book.'''", 0),
        ("'fairtrial.store.book'", 0),
    ],
)
def test_misplaced_strings_are_found(text, found, parse, heights):
    """In a file of `plan`, strings that name a neighbour or a higher layer are found; groups and prose are not."""
    assert len(misplaced(parse(text), {"fairtrial.systems"}, heights)) == found
