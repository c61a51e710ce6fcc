"""What the benchmarks share: failures are said, ratios are taken within a pass, the limits really run."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def measure():
    """The module `benchmarks/measure.py`, as its scripts see it."""
    spec = importlib.util.spec_from_file_location("fairtrial_benchmarks_measure", FOLDER / "measure.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.parametrize("argv", [("bare.py", 20, 2), ("pool.py", 20, 2, "NORMAL"), ("pool.py", 20, 2, "FULL")])
def test_the_limits_run(measure, argv):
    """The bare loop and the pool measure all their trials and say how long it took."""
    sample = measure.process(measure.python(*argv))
    assert sample.error == ""
    assert sample.said["seconds"] > 0
    assert sample.cpu_s > 0


def test_what_fails_is_said_and_enters_no_number(measure):
    """A failed process has its last line as error, and neither median nor ratio uses it."""
    failed = measure.process([sys.executable, "-c", "raise SystemExit('no such thing')"])
    assert failed.error == "no such thing"
    fine = measure.Sample(1.0, {"seconds": 2.0})
    assert measure.median([failed, fine], measure.rate(10)) == 5.0
    assert measure.median([failed], measure.rate(10)) is None
    assert measure.ratios([failed, fine], [fine, fine], measure.rate(10)) == [1.0]


def test_a_killed_process_has_its_signal_as_error(measure):
    """A death by signal is no result either."""
    killed = measure.process([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])
    assert killed.error == "exit code -9"


def test_passes_alternate(measure, monkeypatch):
    """Every case runs once a pass, in turned order in every second one."""
    seen = []
    monkeypatch.setattr(measure, "process", lambda argv: seen.append(argv[0]) or measure.Sample(0.0, {"seconds": 1.0}))
    cases = [measure.Case(name, 1, [name]) for name in "ab"]
    assert {name: len(found) for name, found in measure.alternate(cases, 3).items()} == {"a": 3, "b": 3}
    assert seen == ["a", "b", "b", "a", "a", "b"]
