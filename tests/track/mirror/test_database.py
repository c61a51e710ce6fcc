"""A new database of MLflow's is whole or not there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fairtrial.errors import UserError
from fairtrial.track.mirror.client import QUIET
from fairtrial.track.mirror.database import make, sqlite_file

MAKE = "import sys; from fairtrial.track.mirror.database import make; make(sys.argv[1])"


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("sqlite:///mlflow.db", Path("mlflow.db")),
        ("sqlite:////tmp/a%20b.db", Path("/tmp/a b.db")),
        ("sqlite+pysqlite:///x/mlflow.db?timeout=3", Path("x/mlflow.db")),
        ("sqlite:///:memory:", None),
        ("sqlite://", None),
        ("postgresql://host/db", None),
        ("http://host", None),
    ],
)
def test_the_file_of_an_address(uri, path):
    """Relative to where the mirror runs, or absolute; other databases have none."""
    assert sqlite_file(uri) == path


def test_what_is_there_stays(tmp_path):
    """An existing file is not touched, and MLflow is not even loaded."""
    path = tmp_path / "mlflow.db"
    path.write_bytes(b"mine")
    make(f"sqlite:///{path}")
    assert path.read_bytes() == b"mine"


def test_a_folder_that_is_not_there(tmp_path):
    """One line says what to do."""
    with pytest.raises(UserError, match=r"is no folder \(mkdir -p"):
        make(f"sqlite:///{tmp_path}/none/mlflow.db")


@pytest.mark.long
def test_a_maker_that_is_killed_leaves_no_half(tmp_path):
    """Killed among MLflow's migrations there is no database; the next maker clears up and makes a whole one."""
    path = tmp_path / "mlflow.db"
    command = [sys.executable, "-c", MAKE, f"sqlite:///{path}"]
    environment = {**os.environ, **QUIET}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment)
    deadline = time.monotonic() + 120
    while not any(half.stat().st_size for half in tmp_path.glob(".mlflow.db.*.new")):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert [half.name for half in tmp_path.glob("*.db")] == []
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert [left.name for left in tmp_path.glob(".*")] == []
    assert path.stat().st_size > 100_000
