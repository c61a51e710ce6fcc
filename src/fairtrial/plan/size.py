"""How many cells of a grid are left in, by arithmetic: only factors that a rule joins are enumerated together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from fairtrial.plan.rules import Constraint

COUNTED = 1_000_000
"""Factors that rules join are enumerated up to this many combinations; above, the grid is not counted."""


@dataclass(frozen=True, slots=True)
class Size:
    """What is left in: conditions with at least one trial, and trials."""

    conditions: int
    trials: int


def count(radices: Sequence[int], constraints: Sequence[Constraint], replicates: int) -> Size | None:
    """Count the cells that no constraint takes out; None where too many would have to be enumerated."""
    conditions, trials = 1, 1
    by_replicate = False
    for digits, joined in _components(radices, constraints):
        reads_replicate = any(item.reads_replicate for item in joined)
        by_replicate = by_replicate or reads_replicate
        alive = tuple(range(replicates)) if reads_replicate else (0,)
        if not joined:
            part = Size(prod(radices[j] for j in digits), prod(radices[j] for j in digits))
        elif prod(radices[j] for j in digits) * len(alive) > COUNTED:
            return None
        else:
            part = _Enumeration(radices, digits, joined).count(0, alive)
        conditions, trials = conditions * part.conditions, trials * part.trials
    return Size(conditions, trials if by_replicate else trials * replicates)


def _components(radices: Sequence[int], constraints: Sequence[Constraint]) -> list[tuple[list[int], list[Constraint]]]:
    """Split the factors into sets that no constraint joins; all that read the replicate are joined by it."""
    label = list(range(len(radices) + 1))
    for item in constraints:
        members = [*item.scope, *([len(radices)] if item.reads_replicate else [])]
        old = {label[j] for j in members}
        label = [min(old) if name in old else name for name in label]
    found = []
    for name in sorted(set(label)):
        digits = [j for j in range(len(radices)) if label[j] == name]
        here = {*digits, len(radices)} if label[-1] == name else set(digits)
        joined = [item for item in constraints if _place(item, len(radices)) in here]
        if digits or joined:
            found.append((digits, joined))
    without_scope = [item for item in constraints if not item.scope and not item.reads_replicate]
    return [*found, ([], without_scope)] if without_scope else found


def _place(item: Constraint, replicate: int) -> int | None:
    if item.scope:
        return item.scope[0]
    return replicate if item.reads_replicate else None


class _Enumeration:
    """Depth first over some factors; a branch ends where a constraint takes it out, or where none is left to ask."""

    def __init__(self, radices: Sequence[int], digits: Sequence[int], constraints: Sequence[Constraint]) -> None:
        self._digits, self._radices = digits, [radices[j] for j in digits]
        self._chosen = [0] * len(radices)
        self._ending: list[list[Constraint]] = [[] for _ in range(len(digits) + 1)]
        for item in constraints:
            self._ending[digits.index(item.scope[-1]) + 1 if item.scope else 0].append(item)

    def count(self, depth: int, alive: Sequence[int]) -> Size:
        """Count below the levels chosen so far, for the replicates that are alive."""
        dead = self._ending[depth]
        alive = [k for k in alive if not any(item.dead(self._chosen, k) for item in dead)] if dead else alive
        if not alive:
            return Size(0, 0)
        if not any(self._ending[depth + 1 :]):
            cells = prod(self._radices[depth:])
            return Size(cells, cells * len(alive))
        conditions = trials = 0
        for digit in range(self._radices[depth]):
            self._chosen[self._digits[depth]] = digit
            below = self.count(depth + 1, alive)
            conditions, trials = conditions + below.conditions, trials + below.trials
        return Size(conditions, trials)
