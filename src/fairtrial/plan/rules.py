"""What takes cells out of a grid: rules that exclude or keep, and the doubles of inactive factors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Any

from fairtrial.model.rule import Rule
from fairtrial.plan.arm import RESERVED, Arm

REMEMBERED = 1 << 16
"""A rule's answers are kept where it tells apart at most this many combinations of levels."""

Digits = Sequence[int]
"""Level index of each factor."""
Levels = Sequence[Sequence[tuple[Any, ...]]]
"""Factor -> level -> the values that it gives to the factor's paths."""


class Constraint:
    """Takes cells out, reading some of the factors and perhaps the replicate."""

    def __init__(
        self, scope: tuple[int, ...], dead: Callable[[Digits, int], bool], *, reads_replicate: bool, cells: int
    ) -> None:
        self.scope = scope
        """Indices of the factors that it reads, ascending."""
        self.reads_replicate = reads_replicate
        self._dead = dead
        self._known: dict[tuple[int, ...], bool] | None = {} if cells <= REMEMBERED else None

    def dead(self, digits: Digits, replicate: int) -> bool:
        """Say whether it takes out the cells with these level indices (only those of its scope are read)."""
        if self._known is None:
            return self._dead(digits, replicate)
        key = (*[digits[j] for j in self.scope], replicate if self.reads_replicate else 0)
        answer = self._known.get(key)
        if answer is None:
            answer = self._known[key] = self._dead(digits, replicate)
        return answer


def constraint(arm: Arm, levels: Levels, rule: Rule, *, keep: bool) -> Constraint | None:
    """Make a constraint that keeps the cells where a rule holds, or takes them out; None where it takes out nothing.

    A rule that names what the arm lacks holds nowhere.
    """
    scope = arm.reads(rule.names)
    if not all(name in arm.index or name in RESERVED for name in rule.names):
        return Constraint((), lambda digits, replicate: True, reads_replicate=False, cells=1) if keep else None

    read = _reader(arm, levels, rule, scope)

    def dead(digits: Digits, replicate: int) -> bool:
        values = read(digits)
        values["replicate"] = replicate
        return rule.holds(values) is not keep

    return _made(levels, scope, dead, reads_replicate="replicate" in rule.names)


def idle(arm: Arm, levels: Levels, j: int) -> Constraint:
    """Make a constraint that keeps, of the cells that differ in an inactive factor only, that of its first level."""
    path = arm.factors[j].paths[0]
    scope = arm.reads((path,))

    def dead(digits: Digits, replicate: int) -> bool:
        return digits[j] > 0 and path not in _known(arm, levels, digits, scope)

    return _made(levels, scope, dead, reads_replicate=False)


def conjuncts(rule: Rule | None) -> list[Rule]:
    """List the rules that `and` joins in a rule; the rule itself where there are none."""
    if rule is None:
        return []
    return [found for part in rule.parts for found in conjuncts(part)] or [rule]


def _reader(arm: Arm, levels: Levels, rule: Rule, scope: Sequence[int]) -> Callable[[Digits], dict[str, Any]]:
    """Return what looks up the values that a rule reads; without conditional factors nothing else is looked at."""
    if any(arm.conditional[j] for j in scope):
        return lambda digits: _known(arm, levels, digits, scope)
    columns = [
        (path, j, [row[place] for row in levels[j]])
        for j in scope
        for place, path in enumerate(arm.factors[j].paths)
        if path in rule.names
    ]

    def read(digits: Digits) -> dict[str, Any]:
        values = {path: column[digits[j]] for path, j, column in columns}
        values["variant"] = arm.name
        return values

    return read


def _known(arm: Arm, levels: Levels, digits: Digits, scope: Iterable[int]) -> dict[str, Any]:
    wanted = set(scope)
    return arm.known((j, levels[j][digits[j]]) for j in arm.order if j in wanted)


def _made(
    levels: Levels, scope: tuple[int, ...], dead: Callable[[Digits, int], bool], *, reads_replicate: bool
) -> Constraint:
    cells = prod(len(levels[j]) for j in scope)
    return Constraint(scope, dead, reads_replicate=reads_replicate, cells=cells)
