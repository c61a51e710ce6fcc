"""All conditions of a plan, numbered: variant after variant, each a lattice, then those that are listed by hand."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Protocol

from fairtrial.contract.strategy import Count
from fairtrial.errors import SpecError
from fairtrial.model.rule import Rule
from fairtrial.model.trial import Condition
from fairtrial.plan.lattice import Lattice
from fairtrial.plan.resolve import Resolver
from fairtrial.plan.rules import constraint
from fairtrial.plan.size import COUNTED, Size, count
from fairtrial.plan.template import Identities


class Part(Protocol):
    """Some of the conditions, numbered from 0."""

    name: str
    """The variant, '' for those of several."""
    size: int
    dense: bool
    """No cell is taken out."""
    costly: bool
    """Identities are resolved in full, one by one, and may coincide."""

    def seek(self, cell: int, replicate: int) -> int:
        """Return the first cell from this one on that is left in; the size where there is none."""

    def identities(self, cells: Sequence[int]) -> list[bytes]:
        """Return the digests of parameters and inputs of each cell, one after the other."""

    def condition(self, cell: int) -> tuple[Condition, bytes]:
        """Resolve a cell in full: the condition and the digest of its inputs."""

    def count(self, replicates: int) -> Size | None:
        """Count what is left in; None where that is not counted."""

    def excluded(self, rule: Rule, replicates: int) -> int | None:
        """Count the conditions that a rule takes out on its own; None where that is not counted."""


class Grid:
    """A variant's lattice as a part."""

    def __init__(self, lattice: Lattice, resolver: Resolver) -> None:
        self.lattice = lattice
        self.name, self.size = lattice.arm.name, lattice.size
        self.dense = not lattice.constraints
        self._resolver = resolver
        self.made = Identities(lattice, resolver)
        self.costly = self.made.fragments is None
        self._known: dict[int, bytes] = {}

    def seek(self, cell: int, replicate: int) -> int:
        """Return the first cell from this one on that is left in; the size where there is none."""
        return self.lattice.seek(cell, replicate)

    def identities(self, cells: Sequence[int]) -> list[bytes]:
        """Return the digests of parameters and inputs of each cell, one after the other."""
        if not self.costly:
            return self.made.of(cells)
        unknown = [cell for cell in cells if cell not in self._known]
        if len(self._known) + len(unknown) <= COUNTED:
            self._known.update(zip(unknown, self.made.of(unknown), strict=True))
            return [self._known[cell] for cell in cells]
        return self.made.of(cells)

    def condition(self, cell: int) -> tuple[Condition, bytes]:
        """Resolve a cell in full: the condition and the digest of its inputs."""
        return self._resolver.condition(self.lattice.arm, self.lattice.assignment(self.lattice.digits(cell)))

    def count(self, replicates: int) -> Size | None:
        """Count what is left in; None where that is not counted."""
        return count(self.lattice.radices, self.lattice.constraints, replicates)

    def excluded(self, rule: Rule, replicates: int) -> int | None:
        """Count the conditions that a rule takes out on its own; None where that is not counted."""
        only = constraint(self.lattice.arm, self.lattice.levels, rule, keep=True)
        made = (*self.lattice.canonical, *([only] if only else []))
        size = count(self.lattice.radices, made, replicates)
        return None if size is None else size.conditions


class Listed:
    """Conditions that are given one by one, as a part; doubles are dropped."""

    name = ""
    costly = True

    def __init__(
        self,
        conditions: Sequence[tuple[Condition, bytes]],
        *,
        keep: Sequence[Rule] = (),
        exclude: Sequence[Rule] = (),
    ) -> None:
        unique: dict[bytes, tuple[Condition, bytes]] = {}
        for condition, inputs in conditions:
            unique.setdefault(condition.digest + inputs, (condition, inputs))
        self._conditions, self._identities = list(unique.values()), list(unique)
        self._keep, self._exclude = keep, exclude
        self.doubles = len(conditions) - len(self._conditions)
        self.size, self.dense = len(self._conditions), not (keep or exclude)

    def seek(self, cell: int, replicate: int) -> int:
        """Return the first cell from this one on that is left in; the size where there is none."""
        while cell < self.size and not self._alive(cell, replicate):
            cell += 1
        return cell

    def identities(self, cells: Sequence[int]) -> list[bytes]:
        """Return the digests of parameters and inputs of each cell, one after the other."""
        return [self._identities[cell] for cell in cells]

    def condition(self, cell: int) -> tuple[Condition, bytes]:
        """Return a cell's condition and the digest of its inputs."""
        return self._conditions[cell]

    def count(self, replicates: int) -> Size | None:
        """Count what is left in."""
        alive = [sum(self._alive(cell, k) for k in range(replicates)) for cell in range(self.size)]
        return Size(sum(map(bool, alive)), sum(alive))

    def excluded(self, rule: Rule, replicates: int) -> int | None:
        """Say 0: what is listed by hand is never excluded."""
        return 0

    def _alive(self, cell: int, replicate: int) -> bool:
        condition = self._conditions[cell][0]
        values = {"variant": condition.variant, "replicate": replicate, **condition.assignment}
        excluded = any(rule.holds(values) for rule in self._exclude)
        return not excluded and all(rule.holds(values) for rule in self._keep)


class Cells:
    """Every condition of a plan, as consecutive numbers."""

    def __init__(self, parts: Sequence[Part], *, dropped: Mapping[int, int] | None = None) -> None:
        self.parts = [part for part in parts if part.size]
        self.starts = [0, *accumulate(part.size for part in self.parts)]
        self.size = self.starts[-1]
        self._dropped = dropped or {}
        """Doubles of earlier cells, and how many trials each would have had."""
        self.dense = not self._dropped and all(part.dense for part in self.parts)

    def seek(self, cell: int, replicate: int) -> int:
        """Return the first cell from this one on that is left in; the size where there is none."""
        while cell < self.size:
            i = self._part(cell)
            start, part = self.starts[i], self.parts[i]
            found = part.seek(cell - start, replicate)
            if found < part.size and start + found not in self._dropped:
                return start + found
            cell = start + found + (found < part.size)
        return self.size

    def identities(self, cells: Sequence[int]) -> list[bytes]:
        """Return the digests of parameters and inputs of each cell, one after the other."""
        if len(self.parts) == 1:
            return self.parts[0].identities(cells)
        grouped: dict[int, list[int]] = {}
        for cell in cells:
            grouped.setdefault(self._part(cell), []).append(cell)
        found: dict[int, bytes] = {}
        for i, members in grouped.items():
            made = self.parts[i].identities([cell - self.starts[i] for cell in members])
            found.update(zip(members, made, strict=True))
        return [found[cell] for cell in cells]

    def condition(self, cell: int) -> tuple[Condition, bytes]:
        """Resolve a cell in full: the condition and the digest of its inputs. Raises SpecError where it is refused."""
        i = self._part(cell)
        condition, inputs = self.parts[i].condition(cell - self.starts[i])
        if [condition.digest + inputs] != self.identities([cell]):
            raise SpecError(
                f"the parameters of {dict(condition.assignment)} resolve differently each time",
                hint="a default or validator of the system's Parameters is random, or reads what is outside",
            )
        return condition, inputs

    def count(self, replicates: int, exclude: Sequence[Rule] = ()) -> Count:
        """Count conditions and trials, and what each rule takes out on its own."""
        sizes = [part.count(replicates) for part in self.parts]
        known = [size for size in sizes if size is not None]
        complete = len(known) == len(sizes)
        return Count(
            trials=sum(size.trials for size in known) - sum(self._dropped.values()) if complete else None,
            conditions=sum(size.conditions for size in known) - len(self._dropped) if complete else None,
            excluded={rule.text: _total([part.excluded(rule, replicates) for part in self.parts]) for rule in exclude},
            note="" if complete else f"not counted: a rule joins factors with more than {COUNTED} combinations",
        )

    def _part(self, cell: int) -> int:
        return bisect_right(self.starts, cell) - 1


def _total(numbers: Sequence[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None
