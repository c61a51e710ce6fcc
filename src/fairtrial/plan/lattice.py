"""A variant's grid, never materialised: cells numbered row-major over its factors, the last fastest."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import prod
from typing import Any

from fairtrial.model.rule import Rule
from fairtrial.model.study import ABSENT
from fairtrial.plan.arm import RESERVED, Arm, same
from fairtrial.plan.rules import Constraint, Digits, Levels, conjuncts, idle

_TAIL = 4096


class Lattice:
    """Cells of an arm; one in which a conditional factor is inactive appears once: with the factor's first level."""

    def __init__(self, arm: Arm, levels: Levels) -> None:
        self.arm, self.levels = arm, levels
        self.radices = tuple(len(rows) for rows in levels)
        self.size = prod(self.radices)
        self.former = tuple(
            tuple(factor.before is not ABSENT and same(row[0], factor.before) for row in rows)
            for factor, rows in zip(arm.factors, levels, strict=True)
        )
        """Factor -> level -> whether it stands for what held before the factor existed."""
        self.varies = any(arm.conditional) or any(map(any, self.former))
        """Not every cell sets every factor."""
        self.canonical = tuple(idle(arm, levels, j) for j, conditional in enumerate(arm.conditional) if conditional)
        self.constraints: tuple[Constraint, ...] = ()
        self.constrain(*self.canonical)
        self._strides = tuple(prod(self.radices[j + 1 :]) for j in range(len(self.radices)))
        # A cell's number is split once; its two halves are looked up.
        cut = next(j for j in range(len(self.radices) + 1) if prod(self.radices[j:]) <= _TAIL)
        self._tails = list(product(*(range(radix) for radix in self.radices[cut:])))
        self._head = lru_cache(maxsize=_TAIL)(lambda cell: _digits(cell, self.radices[:cut]))

    def constrain(self, *constraints: Constraint | None) -> None:
        """Take cells out; None takes out nothing."""
        added = (*self.constraints, *(item for item in constraints if item is not None))
        # What reads only early factors jumps far, so it is asked first.
        self.constraints = tuple(sorted(added, key=lambda item: item.scope[-1:]))

    def digits(self, cell: int) -> tuple[int, ...]:
        """Return the level indices of a cell."""
        head, tail = divmod(cell, len(self._tails))
        return self._head(head) + self._tails[tail]

    def cell(self, digits: Digits) -> int:
        """Return the number of the cell with these level indices."""
        return sum(digit * stride for digit, stride in zip(digits, self._strides, strict=True))

    def values(self, digits: Digits) -> dict[str, Any]:
        """Return path -> value of every factor, active or not."""
        chosen = zip(self.arm.factors, self.levels, digits, strict=True)
        return {path: value for factor, rows, i in chosen for path, value in zip(factor.paths, rows[i], strict=True)}

    def assignment(self, digits: Digits) -> dict[str, Any]:
        """Return path -> value of the active factors, in declared order."""
        values = self.values(digits)
        return self.arm.active(values) if any(self.arm.conditional) else values

    def present(self, digits: Digits) -> tuple[bool, ...]:
        """Say for each factor whether identity knows of it: active, and not as it was before it existed."""
        new = [not rows[i] for rows, i in zip(self.former, digits, strict=True)]
        if not any(self.arm.conditional):
            return tuple(new)
        active = self.assignment(digits)
        return tuple(factor.paths[0] in active and known for factor, known in zip(self.arm.factors, new, strict=True))

    def seek(self, cell: int, replicate: int) -> int:
        """Return the first cell from this one on that is left in; the size where there is none."""
        if not self.constraints:
            return cell
        while cell < self.size:
            digits = self.digits(cell)
            dead = next((item for item in self.constraints if item.dead(digits, replicate)), None)
            if dead is None:
                return cell
            if not dead.scope:
                return self.size
            stride = self._strides[dead.scope[-1]]
            cell = (cell // stride + 1) * stride
        return self.size


def narrow(arm: Arm, only: Rule | None) -> tuple[Levels, list[Rule]]:
    """Return the levels that `only` leaves to each factor, and the parts of it that remain to be asked of each cell.

    A part that reads one factor fixes its levels before anything is enumerated. Raises SpecError for a factor without
    levels.
    """
    levels = []
    for factor in arm.factors:
        if factor.levels is None:
            raise arm.error("an interval needs design random, sobol or lhs", factor=factor, hint="or give it levels")
        levels.append(list(factor.levels))
    rest: list[Rule] = []
    for part in conjuncts(only):
        read = {arm.index[name] for name in part.names if name in arm.index}
        if len(read) == 1 and part.names <= {*arm.index, "variant"}:
            j = read.pop()
            levels[j] = [row for row in levels[j] if part.holds(_alone(arm, j, row))]
            if not arm.conditional[j]:
                continue
        rest.append(part)
    return levels, rest


def never(arm: Arm, part: Rule) -> bool:
    """Say whether a part of `only` leaves an arm nothing: it names what the arm lacks, or is about another variant."""
    if not all(name in arm.index or name in RESERVED for name in part.names):
        return True
    return part.names <= {"variant"} and not part.holds({"variant": arm.name})


def _alone(arm: Arm, j: int, row: tuple[Any, ...]) -> dict[str, Any]:
    return {"variant": arm.name, **dict(zip(arm.factors[j].paths, row, strict=True))}


def _digits(cell: int, radices: tuple[int, ...]) -> tuple[int, ...]:
    digits = []
    for radix in reversed(radices):
        cell, digit = divmod(cell, radix)
        digits.append(digit)
    return tuple(reversed(digits))
