"""A variant as parameters: base, then its settings, then one level of every active factor, resolved by the system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

from pydantic import BaseModel, ValidationError

from fairtrial.errors import UserError
from fairtrial.model import path as paths
from fairtrial.model.study import Factor, Variant

Level = tuple[Any, ...]
Choice = Mapping[str, Level]
"""Factor name -> the level that is chosen for it."""

_TRIED = 256
"""Contexts that are tried before a level is refused."""
_SEARCHED = 10_000
"""Combinations that are searched for one where a conditional factor exists."""
_USERS_CODE = (TypeError, LookupError, ArithmeticError, AttributeError)
"""What a validator in a user's model may raise by mistake."""


class Refused(Exception):
    """The system refuses parameters: what pydantic said, or a path that the base has no room for."""

    def __init__(self, tree: Mapping[str, Any], cause: ValidationError | UserError) -> None:
        super().__init__(str(cause))
        self.tree, self.cause = tree, cause


def samples(factor: Factor) -> list[Level]:
    """List a factor's levels; of an interval both ends stand for it."""
    if factor.levels is not None:
        return list(factor.levels)
    assert factor.interval is not None
    return [(factor.interval.low,), (factor.interval.high,)]


@dataclass(frozen=True)
class Arm:
    """A variant with the base below it and the system's parameters to resolve them."""

    parameters: type[BaseModel]
    base: Mapping[str, Any]
    variant: Variant
    factors: tuple[Factor, ...]
    """The study's, then its own."""

    def resolve(self, assignment: Mapping[str, Any]) -> Any:
        """Resolve values by path to the full parameters as JSON. Raises Refused."""
        tree: Any = self.base
        try:
            for path, value in {**self.variant.set, **assignment}.items():
                tree = paths.put(tree, path, value)
            return self.parameters.model_validate(tree).model_dump(mode="json")
        except (ValidationError, UserError) as problem:
            raise Refused(tree, problem) from problem
        except _USERS_CODE as problem:
            what = f"the system's Parameters raised {type(problem).__name__}: {problem}"
            raise Refused(tree, UserError(what)) from problem

    def assignment(self, choice: Choice) -> dict[str, Any]:
        """Give the chosen level's value to every path of the factors that are active under the choice."""
        if all(factor.when is None for factor in self.factors):
            chosen = ((factor.paths, choice[factor.name]) for factor in self.factors)
            return {path: value for names, level in chosen for path, value in zip(names, level, strict=True)}
        decided: dict[str, bool] = {}
        values: dict[str, Any] = {"variant": self.variant.name}
        waiting = list(self.factors)
        while waiting:
            ready = [factor for factor in waiting if not self._waits(factor, waiting)]
            for factor in ready:
                decided[factor.name] = factor.when is None or factor.when.holds(values)
                if decided[factor.name]:
                    values |= dict(zip(factor.paths, choice[factor.name], strict=True))
            waiting = [factor for factor in waiting if factor.name not in decided]
            if not ready:
                round_trip = ", ".join(factor.name for factor in waiting)
                raise UserError(f"the 'when' rules of {round_trip} wait for each other")
        return {path: values[path] for factor in self.factors for path in factor.paths if path in values}

    @staticmethod
    def _waits(factor: Factor, waiting: list[Factor]) -> bool:
        names = factor.when.names if factor.when else frozenset()
        return any(names.intersection(other.paths) for other in waiting)

    def first(self) -> dict[str, Level]:
        """Choose every factor's first level."""
        return {factor.name: samples(factor)[0] for factor in self.factors}

    def around(self, choice: Choice, fixed: str = "") -> Iterator[Choice]:
        """Yield the choice, then those that differ from it in one other factor (a bounded number)."""

        def all_of_them() -> Iterator[Choice]:
            yield choice
            for factor in self.factors:
                if factor.name != fixed:
                    for level in samples(factor):
                        yield {**choice, factor.name: level}

        return islice(all_of_them(), _TRIED)

    def where_active(self, factor: Factor, choice: Choice) -> Choice | None:
        """Change the choice so that a conditional factor exists; None where no combination of levels makes it."""
        if factor.when is None:
            return choice
        named = [other for other in self.factors if factor.when.names.intersection(other.paths)]
        for levels in islice(product(*(samples(other) for other in named)), _SEARCHED):
            made = {**choice, **{other.name: level for other, level in zip(named, levels, strict=True)}}
            if factor.paths[0] in self.assignment(made):
                return made
        return None

    def valid(self) -> Choice:
        """Find a choice that the system accepts. Raises the first Refused where none of those tried is."""
        return self._accepted(self.around(self.first()))

    def outcomes(self, factor: Factor, choice: Choice) -> Iterator[tuple[int, Any]]:
        """Resolve every level of a factor: (index, the parameters). Raises Refused at a level that fits nowhere."""
        for index, level in enumerate(samples(factor)):
            tried = {**choice, factor.name: level}
            try:
                yield index, self.resolve(self.assignment(tried))
            except Refused:
                yield index, self.resolve(self.assignment(self._accepted(self.around(tried, factor.name))))

    def _accepted(self, choices: Iterator[Choice]) -> Choice:
        first: Refused | None = None
        for choice in choices:
            try:
                self.resolve(self.assignment(choice))
            except Refused as problem:
                first = first or problem
            else:
                return choice
        assert first is not None
        raise first
