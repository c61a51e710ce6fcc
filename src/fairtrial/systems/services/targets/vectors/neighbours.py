"""Vectors in clusters, queries among them, and their exact nearest neighbours by brute force."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fairtrial.systems.services.targets.vectors.words import Vectors

BLOCK = 8192
"""Vectors that are compared at once, so that memory stays small."""


@dataclass(frozen=True, slots=True)
class Data:
    """The vectors of a workload: the same for the same parameters, in every process."""

    base: np.ndarray
    """float32, (vectors, dimension): row i has the id i."""
    chosen: np.ndarray
    """bool, (vectors,): what the filter lets through."""
    centres: np.ndarray
    """float32, (clusters, dimension); empty without clusters."""
    spread: float


def data(words: Vectors) -> Data:
    """Make the vectors of these parameters."""
    rng = np.random.default_rng([words.data_seed, words.vectors, words.dimension, words.clusters])
    centres = rng.standard_normal((words.clusters, words.dimension), dtype=np.float32)
    chosen = np.zeros(words.vectors, bool)
    chosen[rng.permutation(words.vectors)[: round(words.vectors * words.filter_share)]] = True
    return Data(draw(words.vectors, centres, words, rng), chosen, centres, words.spread)


def draw(count: int, centres: np.ndarray, words: Vectors, rng: np.random.Generator) -> np.ndarray:
    """Draw vectors (float32, (count, dimension)) around these centres; standard normal where there are none."""
    noise = rng.standard_normal((count, words.dimension), dtype=np.float32)
    if not len(centres):
        return noise
    return np.asarray(centres[rng.integers(len(centres), size=count)] + np.float32(words.spread) * noise)


def questions(words: Vectors, known: Data, seed: int) -> np.ndarray:
    """Draw the query vectors of a trial (float32, (queries, dimension)) from where the data come from."""
    return draw(words.queries, known.centres, words, np.random.default_rng([seed, 1]))


def arriving(words: Vectors, known: Data, seed: int, client: int) -> Iterator[np.ndarray]:
    """Yield batches (float32, (batch, dimension)) of vectors that a client adds, endlessly, no two the same.

    Few are drawn anew, for time: a batch is one of a small stock, moved a little as a whole.
    """
    rng = np.random.default_rng([seed, 2, client])
    stock = [draw(words.batch, known.centres, words, rng) for _ in range(16)]
    while True:
        for rows in stock:
            yield rows + np.float32(words.spread) * rng.standard_normal(words.dimension, dtype=np.float32)


def exact(base: np.ndarray, queries: np.ndarray, *, k: int, space: str) -> np.ndarray:
    """Return the rows of `base` nearest to each query (int64, (queries, min(k, rows))), nearest first.

    Every distance is computed, in float64: squared Euclidean (l2), one minus cosine (cosine), minus the inner product
    (ip).
    """
    rows, far = np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0))
    asked = _scaled(queries, space)
    for start in range(0, len(base), BLOCK):
        block = _scaled(base[start : start + BLOCK], space)
        far = np.hstack([far, _distances(block, asked, space)])
        rows = np.hstack([rows, np.broadcast_to(np.arange(start, start + len(block)), (len(asked), len(block)))])
        near = np.argsort(far, axis=1, kind="stable")[:, :k]
        rows, far = np.take_along_axis(rows, near, axis=1), np.take_along_axis(far, near, axis=1)
    return rows


def _scaled(vectors: np.ndarray, space: str) -> np.ndarray:
    wide = vectors.astype(np.float64)
    return wide / np.linalg.norm(wide, axis=1, keepdims=True) if space == "cosine" else wide


def _distances(block: np.ndarray, queries: np.ndarray, space: str) -> np.ndarray:
    """Return what orders by distance (float64, (queries, block)); the query's own length is left out."""
    inner = queries @ block.T
    return np.asarray((block**2).sum(axis=1) - 2 * inner if space == "l2" else -inner)


def truth(words: Vectors, known: Data, queries: np.ndarray) -> list[frozenset[int]]:
    """Return the ids of each query's exact neighbours, among what the filter lets through where it is filtered."""
    allowed = np.flatnonzero(known.chosen) if words.operation == "filtered" else np.arange(len(known.base))
    found = allowed[exact(known.base[allowed], queries, k=words.top_k, space=words.space)]
    return [frozenset(row) for row in found.tolist()]
