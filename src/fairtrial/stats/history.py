"""Change points in a long series of values: advisory, never a verdict.

Runs are taken as independent of each other. Where neighbours are correlated (a machine that warms for days) changes are
found where there is only wandering: in one of eight series of 30 at a correlation of 0.6, alpha being 0.001.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.stats.resample import permutation_p
from fairtrial.stats.summary import Floats

LEAST = 3
"""Values on each side of a change."""
BATCH = 100
"""Permutations whose matrices are held at once."""


@dataclass(frozen=True, slots=True)
class Split:
    """A change between two neighbours of a series."""

    place: int
    """Index of the first value after it."""
    p: float


def splits(values: Sequence[float], *, alpha: float, repeats: int, rng: np.random.Generator) -> list[Split]:
    """Return the changes of a series, in its order, the first found having the least p.

    E-divisive: where the energy distance between what lies before and after is largest, the series is split if
    permuting it seldom makes a distance as large; then each part is looked at in turn, until none splits. A p cannot
    be below 1 / (repeats + 1). Source: Matteson and James (2014), A nonparametric approach for multiple change point
    analysis of multivariate data, J. Am. Statist. Assoc. 109.
    """
    column = np.asarray(values, dtype=np.float64)
    found: list[Split] = []
    parts = [(0, len(column))]
    while parts:
        start, end = parts.pop()
        split = strongest(column[start:end], repeats=repeats, rng=rng)
        if split is None or split.p > alpha:
            continue
        place = start + split.place
        found.append(Split(place, split.p))
        parts += [(start, place), (place, end)]
    return sorted(found, key=lambda item: item.place)


def strongest(values: Sequence[float] | Floats, *, repeats: int, rng: np.random.Generator) -> Split | None:
    """Return the strongest change of a series with its permutation p; None for one too short, or that never varies."""
    column = np.asarray(values, dtype=np.float64)
    if len(column) < 2 * LEAST or np.ptp(column) == 0:
        return None
    column = (column - np.median(column)) / np.ptp(column)
    energy = energies(column[None, :])[0]
    place = int(np.argmax(energy))
    tops = [
        energies(_shuffled(column, min(BATCH, repeats - done), rng)).max(axis=1) for done in range(0, repeats, BATCH)
    ]
    return Split(place + LEAST, permutation_p(np.concatenate(tops), float(energy[place])))


def _shuffled(column: Floats, count: int, rng: np.random.Generator) -> Floats:
    return rng.permuted(np.broadcast_to(column, (count, len(column))), axis=1)


def energies(rows: Floats) -> Floats:
    """Return the scaled energy distance of every admissible split of each row: (rows, splits).

    Sums within and across come from one matrix of distances by its cumulated rows.
    """
    n = rows.shape[1]
    distance = np.abs(rows[:, :, None] - rows[:, None, :])
    corner = distance.cumsum(axis=1).cumsum(axis=2)
    before = np.arange(LEAST, n - LEAST + 1)
    after = n - before
    within = corner[:, before - 1, before - 1]
    total = corner[:, -1, -1][:, None]
    beside = corner[:, before - 1, -1] - within
    across = total - within - 2 * beside
    pairs = 2 * beside / (before * after) - within / (before * (before - 1)) - across / (after * (after - 1))
    scaled: Floats = before * after / n * pairs
    return scaled
