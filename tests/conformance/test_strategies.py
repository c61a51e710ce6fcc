"""Designs sit the exam that strangers sit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from fairtrial.model.claim import Clause, Margin
from fairtrial.model.claim import Until as Rule
from fairtrial.model.identity import digest
from fairtrial.model.study import Design, Factor, Interval
from fairtrial.plan.edge import Edge
from fairtrial.plan.grid import Grid
from fairtrial.plan.listed import Listed
from fairtrial.plan.pruning import Asha, Median
from fairtrial.plan.race import Race
from fairtrial.plan.sampled import LatinHypercube, Random, Sobol
from fairtrial.plan.search import Optuna
from fairtrial.plan.space import open_space
from fairtrial.plan.until import Until
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


class TestListed(Planned):
    """Conditions that are named."""

    kind, n = "listed", None
    options: Mapping[str, Any] = {
        "conditions": [{"assignment": {"x": 1.0, "slope": 2.0}}, {"assignment": {"x": 3.0, "slope": 1.0}}]
    }

    def make(self):
        return Listed()


class TestUntil(Planned):
    """A grid that is repeated until it is precise."""

    n = None

    def study(self):
        until = Rule(2, 6, "score", Margin(0.05, relative=False))
        return replace(super().study(), replicates=6, until=until)

    def make(self):
        return Until(Grid())


class TestUntilOnDraws(TestUntil):
    """The same over conditions that are drawn, on the space that plug-in authors get."""

    kind, n = "random", 5

    def space(self, study):
        return open_space(study, FakeSystem(), identity=digest(identity_of(FakeSystem())))

    def make(self):
        return Until(Random())


class TestRace(Planned):
    """A grid of which losers are dropped."""

    kind, n = "race", None
    options: Mapping[str, Any] = {"min": 2}

    def study(self):
        return replace(super().study(), replicates=8)

    def make(self):
        return Race()


class TestEdge(Planned):
    """Up, then halves, to the edge of a service level; crossed with the other factor."""

    kind, n = "edge", None
    options: Mapping[str, Any] = {"factor": "x"}

    def study(self):
        return replace(super().study(), slo=(Clause("score", "max", 1.5),))

    def make(self):
        return Edge()


class TestMedian(Drawn):
    """Draws that are stopped early by the median rule."""

    kind = "median"
    options: Mapping[str, Any] = {"metric": "score", "startup": 2}

    def make(self):
        return Median()


class TestAsha(Drawn):
    """Draws that are stopped early by successive halving."""

    kind = "asha"
    options: Mapping[str, Any] = {"base": "sobol", "reduction": 2, "min_steps": 1}

    def make(self):
        return Asha()


class TestTpe(Drawn):
    """Tree-structured Parzen estimators, one condition after another."""

    kind, n = "optuna", 14
    options: Mapping[str, Any] = {"startup": 4}

    def make(self):
        return Optuna()


class TestTpeOnLevels(Planned):
    """The same where every point is a combination of levels, in batches, stopped early."""

    kind, n = "optuna", 8
    options: Mapping[str, Any] = {"batch": 3, "pruner": {"kind": "median", "startup": 2}}

    def make(self):
        return Optuna()


class TestCmaes(Drawn):
    """Evolution of a covariance matrix."""

    kind, n = "optuna", 12
    options: Mapping[str, Any] = {"sampler": "cmaes", "batch": 3}

    def make(self):
        return Optuna()


class TestNsgaii(Drawn):
    """A genetic algorithm over two metrics."""

    kind, n = "optuna", 12
    options: Mapping[str, Any] = {"sampler": "nsgaii", "population": 4, "batch": 4}

    def make(self):
        return Optuna()


@pytest.mark.parametrize("design", [Grid, Random, Sobol, LatinHypercube, Listed, Race, Until, Optuna, Edge])
def test_designs_are_not_asynchronous(design):
    """What they ask for does not depend on which trial ends first."""
    assert not design.asynchronous


@pytest.mark.parametrize("design", [Median, Asha])
def test_designs_that_stop_trials_early_are_asynchronous(design):
    """Which trials they stop depends on who reports first, and they say so."""
    assert design.asynchronous
