"""The benchmarks themselves, at toy size: every side runs to its end and every table has its numbers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.long
@pytest.mark.parametrize(
    "command",
    [
        ("overhead.py", "--quick", "--peers", "none"),
        ("persistent.py", "--quick"),
        ("startup.py", "--quick"),
        ("conditions.py", "--quick"),
    ],
    ids=lambda command: command[0],
)
def test_a_script_prints_its_table(command, tmp_path):
    """It exits 0, no case failed, and what was asked for stands below the table."""
    argv = [sys.executable, str(FOLDER / command[0]), *command[1:]]
    ended = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path, timeout=250)
    assert ended.returncode == 0, ended.stderr
    assert "asked for: at" in ended.stdout
    assert "failed" not in ended.stdout
    assert "exit code" not in ended.stdout


def test_a_peer_that_cannot_be_installed_is_skipped_with_its_reason(tmp_path):
    """Without uv and without GNU parallel the table still prints, and says why rows are empty."""
    code = "import peers; print([peers.ready(peer).reason for peer in peers.PEERS])"
    environment = {"PATH": str(tmp_path), "PYTHONPATH": str(FOLDER), "FAIRTRIAL_BENCH_CACHE": str(tmp_path / "cache")}
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert ended.stdout.count("uv is not installed") == 7
    assert ended.stdout.count("parallel is not installed") == 1
    assert not (tmp_path / "cache").exists()


def test_an_unknown_peer_is_refused():
    """The known ones are listed."""
    argv = [sys.executable, str(FOLDER / "overhead.py"), "--help"]
    assert "--peers" in subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    code = "import peers; peers.chosen('optuna-journal,dusk')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=FOLDER)
    assert ended.returncode == 1
    assert "unknown peer 'dusk': optuna-sqlite" in ended.stderr
