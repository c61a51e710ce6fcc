"""Which of many configurations are worse than the one that leads, beyond what choosing the luckiest explains."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fairtrial.errors import FairtrialError
from fairtrial.stats.summary import Floats, Mask

REPEATS = 999
"""Random sets of signs."""
ROOM = 4_000_000
"""Numbers that are held at a time."""


def told_apart(sums: Floats, counts: Floats, *, leader: int, alpha: float, rng: np.random.Generator) -> Mask:
    """Say which configurations have a lower mean than the leader, all said together with error rate alpha.

    `sums` and `counts` are (configurations, blocks): the same blocks of time for all, so that what the market did to
    all of them cancels. Differences of ratios of sums are linearised, divided by the root of their sum of squares,
    and compared with the largest such ratio over all pairs when the signs of whole blocks are drawn at random. All
    pairs, because the leader may have been picked by these very numbers: whoever leads, a configuration that is as
    good as it is told with a probability of at most alpha. One that holds observations in few blocks is hardly told.
    Sources: White (2000), A reality check for data snooping, Econometrica 68; Hansen (2005), A test for superior
    predictive ability, J. Bus. Econ. Statist. 23 (studentised); Liu (1988), Ann. Statist. 16 (signs); Romano and Wolf
    (2005), Econometrica 73 (the maximum over all). Raises FairtrialError for what is not finite, and for shapes.
    """
    _check(sums, counts, leader)
    total = counts.sum(axis=1)
    told = np.zeros(len(sums), dtype=np.bool_)
    able = np.flatnonzero(total > 0)
    if total[leader] <= 0 or len(able) < 2:
        return told
    sums, counts, total = sums[able], counts[able], total[able]
    place = int(np.searchsorted(able, leader))
    ratio = sums.sum(axis=1) / total
    error = (sums - ratio[:, None] * counts) / total[:, None]
    blocks = error.shape[1]
    shift = ratio[place] - ratio
    own = error[place] - error + shift[:, None] / blocks
    size = np.sqrt((own**2).sum(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        reached = np.where(size > 0, shift / size, 0.0)
    told[able] = reached > _bound(error, alpha, rng)
    return told


def _bound(error: Floats, alpha: float, rng: np.random.Generator) -> float:
    """Return what the largest ratio over all pairs reaches by chance in a share alpha of all sets of signs."""
    signs = rng.integers(0, 2, (REPEATS, error.shape[1])) * 2.0 - 1.0
    moved = signs @ error.T
    product = error @ error.T
    square = np.diag(product)
    largest = np.zeros(REPEATS)
    for first in range(len(error) - 1):
        size = np.sqrt(np.maximum(square[first] + square[first + 1 :] - 2 * product[first, first + 1 :], 0.0))
        scale = np.divide(1.0, size, where=size > 0, out=np.zeros_like(size))
        for rows in _chunks(REPEATS, len(size)):
            far = np.abs(moved[rows, first, None] - moved[rows, first + 1 :]) * scale
            largest[rows] = np.maximum(largest[rows], far.max(axis=1))
    return float(np.sort(largest)[min(REPEATS - 1, int(np.ceil((REPEATS + 1) * (1 - alpha))) - 1)])


def _chunks(rows: int, width: int) -> Iterator[slice]:
    step = max(1, ROOM // width)
    return (slice(start, start + step) for start in range(0, rows, step))


def _check(sums: Floats, counts: Floats, leader: int) -> None:
    if sums.ndim != 2 or sums.shape != counts.shape:
        raise FairtrialError(f"sums and counts are (configurations, blocks), not {sums.shape} and {counts.shape}")
    if not (np.isfinite(sums).all() and np.isfinite(counts).all() and (counts >= 0).all()):
        raise FairtrialError("sums and counts of blocks are finite, counts are 0 or more")
    if not 0 <= leader < len(sums):
        raise FairtrialError(f"no configuration {leader} of {len(sums)}")
