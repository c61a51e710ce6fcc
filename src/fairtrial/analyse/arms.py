"""Two arms level by level of a factor: paired differences, with the number of comparisons counted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fairtrial.analyse.data import Data, arm, points
from fairtrial.errors import UnknownName
from fairtrial.model.effect import Contrast
from fairtrial.model.finding import Interval
from fairtrial.stats.difference import Difference, paired, welch
from fairtrial.stats.multiplicity import benjamini_hochberg, holm
from fairtrial.stats.resample import generator, sign_flip
from fairtrial.stats.resampled import corrected

HOLM, SCREEN = "holm", "benjamini-hochberg"
ADJUSTMENTS = {HOLM: holm, SCREEN: benjamini_hochberg}


def by_level(
    found: Data,
    *,
    metric: str,
    factor: str,
    arms: tuple[str, str],
    alpha: float = 0.05,
    adjustment: str = SCREEN,
    overlap: float | None = None,
    seed: int = 0,
) -> tuple[Contrast, ...]:
    """Compare two arms (first less second) at each level of a factor that both have; other factors are averaged.

    Replicates with common seeds are paired: Student's interval, and p by flipping signs, two-sided. Without common
    seeds both are Welch's. `overlap` (n_test / n_train) says that replicates are resamples of one data set: then both
    are those of the corrected resampled t. `adjustment` over the levels is `holm` (a declared family) or
    `benjamini-hochberg` (a screen). A level with fewer than two differences has no p. Raises UnknownName.
    """
    if adjustment not in ADJUSTMENTS:
        raise UnknownName("adjustment", adjustment, ADJUSTMENTS)
    first, second = (_side(found, metric, factor, name) for name in arms)
    rng = generator(seed, "arms", metric, factor)
    made = [
        _compared(first, second, x, level=1 - alpha, overlap=overlap, rng=rng)
        for x in sorted(first.values.keys() & second.values.keys())
    ]
    adjusted = ADJUSTMENTS[adjustment]([one.p for one in made])
    return tuple(replace(one, p_adjusted=p) for one, p in zip(made, adjusted, strict=True))


@dataclass(frozen=True, slots=True)
class _Side:
    """One arm."""

    seeds: Mapping[int, int]
    """Replicate -> its seed."""
    levels: Mapping[float, Any]
    """Level as a number -> level."""
    values: Mapping[float, Mapping[int, float]]
    """Level as a number -> replicate -> value; without those that are missing."""


def _side(found: Data, metric: str, factor: str, name: str) -> _Side:
    keep = arm(found, name)
    rows = np.flatnonzero(keep & (found.factor(factor).codes >= 0))
    replicates = np.unique(found.replicate[rows]).tolist()
    shown = points(found, metric, factor, keep=keep)
    return _Side(
        seeds={int(found.replicate[row]): int(found.measured.seed[row]) for row in rows.tolist()},
        levels={point.x: point.level for point in shown},
        values={
            point.x: {number: value for number, value in zip(replicates, point.values, strict=True) if value == value}
            for point in shown
        },
    )


def _compared(
    first: _Side, second: _Side, x: float, *, level: float, overlap: float | None, rng: np.random.Generator
) -> Contrast:
    one, other = first.values[x], second.values[x]
    common = sorted(one.keys() & other.keys())
    if common and all(first.seeds[number] == second.seeds[number] for number in common):
        differences = [one[number] - other[number] for number in common]
        return _paired(first.levels[x], differences, level=level, overlap=overlap, rng=rng)
    difference = welch(list(one.values()), list(other.values()), level)
    return _contrast(first.levels[x], difference, difference.p_two_sided, "Welch's t", min(len(one), len(other)))


def _paired(
    shown: Any, differences: list[float], *, level: float, overlap: float | None, rng: np.random.Generator
) -> Contrast:
    if overlap is not None:
        difference = corrected(differences, overlap=overlap, level=level)
        return _contrast(shown, difference, difference.p_two_sided, "corrected resampled t", len(differences))
    opposite = [-value for value in differences]
    p = min(1.0, 2 * min(sign_flip(differences, rng=rng), sign_flip(opposite, rng=rng)))
    return _contrast(shown, paired(differences, level), p, "Student's t of pairs", len(differences))


def _contrast(shown: Any, difference: Difference, p: float, method: str, n: int) -> Contrast:
    known = math.isfinite(difference.low)
    return Contrast(
        level=shown,
        estimate=None if math.isnan(difference.estimate) else difference.estimate,
        interval=Interval(difference.low, difference.high, difference.level, method) if known else None,
        p=p if known else None,
        p_adjusted=None,
        n=n,
    )
