"""Many tests at once: p values adjusted so that a family, or a list of discoveries, keeps its error rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from fairtrial.errors import FairtrialError
from fairtrial.stats.summary import Floats


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Return p values adjusted so that the chance of any false rejection is at most the level they are read at.

    They stay in the given order; None stays None and is not in the family. Valid whatever the dependence.
    Source: Holm (1979), A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6. Raises
    FairtrialError for a p outside [0, 1].
    """
    return _adjusted(p, _step_down)


def benjamini_hochberg(p: Sequence[float | None]) -> list[float | None]:
    """Return p values adjusted so that the expected share of false discoveries is at most the level they are read at.

    They stay in the given order; None stays None and is not in the family. Valid for tests that are independent or
    positively dependent. Source: Benjamini and Hochberg (1995), J. R. Statist. Soc. B 57. Raises FairtrialError for a
    p outside [0, 1].
    """
    return _adjusted(p, _step_up)


def _adjusted(p: Sequence[float | None], adjust: Callable[[Floats], Floats]) -> list[float | None]:
    """Adjust the family: `adjust` gets the p values in ascending order."""
    places = [place for place, value in enumerate(p) if value is not None]
    family = np.array([value for value in p if value is not None], dtype=np.float64)
    if not np.all((family >= 0) & (family <= 1)):
        raise FairtrialError("a p value lies between 0 and 1")
    order = np.argsort(family, kind="stable")
    found: list[float | None] = [None] * len(p)
    for place, value in zip(order.tolist(), np.minimum(adjust(family[order]), 1.0).tolist(), strict=True):
        found[places[place]] = value
    return found


def _step_down(ascending: Floats) -> Floats:
    left = np.arange(len(ascending), 0, -1)
    adjusted: Floats = np.maximum.accumulate(ascending * left)
    return adjusted


def _step_up(ascending: Floats) -> Floats:
    rank = np.arange(1, len(ascending) + 1)
    adjusted: Floats = np.minimum.accumulate((ascending * (len(ascending) / rank))[::-1])[::-1]
    return adjusted
