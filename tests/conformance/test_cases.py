"""The hard cases sit the exams: a shared server, a strategy that learns, batches, another run's table."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import pytest

from fairtrial.errors import SpecError
from fairtrial.model.identity import digest
from fairtrial.model.study import Factor, Interval
from fairtrial.plan.space import open_space
from fairtrial.testing.context import FakeContext
from fairtrial.testing.exams import StrategyExam, SystemExam
from fairtrial.testing.exams.strategy import told, walk
from fairtrial.testing.fakes import FakeSystem
from fairtrial.testing.making import identity_of
from fairtrial.testing.space import FakeSpace


class TestServer(SystemExam):
    """A system with a server."""

    def make(self, folder):
        return import_module("cases.server").Server()

    def parameters(self):
        return {"factor": 3, "x": 4}


class TestStacked(SystemExam):
    """A system that runs several trials in one process."""

    def make(self, folder):
        return import_module("cases.stacked").Stacked()


class TestLabeller(SystemExam):
    """A system that keeps a table."""

    def make(self, folder):
        return import_module("cases.labels").Labeller()


class TestReader(SystemExam):
    """A system that reads another's table."""

    def make(self, folder):
        return import_module("cases.labels").Reader()

    def inputs(self, folder):
        import polars as pl

        pl.DataFrame({"row": [0, 1], "label": [True, False]}).write_parquet(folder / "labels.parquet")
        return {"labels": folder / "labels.parquet"}


class TestNarrow(StrategyExam):
    """A strategy that learns, on the space that plug-in authors get."""

    def make(self):
        return import_module("cases.learner").Narrow()

    def study(self):
        return replace(super().study(), factors=(Factor("x", ("x",), interval=Interval(0.0, 8.0)),))

    def test_it_finds_what_was_planted(self):
        """The jump is at 5: later trials are beyond it, and the last batch is near the top."""
        study = replace(self.study(), base={"slope": -1.0, "threshold": 5.0, "jump": 10.0})
        asked = [trial.condition.assignment["x"] for trial in walk(self.opened(study), told)]
        assert asked[:3] == [0.0, 4.0, 8.0]
        assert all(4.0 < value <= 8.0 for value in asked[6:])
        assert min(abs(value - 5.0) for value in asked) < 1.01

    def test_it_needs_an_interval(self):
        """Levels are none."""
        with pytest.raises(SpecError, match="interval"):
            self.opened(replace(self.study(), factors=()))


class TestNarrowOnTheRealSpace(TestNarrow):
    """The same on the space of a plan."""

    def space(self, study):
        return open_space(study, FakeSystem(), identity=digest(identity_of(FakeSystem())))


def test_the_fake_space_agrees_with_the_real_one():
    """A trial of the space that plug-in authors get has the identity that it has in a plan."""
    study = TestNarrow().study()
    real = open_space(study, FakeSystem(), identity=digest(identity_of(FakeSystem())))
    fake = FakeSpace(study)
    pair = [space.trial(space.condition("", {"x": 2.5}), 1).digest for space in (real, fake)]
    assert pair[0] == pair[1]


def test_the_server_stops_when_it_is_told():
    """After `teardown` nothing answers, also when a trial failed in between; a sick server is stopped by `setup`."""
    import psutil

    server = import_module("cases.server").Server()
    sick = server.Parameters(healthy=False)
    with pytest.raises(RuntimeError, match="not healthy"):
        server.setup(sick, None)
    handle = server.setup(server.Parameters(), None)
    with pytest.raises(RuntimeError, match="asked to fail"):
        server.run(server.Parameters(behave="raise"), FakeContext(handle=handle))
    server.teardown(handle)
    assert not psutil.pid_exists(handle["pid"])
    assert not psutil.Process().children()
