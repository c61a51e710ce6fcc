"""A space for trying strategies: small, eager, and without anything that a real plan does for speed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from fairtrial.contract.strategy import Block, Count
from fairtrial.contract.system import System
from fairtrial.errors import SpecError
from fairtrial.model.identity import digest, replicate_seed
from fairtrial.model.path import flatten
from fairtrial.model.study import Factor, Study, Variant
from fairtrial.model.trial import Condition, Trial
from fairtrial.testing.fakes import FakeSystem
from fairtrial.testing.making import condition, identity_of


class ListPlan:
    """A plan that is a list."""

    def __init__(self, trials: Sequence[Trial], conditions: int) -> None:
        self.trials, self._conditions = list(trials), conditions

    def count(self) -> Count:
        """Return how many trials it has."""
        return Count(len(self.trials), self._conditions)

    def blocks(self, size: int = 4096) -> Iterator[Block]:
        """Walk the digests in plan order."""
        for start in range(0, len(self.trials), size):
            yield Block(start, [trial.digest for trial in self.trials[start : start + size]])

    def trial(self, position: int) -> Trial:
        """Return the trial at a position."""
        return self.trials[position]


class FakeSpace:
    """What a strategy chooses from, for a study of any system; rules, `when` and `before` are not applied."""

    def __init__(self, study: Study, system: System | None = None) -> None:
        self.study = study
        self._system = system or FakeSystem()
        self._identity = digest(identity_of(self._system))

    def condition(self, variant: str, assignment: Mapping[str, Any]) -> Condition:
        """Resolve an assignment. Raises SpecError where the system refuses the parameters."""
        arm = next((one for one in self.study.variants if one.name == variant), Variant(variant))
        values = {**dict(flatten(self.study.base)), **arm.set, **assignment}
        try:
            made = condition(values, system=self._system, variant=variant)
        except ValueError as problem:
            raise SpecError(" ".join(str(problem).split())) from problem
        return replace(made, assignment=dict(assignment))

    def trial(self, condition: Condition, replicate: int, position: int = 0) -> Trial:
        """Make replicate k of a condition."""
        seed = replicate_seed(self.study.seed, replicate)
        return Trial(condition, replicate, seed, self._identity, b"", position)

    def grid(self) -> ListPlan:
        """Make a plan of every combination of the levels. Raises SpecError for a factor without levels."""
        return self.fixed([made for arm in self.study.variants for made in self._combined(arm)])

    def fixed(self, conditions: Sequence[Condition]) -> ListPlan:
        """Make a plan of every replicate of the conditions, replicate by replicate."""
        places = [(made, replicate) for replicate in range(self.study.replicates) for made in conditions]
        trials = [self.trial(made, replicate, position) for position, (made, replicate) in enumerate(places)]
        return ListPlan(trials, len(conditions))

    def listed(self, trials: Sequence[Trial]) -> ListPlan:
        """Make a plan of just these trials, in their order."""
        placed = [replace(trial, position=position) for position, trial in enumerate(trials)]
        return ListPlan(placed, len({trial.condition.digest for trial in placed}))

    def _combined(self, arm: Variant) -> Iterator[Condition]:
        factors = self.study.all_factors(arm)
        for chosen in product(*(_levels(factor) for factor in factors)):
            pairs = zip(factors, chosen, strict=True)
            assignment = {
                path: value for factor, level in pairs for path, value in zip(factor.paths, level, strict=True)
            }
            yield self.condition(arm.name, assignment)


def _levels(factor: Factor) -> tuple[tuple[Any, ...], ...]:
    if factor.levels is None:
        raise SpecError(f"factor {factor.name!r} has no levels")
    return factor.levels
