"""Identities of conditions from templates with holes: canonical JSON made of fragments that were resolved once.

The bytes are those of resolving each condition in full; where they could not be, that is what is done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from fairtrial.model import path as tree
from fairtrial.model.identity import DIGEST_BYTES, canonical_json
from fairtrial.model.study import ABSENT
from fairtrial.plan.lattice import Lattice
from fairtrial.plan.resolve import Resolver
from fairtrial.plan.separable import separable

LOOKED_AT = 4096
"""Levels of a factor of which it is looked at, too, that they change nothing else; with more levels, evenly among them.
The parameters' schema has said so already (`separable`), and a trial that is made is compared with its digest."""

Fragments = list[list[tuple[bytes, ...]]]
"""Factor -> level -> canonical JSON of the resolved value at each of the factor's paths."""


class Template:
    """Canonical JSON split at holes: `head`, then for each hole the factor and its fragments with what follows them."""

    __slots__ = ("_head", "_slots")

    def __init__(self, identity: Any, paths: Mapping[str, tuple[int, int]], fragments: Fragments) -> None:
        """Split at the paths (-> factor, index of the path in it). Raises KeyError where a path is not there."""
        held = identity
        for path in paths:
            if tree.get(identity, path, ABSENT) is ABSENT:
                raise KeyError(path)
            held = tree.put(held, path, f"\0{path}\0")
        text = canonical_json(held)
        marks = {path: canonical_json(f"\0{path}\0") for path in paths}
        if any(text.count(mark) != 1 for mark in marks.values()):
            raise KeyError("a value looks like a hole")
        ordered = sorted(paths, key=lambda path: text.index(marks[path]))
        self._slots: list[tuple[int, list[bytes]]] = []
        self._head, *follows = _split(text, [marks[path] for path in ordered])
        for path, follow in zip(ordered, follows, strict=True):
            j, place = paths[path]
            self._slots.append((j, [level[place] + follow for level in fragments[j]]))

    def digests(self, rows: Sequence[Sequence[int]], tail: bytes) -> list[bytes]:
        """Digest the conditions whose level indices are the rows, each followed by `tail`."""
        head, slots = self._head, self._slots
        return [
            blake2b(head + b"".join([table[row[j]] for j, table in slots]), digest_size=DIGEST_BYTES).digest() + tail
            for row in rows
        ]


class Identities:
    """Identities of a lattice's cells: the digests of parameters and of inputs, one after the other."""

    def __init__(self, lattice: Lattice, resolver: Resolver) -> None:
        self._lattice, self._resolver = lattice, resolver
        self._templates: dict[tuple[bool, ...], Template | None] = {}
        self._all = (True,) * len(lattice.radices)
        self._inputs = b"" if resolver.reads_inputs else resolver.inputs(None)
        self._sample = lattice.values([row.index(False) if False in row else 0 for row in lattice.former])
        self.fragments = None if resolver.reads_inputs else self._fragments()
        """None where factors do not leave each other alone: every condition is resolved in full."""

    def of(self, cells: Sequence[int]) -> list[bytes]:
        """Return the identity of each cell. Raises SpecError where the system refuses one that is resolved in full."""
        lattice = self._lattice
        if self.fragments is None:
            return [self._full(cell) for cell in cells]
        template = None if lattice.varies else self._template(self._all)
        if template is not None:
            return template.digests(list(map(lattice.digits, cells)), self._inputs)
        return [self._one(cell) for cell in cells]

    def present(self, present: Sequence[bool]) -> Any:
        """Return the identity (nested JSON) of a condition in which exactly these factors are set or not as before."""
        arm, index = self._lattice.arm, self._lattice.arm.index
        assignment = {path: value for path, value in self._sample.items() if present[index[path]]}
        for j, factor in enumerate(arm.factors):
            if not present[j] and any(self._lattice.former[j]):
                assignment[factor.paths[0]] = factor.before
        return self._resolver.identity(arm, assignment)

    def _full(self, cell: int) -> bytes:
        lattice = self._lattice
        condition, inputs = self._resolver.condition(lattice.arm, lattice.assignment(lattice.digits(cell)))
        return condition.digest + inputs

    def _one(self, cell: int) -> bytes:
        digits = self._lattice.digits(cell)
        template = self._template(self._lattice.present(digits))
        return self._full(cell) if template is None else template.digests([digits], self._inputs)[0]

    def _template(self, present: tuple[bool, ...]) -> Template | None:
        """Return the template of the conditions in which exactly these factors are present; None without one."""
        if present not in self._templates:
            assert self.fragments is not None
            factors = enumerate(self._lattice.arm.factors)
            holes = {path: (j, place) for j, factor in factors if present[j] for place, path in enumerate(factor.paths)}
            try:
                self._templates[present] = Template(self.present(present), holes, self.fragments)
            except KeyError:
                self._templates[present] = None
        return self._templates[present]

    def _fragments(self) -> Fragments | None:
        """Resolve each level once, beside a sample of the others; None where that is not enough."""
        lattice = self._lattice
        factors = lattice.arm.factors
        if not separable(self._resolver.system.Parameters, [factor.paths for factor in factors]):
            return None
        base = self._resolver.settled(lattice.arm, self._sample)
        found: Fragments = []
        for factor, rows in zip(factors, lattice.levels, strict=True):
            rest = _rest(base, factor.paths)
            every = max(1, len(rows) // LOOKED_AT)
            made = (
                [self._level(factor.paths, row, None if at % every else rest) for at, row in enumerate(rows)]
                if rest is not None
                else [None]
            )
            kept = [row for row in made if row is not None]
            if len(kept) < len(made):
                return None
            found.append(kept)
        return found

    def _level(self, paths: Sequence[str], row: Sequence[Any], rest: bytes | None) -> tuple[bytes, ...] | None:
        """Return the fragments of a level; None where it changes anything outside the paths of its factor.

        `rest` is what stands outside them; None: not looked at.
        """
        values = {**self._sample, **dict(zip(paths, row, strict=True))}
        resolved = self._resolver.settled(self._lattice.arm, values)
        if rest is not None and _rest(resolved, paths) != rest:
            return None
        return tuple(canonical_json(tree.get(resolved, path)) for path in paths)


def _rest(identity: Any, paths: Sequence[str]) -> bytes | None:
    """Return the canonical JSON of everything outside the paths; None where a path is not there."""
    for path in paths:
        if tree.get(identity, path, ABSENT) is ABSENT:
            return None
        identity = tree.put(identity, path, None)
    return canonical_json(identity)


def _split(text: bytes, marks: Sequence[bytes]) -> list[bytes]:
    """Split at each mark, in order."""
    pieces = []
    for mark in marks:
        piece, _, text = text.partition(mark)
        pieces.append(piece)
    return [*pieces, text]
