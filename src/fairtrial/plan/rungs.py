"""The conditions of a fixed design with their replicates one above the other, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fairtrial.contract.strategy import Plan, Told
from fairtrial.errors import SpecError
from fairtrial.model.study import Study
from fairtrial.model.trial import Trial
from fairtrial.plan.order import trials

MOST = 1_000_000
"""Trials of a design whose replication adapts: all of them are held in memory."""


@dataclass(slots=True)
class Rung:
    """A condition: its replicates in order, how many of them were asked for, and the value of each that has one."""

    trials: list[Trial]
    asked: int = 0
    values: dict[int, float] = field(default_factory=dict)
    """Replicate -> value of the metric; failed and undefined ones are missing."""

    @property
    def left(self) -> int:
        """Return how many replicates there are still to ask for."""
        return len(self.trials) - self.asked

    @property
    def barren(self) -> bool:
        """Say whether nothing of what was asked for came to a value."""
        return self.asked > 0 and not self.values

    def column(self) -> list[float]:
        """Return the values in replicate order."""
        return [self.values[k] for k in sorted(self.values)]


class Rungs:
    """All conditions of a design, in plan order."""

    def __init__(self, plan: Plan, metric: str) -> None:
        self._metric = metric
        found: dict[bytes, Rung] = {}
        for trial in trials(plan):
            found.setdefault(_key(trial), Rung([])).trials.append(trial)
        self._found = found
        for rung in found.values():
            rung.trials.sort(key=lambda trial: trial.replicate)

    def __len__(self) -> int:
        return len(self._found)

    @property
    def all(self) -> list[Rung]:
        """Return the conditions."""
        return list(self._found.values())

    def ask(self, wanted: Sequence[tuple[Rung, int]]) -> list[Trial]:
        """Take the next replicates of conditions, as many of each as wanted: replicate by replicate."""
        chosen: list[tuple[int, int, Trial]] = []
        for place, (rung, count) in enumerate(wanted):
            taken = rung.trials[rung.asked : rung.asked + count]
            chosen += [(trial.replicate, place, trial) for trial in taken]
            rung.asked += len(taken)
        return [trial for _, _, trial in sorted(chosen, key=lambda item: item[:2])]

    def tell(self, told: Sequence[Told]) -> None:
        """Keep what came of trials."""
        for one in told:
            value = one.metrics.get(self._metric) if one.status == "done" else None
            if value is not None:
                self._found[_key(one.trial)].values[one.trial.replicate] = value


def rungs(plan: Plan | None, *, metric: str, study: Study) -> Rungs:
    """Take all trials of a fixed design's plan. Raises SpecError where there are too many."""
    counted = None if plan is None else plan.count().trials
    if plan is None or counted is None or counted > MOST:
        size = "too many trials to count" if counted is None else f"up to {counted} trials"
        hint = f"at most {MOST} at the largest number of replicates: fewer levels, or design random with n"
        raise SpecError(f"design {study.design.kind} has {size}", file=study.file, path="design", hint=hint)
    return Rungs(plan, metric)


def _key(trial: Trial) -> bytes:
    return trial.condition.digest + trial.inputs
