"""What a contributor and the CI type: make's targets, its refusal without a Python, and the CI's closing line."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

CLOSING = "===== 10 passed, 3 skipped in 61.53s (0:01:01) ====="


def run(*words, cwd) -> subprocess.CompletedProcess[str]:
    """Run a program and return what it said, stdout and stderr apart; a make above this one has no say in it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def checkout(root, tmp_path):
    """A folder with the Makefile, pyproject.toml and the CI's entry alone."""
    for name in ("Makefile", "pyproject.toml", ".ci/run"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(root / name, tmp_path / name)
    return tmp_path


def test_targets(root):
    """The announced targets exist, and `make` alone says what there is."""
    said = run("make", "--no-print-directory", cwd=root).stdout
    assert {"demo", "test", "test-all", "bench", "clean"} <= {line.split()[0] for line in said.splitlines()}


def test_tests_lint_first(root):
    """`make test` runs ruff, mypy and pytest, in this order, without the long tests; `make test-all` runs all."""
    said = run("make", "--dry-run", "test", cwd=root).stdout
    places = [said.index(word) for word in ("ruff check", "ruff format --check", "bin/mypy", "pytest")]
    assert places == sorted(places)
    assert '-m "not long"' in said
    assert "not long" not in run("make", "--dry-run", "test-all", cwd=root).stdout


@pytest.mark.parametrize(
    ("python", "line"),
    [("PYTHON=", "fairtrial needs Python 3.11"), ("PYTHON=/nowhere/python3", "no virtual environment")],
)
def test_no_python(checkout, python, line):
    """Without a fit Python make fails with a line that says what to do, and leaves no half-made environment."""
    result = run("make", "demo", python, cwd=checkout)
    assert result.returncode != 0
    assert sum(line in said for said in result.stderr.splitlines()) == 1
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize(
    ("recipe", "code", "last"),
    [
        (f"echo '{CLOSING}'; echo done", 0, CLOSING),
        ("echo '=== 2 failed, 8 passed in 1.00s ==='; exit 1", 2, "=== 2 failed, 8 passed in 1.00s ==="),
        ("echo 'lint broke'; exit 1", 2, ""),
        ("echo 'no tests here'", 1, ""),
    ],
    ids=["passed", "failed", "lint", "no pytest"],
)
def test_ci_ends_with_pytest_s_line(checkout, recipe, code, last):
    """The CI prints pytest's closing line last and fails with make, or where pytest never came to its end."""
    (checkout / "Makefile").write_text(f"test:\n\t@{recipe}\n")
    result = run("./.ci/run", cwd=checkout)
    assert result.returncode == code, result.stderr
    if last:
        assert result.stdout.splitlines()[-1] == last
