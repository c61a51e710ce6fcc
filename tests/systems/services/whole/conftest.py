"""Whole studies as a user runs them, on real servers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a fresh folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def fairtrial(here: Path) -> Typed:
    """Type a command in a process of its own: (exit code, stdout, stderr)."""

    def run(*words: str, **environment: str) -> tuple[int, str, str]:
        argv = [sys.executable, "-m", "fairtrial", *words]
        done = subprocess.run(argv, cwd=here, env=os.environ | environment, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    return run
