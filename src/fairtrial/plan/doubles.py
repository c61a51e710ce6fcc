"""Conditions with the same parameters: levels and variants that change nothing are refused, other doubles dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, combinations, product
from typing import Any

from fairtrial.errors import SpecError
from fairtrial.model import path as tree
from fairtrial.model.identity import canonical_json
from fairtrial.model.study import ABSENT
from fairtrial.plan.cells import Grid

LOOKED = 1_000_000
"""Doubles are looked for up to this many conditions; one that has to be resolved in full counts as ten."""
_COSTLY = 10


@dataclass(frozen=True, slots=True)
class Doubles:
    """What was found."""

    dropped: Mapping[int, int] = field(default_factory=dict)
    """Cell (the grids one after the other) -> trials that it would have had."""
    identities: frozenset[bytes] = frozenset()
    """Of every condition, where all of them were looked at."""
    note: str = ""


def refuse_inert(grid: Grid) -> None:
    """Raise SpecError where two levels of a factor give the same parameters, or `before` is not what would hold."""
    fragments = grid.made.fragments
    if fragments is None:
        return
    for j, factor in enumerate(grid.lattice.arm.factors):
        first: dict[tuple[bytes, ...], int] = {}
        for i, row in enumerate(fragments[j]):
            if first.setdefault(row, i) != i:
                raise _same_levels(grid, j, first[row], i)
        if any(grid.lattice.former[j]):
            _check_before(grid, j, factor.paths[0])


def find_doubles(grids: Sequence[Grid], replicates: int) -> Doubles:
    """Find the conditions that an earlier one equals; nothing is enumerated where there can be none.

    Raises SpecError where a variant or a level changes nothing at all.
    """
    sharing = any(grid.costly for grid in grids) or any(_may_share(*pair) for pair in combinations(grids, 2))
    if not sharing:
        return Doubles()
    if sum(grid.size * (_COSTLY if grid.costly else 1) for grid in grids) > LOOKED:
        return Doubles(note="too many conditions to look for those with the same parameters")
    return _Search(grids, replicates).doubles()


def contains(grid: Grid, identity: Any, digest: bytes, replicates: int) -> bool:
    """Say whether a grid whose factors leave each other alone has a condition that is left in with this identity."""
    return any(
        grid.identities([cell]) == [digest]
        and any(grid.seek(cell, k) == cell for k in range(replicates if _by_replicate(grid) else 1))
        for cell in map(grid.lattice.cell, product(*_candidates(grid, identity)))
    )


def _candidates(grid: Grid, identity: Any) -> list[set[int]]:
    """List for each factor the levels that an identity may have: the one that it shows, and one that sets nothing."""
    fragments, lattice = grid.made.fragments, grid.lattice
    assert fragments is not None
    found = []
    for j, factor in enumerate(lattice.arm.factors):
        shown = tuple(canonical_json(tree.get(identity, path)) for path in factor.paths)
        levels = {fragments[j].index(shown)} if shown in fragments[j] else set()
        levels |= {i for i, former in enumerate(lattice.former[j]) if former}
        found.append(levels | {0} if lattice.arm.conditional[j] else levels)
    return found


class _Search:
    """One pass over every condition of the grids."""

    def __init__(self, grids: Sequence[Grid], replicates: int) -> None:
        self._grids, self._replicates = grids, replicates
        self._starts = [0, *accumulate(grid.size for grid in grids)]
        self._seen: dict[bytes, tuple[int, int]] = {}
        """Identity -> the first (grid, cell) with it."""
        self._dropped: dict[int, int] = {}

    def doubles(self) -> Doubles:
        """Look at all of them, in declared order."""
        for i in range(len(self._grids)):
            self._look(i)
        note = f"{len(self._dropped)} conditions have the parameters of an earlier one and are dropped"
        return Doubles(self._dropped, frozenset(self._seen), note if self._dropped else "")

    def _look(self, i: int) -> None:
        grid = self._grids[i]
        trials = dict(_alive(grid, self._replicates))
        made = dict(zip(trials, grid.identities(list(trials)), strict=True))
        doubles = {cell: first for cell in made if (first := self._seen.setdefault(made[cell], (i, cell))) != (i, cell)}
        self._dropped.update({self._starts[i] + cell: trials[cell] for cell in doubles})
        self._refuse_variant(i, made, doubles)
        _refuse_level(grid, made, {cell: first for cell, (owner, first) in doubles.items() if owner == i})

    def _refuse_variant(self, i: int, made: Mapping[int, bytes], doubles: Mapping[int, tuple[int, int]]) -> None:
        others = {self._grids[owner].name for owner, _ in doubles.values() if owner != i}
        if made and others and len(doubles) == len(made):
            names = " and ".join(repr(name) for name in sorted(others))
            raise self._grids[i].lattice.arm.error(
                f"it changes nothing: each of its conditions has the parameters of one of {names}",
                hint="give it other settings, or exclude those conditions in the other variant",
            )


def _refuse_level(grid: Grid, made: Mapping[int, bytes], doubles: Mapping[int, int]) -> None:
    """Raise SpecError where a level of a factor equals another in every condition."""
    lattice = grid.lattice
    pairs = set()
    for cell, first in doubles.items():
        differing = [
            j for j, (a, b) in enumerate(zip(lattice.digits(first), lattice.digits(cell), strict=True)) if a != b
        ]
        if len(differing) == 1:
            j = differing[0]
            pairs.add((j, lattice.digits(first)[j], lattice.digits(cell)[j]))
    for j, kept, level in sorted(pairs):
        members = [list(lattice.digits(cell)) for cell in made if lattice.digits(cell)[j] == level]
        twins = [lattice.cell([*digits[:j], kept, *digits[j + 1 :]]) for digits in members]
        if all(made.get(twin) == made[lattice.cell(digits)] for twin, digits in zip(twins, members, strict=True)):
            raise _same_levels(grid, j, kept, level)


def _same_levels(grid: Grid, j: int, kept: int, level: int) -> SpecError:
    arm, rows = grid.lattice.arm, grid.lattice.levels[j]
    shown = [row[0] if len(row) == 1 else list(row) for row in (rows[kept], rows[level])]
    return arm.error(
        f"levels {shown[0]!r} and {shown[1]!r} give the same parameters",
        factor=arm.factors[j],
        hint="a factor must change what runs: drop one of them",
    )


def _check_before(grid: Grid, j: int, path: str) -> None:
    """Raise SpecError where the system takes another value than `before` for a factor that is not set."""
    lattice, fragments = grid.lattice, grid.made.fragments
    assert fragments is not None
    held = tree.get(grid.made.present([i != j for i in range(len(lattice.radices))]), path, ABSENT)
    if held is ABSENT or held is None:
        return
    if (canonical_json(held),) != fragments[j][lattice.former[j].index(True)]:
        factor = lattice.arm.factors[j]
        raise lattice.arm.error(f"before is {factor.before!r}, but without the factor it is {held!r}", factor=factor)


def _may_share(left: Grid, right: Grid) -> bool:
    """Say whether two grids can have a condition in common; True where that is not plain."""
    if left.costly or right.costly or left.lattice.varies or right.lattice.varies:
        return True
    paths = sorted({*left.lattice.arm.index, *right.lattice.arm.index})
    if any(long.startswith(f"{short}.") for short, long in combinations(paths, 2)):
        return True
    mine, other = (grid.made.present([True] * len(grid.lattice.radices)) for grid in (left, right))
    if any(not _values(left, mine, path) & _values(right, other, path) for path in paths):
        return False
    return _outside(mine, paths) == _outside(other, paths)


def _values(grid: Grid, identity: Any, path: str) -> set[bytes]:
    """Return what a grid has at a path, as canonical JSON; b'' for nothing."""
    arm, fragments = grid.lattice.arm, grid.made.fragments
    j = arm.index.get(path)
    if j is None or fragments is None:
        value = tree.get(identity, path, ABSENT)
        return {b"" if value is ABSENT else canonical_json(value)}
    place = arm.factors[j].paths.index(path)
    return {row[place] for row in fragments[j]}


def _outside(identity: Any, paths: Sequence[str]) -> bytes:
    for path in paths:
        if tree.get(identity, path, ABSENT) is not ABSENT:
            identity = tree.put(identity, path, None)
    return canonical_json(identity)


def _by_replicate(grid: Grid) -> bool:
    return any(item.reads_replicate for item in grid.lattice.constraints)


def _alive(grid: Grid, replicates: int) -> list[tuple[int, int]]:
    """List the cells that are left in, and how many trials each has."""
    if not _by_replicate(grid):
        return [(cell, replicates) for cell in _left_in(grid, 0)]
    return sorted(Counter(cell for k in range(replicates) for cell in _left_in(grid, k)).items())


def _left_in(grid: Grid, replicate: int) -> Iterator[int]:
    cell = grid.seek(0, replicate)
    while cell < grid.size:
        yield cell
        cell = grid.seek(cell + 1, replicate)
