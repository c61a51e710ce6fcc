"""In which order trials run: declared, shuffled within each replicate, or shuffled over all; warm-up and sentinel."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from functools import lru_cache
from random import Random
from typing import Protocol

from fairtrial.contract.strategy import Plan
from fairtrial.errors import SpecError
from fairtrial.model.identity import stream_seed
from fairtrial.model.trial import Trial
from fairtrial.plan.cells import Cells

SHUFFLED = 1 << 16
"""Up to this size a permutation is a uniform shuffle held in memory; above, a keyed network that holds nothing."""
_ROUNDS = 6
_WORD = (1 << 64) - 1

Place = tuple[int, int]
"""(replicate, cell)"""


class Permutation:
    """A bijection of range(size) that follows from a key.

    Large sizes use an alternating Feistel network over the next power of two, and walk its cycles back into range:
    fewer than two steps on average (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002).
    """

    def __init__(self, size: int, key: int) -> None:
        if size > 1 << 64:
            raise SpecError("more than 2**64 trials cannot be shuffled", hint="order: {randomise: none}, or --only")
        self._size = size
        random = Random(key)  # noqa: S311 - an order, not a secret
        if size <= SHUFFLED:
            self._table: list[int] | None = list(range(size))
            random.shuffle(self._table)
            return
        self._table = None
        bits = (size - 1).bit_length()
        self._right_bits = bits - bits // 2
        self._left_mask, self._right_mask = (1 << bits // 2) - 1, (1 << self._right_bits) - 1
        keys = [(random.getrandbits(64), random.getrandbits(64) | 1) for _ in range(_ROUNDS)]
        self._keys = [(*keys[i], *keys[i + 1]) for i in range(0, _ROUNDS, 2)]

    def __call__(self, index: int) -> int:
        """Return where an index goes."""
        if self._table is not None:
            return self._table[index]
        index = self._step(index)
        while index >= self._size:
            index = self._step(index)
        return index

    def _step(self, index: int) -> int:
        left, right = index >> self._right_bits, index & self._right_mask
        for add, times, add_too, times_too in self._keys:
            left ^= (((right + add) * times & _WORD) >> 32) & self._left_mask
            right ^= (((left + add_too) * times_too & _WORD) >> 32) & self._right_mask
        return left << self._right_bits | right


class Walk(Protocol):
    """The places of a plan, in order."""

    dense: bool
    """Every cursor is a place, so position and cursor are the same."""

    def take(self, cursor: int, count: int) -> tuple[list[Place], int]:
        """Return up to `count` places from a cursor on (from 0), and the cursor after them."""


class Declared:
    """Replicate after replicate, cells in declared order; excluded stretches are jumped over."""

    def __init__(self, cells: Cells, replicates: int) -> None:
        self.dense = cells.dense
        self._cells, self._size, self._end = cells, cells.size, cells.size * replicates

    def take(self, cursor: int, count: int) -> tuple[list[Place], int]:
        """Return places from a cursor on, and the cursor after them."""
        if self.dense:
            stop = min(self._end, cursor + count)
            return [divmod(index, self._size) for index in range(cursor, stop)], stop
        places: list[Place] = []
        while cursor < self._end and len(places) < count:
            replicate, cell = divmod(cursor, self._size)
            cell = self._cells.seek(cell, replicate)
            cursor = replicate * self._size + cell
            if cell < self._size:
                places.append((replicate, cell))
                cursor += 1
        return places, cursor


class Shuffled:
    """Cells shuffled within each replicate, or (`over_all`) all places shuffled together."""

    def __init__(self, cells: Cells, replicates: int, *, seed: int, over_all: bool) -> None:
        self.dense = cells.dense
        self._cells, self._size, self._end = cells, cells.size, cells.size * replicates
        self._over_all = over_all
        self._whole = Permutation(self._end, stream_seed(seed, "order")) if over_all else None
        make = lru_cache(maxsize=4)(self._block)
        self._blocks: Callable[[int], Permutation] = make
        self._seed = seed

    def take(self, cursor: int, count: int) -> tuple[list[Place], int]:
        """Return places from a cursor on, and the cursor after them."""
        places: list[Place] = []
        while cursor < self._end and len(places) < count:
            replicate, cell = self._place(cursor)
            if self.dense or self._cells.seek(cell, replicate) == cell:
                places.append((replicate, cell))
            cursor += 1
        return places, cursor

    def _place(self, cursor: int) -> Place:
        if self._whole is not None:
            return divmod(self._whole(cursor), self._size)
        replicate, index = divmod(cursor, self._size)
        return replicate, self._blocks(replicate)(index)

    def _block(self, replicate: int) -> Permutation:
        return Permutation(self._size, stream_seed(self._seed, f"order/{replicate}"))


class Grouped:
    """Another walk, with the trials that share a resource brought together inside each block; held in memory."""

    dense = True

    def __init__(self, walk: Walk, key: Callable[[int], Hashable], *, over_all: bool) -> None:
        places, cursor = walk.take(0, SHUFFLED)
        while True:
            more, cursor = walk.take(cursor, SHUFFLED)
            if not more:
                break
            places += more
        first: dict[Hashable, int] = {}

        def rank(place: Place) -> tuple[int, int]:
            block = 0 if over_all else place[0]
            return block, first.setdefault((block, key(place[1])), len(first))

        self._places = sorted(places, key=rank)

    def take(self, cursor: int, count: int) -> tuple[list[Place], int]:
        """Return places from a cursor on, and the cursor after them."""
        taken = self._places[cursor : cursor + count]
        return taken, cursor + len(taken)


def trials(plan: Plan) -> Iterator[Trial]:
    """Yield the trials of a plan, made one by one."""
    for block in plan.blocks():
        yield from (plan.trial(block.start + i) for i in range(len(block.digests)))


def sentinel(plan: Plan) -> Trial | None:
    """Return the trial that is run again at the end to see drift: the first of the plan; None for an empty plan."""
    return next(trials(plan), None)
