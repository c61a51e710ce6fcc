"""The exam of a strategy: it ends, it repeats itself, and it can be told of failures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from fairtrial.contract.strategy import Opened, Plan, Space, Strategy, Told
from fairtrial.errors import UserError
from fairtrial.model.study import Design, Factor, Study, SystemRef
from fairtrial.model.trial import Trial
from fairtrial.testing.fakes import FakeSystem, planted
from fairtrial.testing.making import member
from fairtrial.testing.space import FakeSpace

BATCHES = 200
"""No exam asks more often: a strategy that has not ended by then never ends."""

Tell = Callable[[Trial], Told]


class StrategyExam:
    """Subclass it, and say with `make` which strategy is examined, and with `study` and `space` on what."""

    options: Mapping[str, Any] = {}
    n: int | None = 6

    def make(self) -> Strategy:
        """Make the strategy."""
        raise NotImplementedError

    def study(self) -> Study:
        """Return a study of FakeSystem that the strategy can work on."""
        return Study(
            name="exam",
            system=SystemRef("fake"),
            base={"noise": 0.1},
            factors=(
                Factor("x", ("x",), ((0.0,), (1.0,), (2.0,), (3.0,))),
                Factor("slope", ("slope",), ((1.0,), (2.0,))),
            ),
            replicates=2,
            metrics=tuple(FakeSystem.metrics.values()),
            design=Design(n=self.n),
        )

    def space(self, study: Study) -> Space:
        """Make the space of the study."""
        return FakeSpace(study)

    def opened(self, study: Study | None = None) -> Opened:
        """Open the strategy."""
        return self.make().open(self.space(study or self.study()), self.options)

    def test_is_a_strategy(self) -> None:
        """It says its name and whether it acts on completion order."""
        strategy = self.make()
        assert isinstance(strategy, Strategy)
        assert strategy.name
        assert isinstance(strategy.asynchronous, bool)
        assert isinstance(strategy.learns, bool)

    def test_ends(self) -> None:
        """Told of every batch, it ends."""
        assert walk(self.opened(), told)

    def test_repeats_itself(self) -> None:
        """The same study, seed and history give the same trials in the same order."""
        first, second = walk(self.opened(), told), walk(self.opened(), told)
        assert [trial.digest for trial in first] == [trial.digest for trial in second]

    def test_survives_failures(self) -> None:
        """Failed trials and undefined metrics are news like any other."""
        assert walk(self.opened(), lambda trial: Told(trial, "failed", {}))
        assert walk(self.opened(), lambda trial: Told(trial, "done", {"score": None, "cost": None}))

    def test_plans_agree_with_themselves(self) -> None:
        """A plan counts, walks and indexes the same trials, as often as it is asked."""
        plan = self.opened().ask()
        assert plan is not None
        digests = _digests(plan)
        assert digests == _digests(plan) == [plan.trial(position).digest for position in range(len(digests))]
        assert plan.count().trials in (None, len(digests))
        assert [plan.trial(position).position for position in range(len(digests))] == list(range(len(digests)))

    def test_replicates_share_their_seed(self) -> None:
        """Replicate k has the same seed in every condition, and no two replicates share one."""
        seeds: dict[int, set[int]] = {}
        for trial in walk(self.opened(), told):
            seeds.setdefault(trial.replicate, set()).add(trial.seed)
        assert all(len(found) == 1 for found in seeds.values())
        assert len(set.union(*seeds.values())) == len(seeds)

    def test_trials_are_different(self) -> None:
        """No trial is asked for twice."""
        digests = [trial.digest for trial in walk(self.opened(), told)]
        assert len(digests) == len(set(digests))

    def test_unknown_options_are_refused(self) -> None:
        """An option that means nothing is the user's mistake, not ignored."""
        with pytest.raises(UserError):
            self.make().open(self.space(self.study()), {**self.options, "surely_not_an_option": 1})

    def test_the_seed_matters_or_does_not(self) -> None:
        """Another study seed gives other trials: at the least, their seeds."""
        other = walk(self.opened(replace(self.study(), seed=1)), told)
        assert {trial.digest for trial in other}.isdisjoint(trial.digest for trial in walk(self.opened(), told))


def told(trial: Trial) -> Told:
    """Measure a trial as FakeSystem does."""
    return Told(trial, "done", planted(member(1, seed=trial.seed, **trial.condition.parameters)))


def walk(opened: Opened, tell: Tell) -> list[Trial]:
    """Ask and tell until the strategy ends; return what it asked for."""
    asked: list[Trial] = []
    for _ in range(BATCHES):
        plan = opened.ask()
        if plan is None:
            return asked
        trials = [plan.trial(position) for position in range(len(_digests(plan)))]
        asked += trials
        opened.tell([tell(trial) for trial in trials])
    raise AssertionError(f"the strategy has not ended after {BATCHES} batches")


def _digests(plan: Plan) -> list[bytes]:
    return [digest for block in plan.blocks() for digest in block.digests]
