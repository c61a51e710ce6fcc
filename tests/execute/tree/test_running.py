"""What the parent of trials keeps of a running process: its steps, and the files it is watched through."""

from __future__ import annotations

import subprocess
import time

import pytest

from fairtrial.execute.machine.limits import Meter
from fairtrial.execute.tree.running import STEP_LINE_BYTES, StepFile


@pytest.fixture
def steps(tmp_path):
    """A program's file of steps."""
    file = StepFile(str(tmp_path / "steps"))
    yield file
    file.close()


def test_a_flood_is_read_in_parts(steps):
    """At one look no more is read than asked for; nothing is lost."""
    with open(steps.path, "ab") as file:
        file.write(b'{"a": 1}\n' * 10_000)
    first = list(steps.read(7, most=9_000))
    assert first == [["step", 7, number, {"a": 1.0}] for number in range(1000)]
    assert len(list(steps.read(7))) == 9_000


def test_what_is_no_step_is_passed_over(steps):
    """Steps that no book can hold, and lines without an end, leave the others as they are."""
    with open(steps.path, "ab") as file:
        file.write(b'{"step": 1e300, "a": 1}\n{"step": 4, "a": 2}\n' + b"x" * (3 * STEP_LINE_BYTES) + b'\n{"a": 3}\n')
    assert list(steps.read(7)) == [["step", 7, 4, {"a": 2.0}], ["step", 7, 5, {"a": 3.0}]]


def test_a_meter_forgets_the_dead():
    """A trial that starts one short program after the other costs no descriptor for each."""
    trial = subprocess.Popen(["/bin/bash", "-c", "while :; do sleep 0.02; done"])
    meter = Meter(trial.pid, share_bytes=0, limit_bytes=None)
    seen = set()
    try:
        limit = time.monotonic() + 30
        while len(seen) < 10:
            assert time.monotonic() < limit
            meter.overshoot()
            seen |= meter._statm.keys()
            assert len(meter._statm) <= 3
    finally:
        trial.kill()
        trial.wait()
        meter.close()
