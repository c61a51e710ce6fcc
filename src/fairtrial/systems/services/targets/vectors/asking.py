"""The requests to a vector store, whichever it is: queries from a pool with their truth, and batches of new vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np

from fairtrial.systems.services.target import Request
from fairtrial.systems.services.targets.vectors.neighbours import Data, arriving, data, questions, truth
from fairtrial.systems.services.targets.vectors.words import Vectors

Ask = Callable[[np.ndarray, frozenset[int] | None], Any]
"""Makes a query of a vector and the ids of its true neighbours (None: not known)."""
Add = Callable[[int, range, np.ndarray], Any]
"""Makes an ingest of a client's number, the numbers of its vectors (none twice), and the vectors."""


class Asking:
    """All requests of one workload. The vectors and the pool of queries are made once, when they are first needed."""

    def __init__(self, words: Vectors, *, ask: Ask, add: Add) -> None:
        self._words, self._ask, self._add = words, ask, add
        self._pool: tuple[int, list[Request]] | None = None

    @cached_property
    def data(self) -> Data:
        """The vectors that queries are asked of."""
        return data(self._words)

    def requests(self, client: int, seed: int) -> Iterator[Request]:
        """Return the endless requests of one virtual user; what is expensive is made before this returns."""
        rng = np.random.default_rng([seed, 3, client])
        if self._words.operation == "ingest":
            return self._added(client, seed, op=0)
        asked = _shuffled(self.pool(seed), rng)
        if self._words.operation != "mix":
            return asked
        return _mixed(asked, self._added(client, seed, op=1), share=self._words.ingest_share, rng=rng)

    def pool(self, seed: int) -> list[Request]:
        """Return the different queries of a trial with their true neighbours, which are found here once a seed."""
        if self._pool is None or self._pool[0] != seed:
            vectors = questions(self._words, self.data, seed)
            unknown = self._words.operation == "mix"  # new vectors arrive meanwhile
            known = [None] * len(vectors) if unknown else truth(self._words, self.data, vectors)
            self._pool = seed, [(0, self._ask(*pair)) for pair in zip(vectors, known, strict=True)]
        return self._pool[1]

    def _added(self, client: int, seed: int, *, op: int) -> Iterator[Request]:
        number = 0
        for vectors in arriving(self._words, self.data, seed, client):
            yield op, self._add(client, range(number, number + len(vectors)), vectors)
            number += len(vectors)


def _shuffled(pool: list[Request], rng: np.random.Generator) -> Iterator[Request]:
    while True:
        for index in rng.permutation(len(pool)).tolist():
            yield pool[index]


def _mixed(
    asked: Iterator[Request], added: Iterator[Request], *, share: float, rng: np.random.Generator
) -> Iterator[Request]:
    while True:
        for adds in (rng.random(256) < share).tolist():
            yield next(added if adds else asked)
