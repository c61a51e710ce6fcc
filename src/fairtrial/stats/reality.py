"""Which of many configurations are worse than the one that leads, beyond what choosing the luckiest explains."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fairtrial.errors import FairtrialError
from fairtrial.stats.summary import Floats, Integers, Mask

REPEATS = 999
"""Random sets of signs."""
ROOM = 4_000_000
"""Numbers that are held at a time."""
ROUNDING = 1e-12
"""Relative sum of squares that is none."""


def told_apart(sums: Floats, counts: Floats, *, leader: int, alpha: float, rng: np.random.Generator) -> Mask:
    """Say which configurations have a lower mean than the leader, all said together with error rate alpha.

    `sums` and `counts` are (configurations, blocks): the same blocks of time for all, so that what the market did to
    all of them cancels. For each pair the difference of the ratios of sums is a sum over blocks, each part taken
    around the ratio of both together; it is divided by the root of the parts' sum of squares (that ratio takes a degree
    of freedom), and compared with the largest such quotient over all pairs when the signs of whole blocks are drawn at
    random. All pairs, because the leader may have been picked by these very numbers: whoever leads, a configuration
    that is as good as it is told with a probability of at most alpha. One that holds observations in few blocks is
    hardly told, nor is anything from it. Blocks have to be about as long as what they hold depends on.
    Sources: White (2000), A reality check for data snooping, Econometrica 68; Hansen (2005), A test for superior
    predictive ability, J. Bus. Econ. Statist. 23 (studentised); Romano and Wolf (2005), Econometrica 73 (the maximum
    over all); Canay, Romano and Shaikh (2017), Randomization tests under an approximate symmetry assumption,
    Econometrica 85 (signs of few blocks). Raises FairtrialError for what is not finite, and for shapes.
    """
    _check(sums, counts, leader)
    told = np.zeros(len(sums), dtype=np.bool_)
    able = np.flatnonzero(counts.sum(axis=1) > 0)
    if leader not in able or len(able) < 2:
        return told
    field = _Field(sums[able], counts[able])
    place = int(np.searchsorted(able, leader))
    everyone = np.arange(len(able))
    blocks = sums.shape[1]
    parts = field.parts(place, everyone, np.ones((1, blocks)))[0] * np.sqrt(1 - 1 / blocks)
    told[able] = (parts > _bound(field, alpha, rng)) & (everyone != place)
    return told


class _Field:
    """Configurations, each block's share of their sums and counts."""

    def __init__(self, sums: Floats, counts: Floats) -> None:
        self.sum, self.count = sums.sum(axis=1), counts.sum(axis=1)
        self.x, self.y = sums / self.count[:, None], counts / self.count[:, None]
        self.xx, self.xy, self.yy = self.x @ self.x.T, self.x @ self.y.T, self.y @ self.y.T

    def __len__(self) -> int:
        return len(self.sum)

    def parts(self, one: int, others: Integers, signs: Floats) -> Floats:
        """Return how far one is above others, (sets of signs, others), in roots of sums of squares."""
        return self.far(one, others, self.x @ signs.T, self.y @ signs.T)

    def far(self, one: int, others: Integers, x: Floats, y: Floats) -> Floats:
        """Return the same from the signed sums of `x` and `y`, (configurations, sets of signs)."""
        both = (self.sum[one] + self.sum[others]) / (self.count[one] + self.count[others])
        square = self._gap(self.xx, one, others) + both**2 * self._gap(self.yy, one, others)
        cross = self.xy[one, one] + self.xy[others, others] - self.xy[one, others] - self.xy[others, one]
        square = square - 2 * both * cross
        scale = self.xx[one, one] + self.xx[others, others]
        root = np.sqrt(np.where(square > ROUNDING * scale, square, np.inf))
        found: Floats = ((x[one] - x[others]).T - both * (y[one] - y[others]).T) / root
        return found

    @staticmethod
    def _gap(product: Floats, one: int, others: Integers) -> Floats:
        """Return the squared distances between rows, from their products."""
        found: Floats = product[one, one] + product[others, others] - 2 * product[one, others]
        return found


def _bound(field: _Field, alpha: float, rng: np.random.Generator) -> float:
    """Return what the largest ratio over all pairs reaches by chance in a share alpha of all sets of signs."""
    signs = rng.integers(0, 2, (REPEATS, field.x.shape[1])) * 2.0 - 1.0
    x, y = field.x @ signs.T, field.y @ signs.T
    largest = np.zeros(REPEATS)
    for one in range(len(field) - 1):
        others = np.arange(one + 1, len(field))
        for draws in _chunks(REPEATS, len(others)):
            far = np.abs(field.far(one, others, x[:, draws], y[:, draws]))
            largest[draws] = np.maximum(largest[draws], far.max(axis=1))
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
