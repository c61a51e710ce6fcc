"""Designs sit the exam that strangers sit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fairtrial.model.identity import digest
from fairtrial.model.study import Design, Factor, Interval
from fairtrial.plan.grid import Grid
from fairtrial.plan.sampled import LatinHypercube, Random, Sobol
from fairtrial.plan.space import open_space
from fairtrial.testing.exams import StrategyExam
from fairtrial.testing.fakes import FakeSystem
from fairtrial.testing.making import identity_of


class Planned(StrategyExam):
    """On the real space."""

    kind = "grid"

    def study(self):
        return replace(super().study(), design=Design(self.kind, n=self.n))

    def space(self, study):
        return open_space(study, FakeSystem(), identity=digest(identity_of(FakeSystem())))


class TestGrid(Planned):
    """Every combination."""

    n = None

    def make(self):
        return Grid()


class TestGridOnAFakeSpace(StrategyExam):
    """The same on the space that plug-in authors get."""

    n = None

    def make(self):
        return Grid()


class Drawn(Planned):
    """A design that draws, from a range too."""

    def study(self):
        study = super().study()
        wide = Factor("threshold", ("threshold",), interval=Interval(0.5, 2.5))
        return replace(study, factors=(*study.factors, wide))


class TestRandom(Drawn):
    """Independent draws."""

    kind = "random"

    def make(self):
        return Random()


class TestSobol(Drawn):
    """A low-discrepancy sequence."""

    kind = "sobol"

    def make(self):
        return Sobol()


class TestLatinHypercube(Drawn):
    """One draw in each slice of each axis."""

    kind = "lhs"

    def make(self):
        return LatinHypercube()


@pytest.mark.parametrize("design", [Grid, Random, Sobol, LatinHypercube])
def test_designs_are_not_asynchronous(design):
    """What they ask for does not depend on which trial ends first."""
    assert not design().asynchronous
