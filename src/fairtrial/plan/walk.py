"""A plan over numbered conditions: positions, digests block by block, trials one by one, counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from hashlib import blake2b

from fairtrial.contract.strategy import Block, Count
from fairtrial.model.identity import DIGEST_BYTES, replicate_seed
from fairtrial.model.rule import Rule
from fairtrial.model.trial import Trial
from fairtrial.plan.cells import Cells
from fairtrial.plan.order import Place, Walk

_CHUNK = 4096
_REMEMBERED = 16_384
"""Conditions kept: a plan is looked through before it is run, and replicates come back to the same ones."""


class Planned:
    """Every replicate of the conditions, in the study's order, at most `limit` of them."""

    def __init__(
        self,
        cells: Cells,
        walk: Walk,
        *,
        system: bytes,
        seed: int,
        replicates: int,
        limit: int | None = None,
        exclude: Sequence[Rule] = (),
        notes: Sequence[str] = (),
        conditions_first: bool = True,
    ) -> None:
        self._cells, self._walk = cells, walk
        self._system, self._replicates, self._limit = system, replicates, limit
        self._exclude, self._notes, self._conditions_first = exclude, notes, conditions_first
        self._condition = lru_cache(maxsize=_REMEMBERED)(cells.condition)
        self._seed = lru_cache(maxsize=_CHUNK)(lambda k: replicate_seed(seed, k))
        self._cursors = [0]
        """Cursor of the walk at the start of each stretch of 4,096 positions, as far as it was walked."""
        self._stretch: tuple[int, list[Place]] = (-1, [])

    def count(self) -> Count:
        """Return how many trials it has."""
        return self._counted

    def blocks(self, size: int = _CHUNK) -> Iterator[Block]:
        """Walk the digests in plan order."""
        position = cursor = 0
        while True:
            places, cursor = self._walk.take(cursor, self._room(position, size))
            if not places:
                return
            yield Block(position, self._digests(places))
            position += len(places)

    def trial(self, position: int) -> Trial:
        """Return the trial at a position. Raises SpecError where it is refused, IndexError past the end."""
        replicate, cell = self._place(position)
        condition, inputs = self._condition(cell)
        return Trial(condition, replicate, self._seed(replicate), self._system, inputs, position)

    def _place(self, position: int) -> Place:
        if position < 0 or not self._room(position, 1):
            raise IndexError(f"the plan has no position {position}")
        if self._walk.dense:
            places, offset = self._walk.take(position, 1)[0], 0
        else:
            stretch, offset = divmod(position, _CHUNK)
            places = self._places(stretch)
        if offset >= len(places):
            raise IndexError(f"the plan has no position {position}")
        return places[offset]

    def _places(self, stretch: int) -> list[Place]:
        """Return the places of a stretch, walking on from the last one whose start is known."""
        if self._stretch[0] != stretch:
            while len(self._cursors) <= stretch:
                self._cursors.append(self._walk.take(self._cursors[-1], _CHUNK)[1])
            self._stretch = stretch, self._walk.take(self._cursors[stretch], _CHUNK)[0]
        return self._stretch[1]

    def _digests(self, places: Sequence[Place]) -> list[bytes]:
        system = self._system
        identities = self._cells.identities([cell for _, cell in places])
        seeds = {k: self._seed(k).to_bytes(8, "little") for k in {k for k, _ in places}}
        return [
            blake2b(system + made + seeds[k], digest_size=DIGEST_BYTES).digest()
            for made, (k, _) in zip(identities, places, strict=True)
        ]

    def _room(self, position: int, size: int) -> int:
        return size if self._limit is None else max(0, min(size, self._limit - position))

    @cached_property
    def _counted(self) -> Count:
        whole = self._cells.count(self._replicates, self._exclude)
        note = "; ".join(note for note in (whole.note, *self._notes) if note)
        counted = replace(whole, note=note)
        if self._limit is None or (whole.trials is not None and whole.trials <= self._limit):
            return counted
        if whole.trials is None:
            reached = sum(len(block.digests) for block in self.blocks())
            return replace(counted, trials=reached, conditions=None)
        conditions = min(self._limit, whole.conditions or 0) if self._conditions_first else None
        return replace(counted, trials=self._limit, conditions=conditions)
