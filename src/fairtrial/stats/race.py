"""Racing: which alternatives cannot be the best any more, with an error rate that holds over all looks together.

At each look every alternative is compared with the one that leads, by a one-sided paired t test on the replicates that
both have. All looks are taken at one level (after Pocock 1977, Biometrika 64), the strictest of those that spend alpha
evenly over the looks (Lan and DeMets 1983, Biometrika 70), shared by the alternatives (Bonferroni): whoever leads, the
chance that another one as good is told from it by mistake is alpha / alternatives over the whole race. So the true best
is dropped with the probability alpha at most, and so are all but one of several that are equally good: the leader is
picked by the data, which makes two sides of it. What is judged afterwards at the same level shares that promise, as
whatever it compares is compared as it was at some look. The idea of racing is that of Maron and Moore (1997), The
racing algorithm, Artificial Intelligence Review 11.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from fairtrial.stats.sequential import looks
from fairtrial.stats.summary import Floats

MANY = 1000
"""Alternatives among which the error is thought to be shared: with fewer the level could be a little higher."""
ROUNDING = 1e-12
"""Of the values: differences that vary by less do not vary."""

Column = Mapping[int, float]
"""Replicate -> value."""


@cache
def nominal(alpha: float, least: int, most: int) -> float:
    """Return the level of each look, after `least`, …, `most` replicates, at which all of them together keep `alpha`.

    The alternatives share it. It is also the level at which what a race has measured is judged.
    """
    fractions = [count / most for count in range(least, most + 1)]
    return MANY * min(looks(fractions, alpha / MANY, "pocock", sides=1))


def leader(columns: Sequence[Column], *, maximise: bool) -> int | None:
    """Return the place of the best mean among the alternatives with most values; None where none has any."""
    most = max((len(column) for column in columns), default=0)
    full = [place for place, column in enumerate(columns) if column and len(column) == most]
    sign = -1.0 if maximise else 1.0
    return min(full, key=lambda place: (sign * float(np.mean(list(columns[place].values()))), place), default=None)


def beaten(columns: Sequence[Column], *, maximise: bool, level: float) -> list[int]:
    """Return the places of the alternatives that are told from the leader at a level, one-sided.

    Where the differences do not vary, three that are against an alternative tell it.
    """
    first = leader(columns, maximise=maximise)
    if first is None:
        return []
    sign = 1.0 if maximise else -1.0
    lost = []
    for place, column in enumerate(columns):
        common = sorted(columns[first].keys() & column.keys())
        pairs = sign * np.array([(columns[first][k], column[k]) for k in common])
        if place != first and len(pairs) > 1 and _p_behind(pairs) <= level:
            lost.append(place)
    return lost


def _p_behind(pairs: Floats) -> float:
    """Return the one-sided p of paired values (leader, other) for equal means."""
    from scipy.special import stdtr

    ahead = pairs[:, 0] - pairs[:, 1]
    count, spread = len(ahead), float(ahead.std(ddof=1))
    if spread <= ROUNDING * float(np.abs(pairs).max()):
        return 0.0 if count > 2 and float(ahead.mean()) > ROUNDING * float(np.abs(pairs).max()) else 1.0
    return float(stdtr(count - 1, -float(ahead.mean()) / spread * math.sqrt(count)))
