"""One row from each of the three sources."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.errors import UserError
from fairtrial.systems.threadpool.parameters import Telemetry
from fairtrial.systems.threadpool.telemetry import file
from fairtrial.systems.threadpool.telemetry.file import write
from fairtrial.systems.threadpool.telemetry.older import older
from fairtrial.systems.threadpool.telemetry.rows import row
from fairtrial.systems.threadpool.telemetry.simulated import simulated


@pytest.mark.parametrize(("source", "make"), [("older", older), ("simulated", simulated)])
def test_generated(source, make):
    """The two generators are asked for seed, row and cores; a file is not looked at."""
    found, meant = row(Telemetry(source=source, seed=3, row=17, cores=4), None), make(3, 17, cores=4)
    assert np.array_equal(found.features, meant.features)
    assert (found.workload, found.family, found.cores) == (meant.workload, meant.family, 4)


def test_given(tmp_path):
    """A file's rows are numbered from 0; one that is not there is told, with how many there are."""
    path = tmp_path / "rows.csv"
    write(path, [older(0, number, cores=8) for number in range(5)])
    assert np.array_equal(row(Telemetry(source="input", row=4), path).features, older(0, 4, cores=8).features)
    with pytest.raises(UserError, match=r"rows\.csv has no row 5: it has 5, numbered from 0 to 4"):
        row(Telemetry(source="input", row=5), path)


def test_read_once_and_again_when_written(tmp_path, monkeypatch):
    """A process reads a file once, not once a row; one that was written since is read again."""
    path, read, times = tmp_path / "rows.csv", file.read, []
    monkeypatch.setattr(file, "read", lambda *args, **named: times.append(1) or read(*args, **named))
    write(path, [older(0, number, cores=8) for number in range(5)])
    for number in range(5):
        row(Telemetry(source="input", row=number), path)
    assert len(times) == 1
    write(path, [older(1, number, cores=8) for number in range(6)])
    assert np.array_equal(row(Telemetry(source="input", row=2), path).features, older(1, 2, cores=8).features)
    assert len(times) == 2


def test_no_file(tmp_path):
    """Source input without its file, or with one that is not there, is one line with what to do."""
    with pytest.raises(UserError, match=r"needs its file \(say `inputs: {telemetry: {file: "):
        row(Telemetry(source="input"), None)
    with pytest.raises(UserError, match=r"cannot read .*No such file"):
        row(Telemetry(source="input"), tmp_path / "none.csv")
