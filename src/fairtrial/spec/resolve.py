"""Checks of a study by resolving it: every level, setting and included condition is one that the system accepts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from fairtrial.errors import SpecError, UserError
from fairtrial.model import path as paths
from fairtrial.model.study import ABSENT, Factor, Study
from fairtrial.spec.arm import Arm, Choice, Refused, samples
from fairtrial.spec.explain import Problem, explain
from fairtrial.spec.layout import factors_with_places
from fairtrial.spec.shape import Shape
from fairtrial.spec.source import Source


def check_values(source: Source, study: Study, parameters: type[BaseModel], shape: Shape) -> None:
    """Resolve every level of every arm. Raises SpecError at one that the system refuses, or that changes nothing."""
    active: set[str] = set()
    conditional: dict[str, Factor] = {}
    for variant in study.variants:
        check = _Check(source, study, Arm(parameters, study.base, variant, study.all_factors(variant)), shape)
        for at, factor in factors_with_places(study, variant):
            conditional[at] = factor
            if check.factor(at, factor):
                active.add(at)
        check.includes()
    for at, factor in conditional.items():
        if at not in active and all(other.levels is not None for other in conditional.values()):
            raise source.error(at, f"no level of another factor makes {factor.when.text!r} true", at=f"{at}.when")  # type: ignore[union-attr]


class _Check:
    """The checks of one arm."""

    def __init__(self, source: Source, study: Study, arm: Arm, shape: Shape) -> None:
        self._source, self._study, self._arm, self._shape = source, study, arm, shape
        self._choice = self._start()

    def _start(self) -> Choice:
        try:
            return self._arm.valid()
        except Refused as refused:
            raise self._refusal(refused) from refused
        except UserError as problem:
            raise self._source.error("factors", problem.message) from problem

    def factor(self, at: str, factor: Factor) -> bool:
        """Check a factor's levels; return whether it exists in this arm at all."""
        choice = self._arm.where_active(factor, self._choice)
        if choice is None:
            return False
        seen: dict[str, int] = {}
        encode = json.JSONEncoder(sort_keys=True).encode
        for index, outcome in self._outcomes(at, factor, choice):
            made = encode(outcome)
            if made in seen:
                raise self._inert(at, factor, seen[made], index)
            seen[made] = index
        if factor.before is not ABSENT:
            self._before(at, factor, choice)
        return True

    def _outcomes(self, at: str, factor: Factor, choice: Choice) -> Iterator[tuple[int, Any]]:
        made = self._arm.outcomes(factor, choice)
        for index in range(len(samples(factor))):
            try:
                yield next(made)
            except Refused as refused:
                raise self._refusal(refused, _Level(at, factor, index)) from refused

    def _inert(self, at: str, factor: Factor, first: int, second: int) -> SpecError:
        one, two = (_shown(samples(factor)[index]) for index in (first, second))
        message = f"levels {one} and {two} are one to the system: the resolved parameters are the same"
        return self._source.error(at, message, "remove one of them", at=_level_place(self._source, at, factor, second))

    def _before(self, at: str, factor: Factor, choice: Choice) -> None:
        """What held before the factor existed is what the parameters say without it."""
        path = factor.paths[0]
        assignment = self._arm.assignment(choice)
        without = {key: value for key, value in assignment.items() if key != path}
        place = f"{at}.before"
        try:
            then = self._arm.resolve({**assignment, path: factor.before})
        except Refused as refused:
            problem = self._explain(refused)
            raise self._source.error(place, f"{factor.before!r}: {problem.message}", problem.hint) from refused
        try:
            unset = self._arm.resolve(without)
        except Refused:  # a new parameter that the system cannot do without: nothing says what it was
            return
        held = paths.get(unset, path, ABSENT)
        if held is not ABSENT and json.dumps(then, sort_keys=True) != json.dumps(unset, sort_keys=True):
            raise self._source.error(place, f"{factor.before!r}, but without the factor {path} is {held!r}")

    def includes(self) -> None:
        """Check the included conditions of this arm."""
        for index, include in enumerate(self._study.include):
            if include.variant != self._arm.variant.name:
                continue
            try:
                self._arm.resolve(include.assignment)
            except Refused as refused:
                found = self._explain(refused)
                message = f"{found.path}: {found.message}"
                path = next((path for path in include.assignment if _covers(path, found.path)), "")
                at = f"include.{index}"
                raise self._source.error(at, message, found.hint, at=f"{at}.{path}") from refused

    def _explain(self, refused: Refused) -> Problem:
        if isinstance(refused.cause, ValidationError):
            return explain(refused.cause, refused.tree, self._shape, "parameter")
        return Problem("", refused.cause.message, refused.cause.hint)

    def _refusal(self, refused: Refused, level: _Level | None = None) -> SpecError:
        """Find what said the value that was refused: a level, a variant's setting, or the base."""
        problem = self._explain(refused)
        level = self._said_by_level(problem.path, level)
        if level is not None:
            at = level.at
            value = _shown(samples(level.factor)[level.index])
            line = _level_place(self._source, at, level.factor, level.index)
            return self._source.error(at, f"level {value}: {problem.message}", problem.hint, at=line)
        for path in self._arm.variant.set:
            if _covers(path, problem.path):
                at = f"variants.{self._arm.variant.name}.set.{path}"
                return self._source.error(at, problem.message, problem.hint)
        return self._source.error(f"base.{problem.path}".rstrip("."), problem.message, problem.hint)

    def _said_by_level(self, path: str, level: _Level | None) -> _Level | None:
        """Return the level that was tried, unless the error is about another factor: then that one's first level."""
        if level is not None and (not path or any(_related(own, path) for own in level.factor.paths)):
            return level
        for at, factor in factors_with_places(self._study, self._arm.variant):
            if any(_covers(own, path) for own in factor.paths):
                return _Level(at, factor, 0)
        return level


class _Level:
    """A level of a factor, and where the factor stands in the document."""

    def __init__(self, at: str, factor: Factor, index: int) -> None:
        self.at, self.factor, self.index = at, factor, index


def _covers(path: str, inner: str) -> bool:
    return inner == path or inner.startswith(f"{path}.")


def _related(path: str, other: str) -> bool:
    return _covers(path, other) or _covers(other, path)


def _shown(level: tuple[Any, ...]) -> str:
    return repr(level[0]) if len(level) == 1 else repr(list(level))


def _level_place(source: Source, at: str, factor: Factor, index: int) -> str:
    """Return the document's path of a level, as it was written."""
    zipped = f"{at}.zip.{factor.paths[0]}"
    written = (f"{at}.{index}", f"{at}.levels.{index}", f"{zipped}.{index}", f"{zipped}.levels.{index}")
    return next((path for path in written if path in source.places), at)
