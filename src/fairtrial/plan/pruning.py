"""Designs that stop trials early by their series: `median` and `asha` over a fixed design, and pruners of a search."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from fairtrial.contract.strategy import Opened, Space
from fairtrial.errors import SpecError, nearest
from fairtrial.model.study import Direction, Study
from fairtrial.model.trial import Trial
from fairtrial.plan.bases import base_of, metric_of, whole
from fairtrial.plan.grid import refuse_options
from fairtrial.plan.picked import Noted
from fairtrial.stats.stopping import below_median, out_of_top, rung_of

NOTE = "trials are stopped early in the order in which they report: a run that was interrupted may stop others"


class Rule(Protocol):
    """Decides on one step of one trial after another, remembering all of them."""

    def stops(self, trial: bytes, step: int, value: float) -> bool:
        """Say whether to stop a trial that reports a value."""


class MedianRule:
    """Stops a trial whose best value so far is worse than the median of the others at the same step."""

    def __init__(self, *, maximise: bool, startup: int, min_steps: int) -> None:
        self._maximise, self._startup, self._min_steps = maximise, startup, min_steps
        self._best: dict[bytes, float] = {}
        self._steps: dict[int, list[float]] = {}
        """Step -> the values that were reported there, ascending."""

    def stops(self, trial: bytes, step: int, value: float) -> bool:
        """Say whether to stop a trial that reports a value."""
        before = self._best.get(trial, value)
        best = self._best[trial] = max(before, value) if self._maximise else min(before, value)
        others = self._steps.setdefault(step, [])
        worse = below_median(best, others, maximise=self._maximise, least=self._startup)
        insort(others, value)
        return worse and step >= self._min_steps


class AshaRule:
    """Stops a trial that is not among the best 1 / reduction of those that reached its rung."""

    def __init__(self, *, maximise: bool, reduction: int, min_steps: int) -> None:
        self._maximise, self._reduction, self._min_steps = maximise, reduction, min_steps
        self._judged: set[tuple[int, bytes]] = set()
        self._rungs: dict[int, list[float]] = {}
        """Rung -> the values that reached it, ascending."""

    def stops(self, trial: bytes, step: int, value: float) -> bool:
        """Say whether to stop a trial that reports a value; it is judged once at each rung."""
        rung = rung_of(step, least=self._min_steps, reduction=self._reduction)
        if rung is None or (rung, trial) in self._judged:
            return False
        self._judged.add((rung, trial))
        reached = self._rungs.setdefault(rung, [])
        insort(reached, value)
        return out_of_top(value, reached, maximise=self._maximise, reduction=self._reduction)


class Judge:
    """Judges the steps of trials by a rule on one metric."""

    def __init__(self, rule: Rule, metric: str) -> None:
        self._rule, self._metric = rule, metric

    def judge(self, trial: Trial, step: int, metrics: Mapping[str, float | None]) -> bool:
        """Say whether to stop the trial now; a step without the metric says nothing."""
        value = metrics.get(self._metric)
        return value is not None and self._rule.stops(trial.digest, step, value)


class Stopped(Judge):
    """An opened fixed design whose trials are stopped early."""

    def __init__(self, below: Opened, rule: Rule, metric: str) -> None:
        super().__init__(rule, metric)
        self._below = below
        self.tell = below.tell

    def ask(self) -> Noted | None:
        """Return the plan of the design below, then None."""
        plan = self._below.ask()
        return None if plan is None else Noted(plan, NOTE)


class _Stops:
    """What the two designs share."""

    name = ""
    asynchronous = True
    learns = False

    def open(self, space: Space, options: Mapping[str, Any]) -> Opened:
        """Start on a space. Raises SpecError for options."""
        study = space.study
        refuse_options(self.name, options, ("base", "metric", *OPTIONS[self.name]))
        below = base_of(study, options).open(space, {})
        return Stopped(below, *pruner(study, self.name, options))


class Median(_Stops):
    """A fixed design; a trial stops that is worse than the median of the others at the same step."""

    name = "median"


class Asha(_Stops):
    """A fixed design; a trial stops that is not among the best of those that came as far (successive halving)."""

    name = "asha"


OPTIONS: dict[str, tuple[str, ...]] = {"median": ("startup", "min_steps"), "asha": ("reduction", "min_steps")}
"""Options of each pruner."""


def pruner(study: Study, name: str, options: Mapping[str, Any]) -> tuple[Rule, str]:
    """Make a pruner: its rule, and the name of the metric that it judges. Raises SpecError."""
    made: dict[str, Callable[[bool], Rule]] = {
        "median": lambda up: MedianRule(
            maximise=up,
            startup=whole(study, options, "startup", 5),
            min_steps=whole(study, options, "min_steps", 1, least=0),
        ),
        "asha": lambda up: AshaRule(
            maximise=up,
            reduction=whole(study, options, "reduction", 3, least=2),
            min_steps=whole(study, options, "min_steps", 1),
        ),
    }
    if name not in made:
        raise SpecError(f"unknown pruner {name!r}", file=study.file, path="design.pruner", hint=nearest(name, made))
    metric = metric_of(study, options)
    return made[name](metric.direction is Direction.MAXIMIZE), metric.name
