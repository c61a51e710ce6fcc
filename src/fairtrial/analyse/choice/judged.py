"""The field judged: which conditions are told from the best, and what noise made of their means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.analyse.choice.field import Field
from fairtrial.stats.best import behind, contest
from fairtrial.stats.shrinkage import noise_of_means, shrunken
from fairtrial.stats.summary import Floats, Mask


@dataclass(frozen=True, slots=True)
class Second:
    """The second best: how far it is behind the first."""

    gap: float
    se: float
    df: float
    """0 where the two share too few replicates."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Every array has one entry a condition; numbers are in the metric's unit."""

    told: Mask
    """Told from the best."""
    gap: Floats | None
    """Upper bound of how much worse than the best it is; NaN for what is no candidate, None where too many are left."""
    shrunken: Floats
    """NaN where it is not known."""
    leader: int | None
    """The best mean of those that may be called the best: candidates without a lost trial."""
    second: Second | None
    curse: float | None
    replicates: int
    """Replicates of the leader."""


def judge(seen: Field, alpha: float) -> Judged:
    """Judge the candidates of a field, its values scaled by a power of two so that no square overflows."""
    rows = np.flatnonzero(seen.eligible)
    exponent = int(np.frexp(np.nan_to_num(np.abs(seen.values)).max(initial=0.0))[1])
    values = np.ldexp(seen.values[rows], -exponent)
    held = contest(values, alpha=alpha, references=seen.lost[rows] <= 0)
    told, drawn = np.zeros(len(seen), dtype=np.bool_), np.full(len(seen), np.nan)
    told[rows] = held.told
    drawn[rows] = seen.sign * np.ldexp(_drawn(np.ldexp(seen.mean[rows], -exponent), values), exponent)
    gap = None
    if held.gap is not None:
        gap = np.full(len(seen), np.nan)
        gap[rows] = np.ldexp(held.gap, exponent)
    leaders = [place for place in seen.order().tolist() if seen.eligible[place] and seen.lost[place] <= 0][:2]
    first = leaders[0] if leaders else None
    known = first is not None and math.isfinite(drawn[first])
    return Judged(
        told=told,
        gap=gap,
        shrunken=drawn,
        leader=first,
        second=_second(values, np.searchsorted(rows, leaders).tolist(), exponent) if len(leaders) > 1 else None,
        curse=float(seen.mean[first] - seen.sign * drawn[first]) if known else None,
        replicates=0 if first is None else int(seen.seen.summary.n[first]),
    )


def _drawn(mean: Floats, values: Floats) -> Floats:
    """Return shrunken means; NaN for a condition of one value."""
    noise = noise_of_means(values)
    known = np.isfinite(noise)
    found = np.full(len(mean), np.nan)
    found[known] = shrunken(mean[known], noise[known])
    return found


def _second(values: Floats, leaders: Sequence[int], exponent: int) -> Second:
    first, second = leaders
    far = behind(values, first)
    return Second(math.ldexp(far.mean[second], exponent), math.ldexp(far.se[second], exponent), float(far.df[second]))
