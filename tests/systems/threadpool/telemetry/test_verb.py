"""The verb that writes telemetry."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from fairtrial.contract.verb import Verb
from fairtrial.errors import MissingPart, UserError
from fairtrial.systems.threadpool.parameters import Telemetry
from fairtrial.systems.threadpool.telemetry.file import read
from fairtrial.systems.threadpool.telemetry.rows import row
from fairtrial.systems.threadpool.telemetry.verb import Generate, GenerateArguments


def generate(path, **options) -> str:
    return Generate().run(GenerateArguments(output=path, **options), None)


def test_is_a_verb():
    """The command line finds what it asks of a verb; the defaults are 2,000 simulated rows of eight cores."""
    assert isinstance(Generate(), Verb)
    found = GenerateArguments(output="a.csv").model_dump(exclude={"output"})
    assert found == {"rows": 2000, "source": "simulated", "seed": 0, "cores": 8, "force": False}


@pytest.mark.parametrize(("source", "shares"), [
    ("older", "8 steady, 6 bursty, 6 adversarial"),
    ("simulated", "5 steady, 5 bursty, 5 adversarial, 5 blocking"),
])  # fmt: skip
def test_writes(source, shares, tmp_path):
    """It writes the rows that a study would make, and says in one line what it wrote."""
    path = tmp_path / "rows.csv"
    assert (
        generate(path, rows=20, source=source, seed=2, cores=4)
        == f"{path}: 20 rows ({shares}), source {source}, seed 2"
    )
    back = read(path, cores=9)
    meant = [row(Telemetry(source=source, seed=2, row=number, cores=4), None) for number in range(20)]
    assert [one.workload for one in back] == [one.workload for one in meant]
    assert [one.features.tolist() for one in back] == [one.features.tolist() for one in meant]


def test_does_not_overwrite(tmp_path):
    """A file that is there stays, unless it is to be written over."""
    path = tmp_path / "rows.csv"
    path.write_text("mine")
    with pytest.raises(UserError, match=r"is there already \(give another name, or --force"):
        generate(path, rows=1, source="older")
    assert path.read_text() == "mine"
    generate(path, rows=1, source="older", force=True)
    assert len(read(path, cores=8)) == 1


def test_no_folder(tmp_path):
    """A folder that is not there is told before any row is made."""
    with pytest.raises(UserError, match="there is no folder"):
        generate(tmp_path / "none" / "rows.csv", rows=1_000_000)


@pytest.mark.parametrize(
    "words", [{"output": "rows.txt"}, {"rows": 0}, {"source": "input"}, {"seed": -1}, {"cores": 0}]
)
def test_bad_arguments(words):
    """Arguments that make no sense are refused."""
    with pytest.raises(ValidationError):
        GenerateArguments(**{"output": "rows.csv"} | words)


def test_without_numba(tmp_path, monkeypatch):
    """Rows that a pool showed need the simulator: the command that brings it, and no file."""
    monkeypatch.setattr("fairtrial.systems.threadpool.needs.find_spec", lambda name: None)
    with pytest.raises(MissingPart, match="numba"):
        Generate().run(Generate.Arguments(output=tmp_path / "rows.csv", rows=2), None)
    assert not list(tmp_path.iterdir())
    Generate().run(Generate.Arguments(output=tmp_path / "rows.csv", rows=2, source="older"), None)
    assert (tmp_path / "rows.csv").exists()


def test_help_loads_nothing_heavy():
    """What `--help` needs of the verb loads neither numba nor numpy."""
    code = (
        "import sys, fairtrial.systems.threadpool.telemetry.verb\n"
        "print([name for name in ('numba', 'scipy', 'polars', 'sklearn', 'numpy') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
