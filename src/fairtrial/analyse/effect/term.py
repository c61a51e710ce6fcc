"""One term of a crossed design: the main effect of a factor, or the interaction of two, over replicates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from fairtrial.analyse.crossed import Box
from fairtrial.analyse.data import Column
from fairtrial.model.effect import Effect
from fairtrial.model.finding import Interval, Verdict
from fairtrial.model.words import count
from fairtrial.model.words import level as written
from fairtrial.stats.anova import ROUNDING, Blocked, blocked, departures, omega_interval, omega_squared
from fairtrial.stats.difference import correction, paired
from fairtrial.stats.equivalence import tost
from fairtrial.stats.resample import generator
from fairtrial.stats.summary import Floats

REPEATS, FINER = 999, 4
"""Random permutations, where not all are looked at; of many terms, FINER times as many as the least p needs."""
BINNED, BINS = 30, 10
"""An ordered factor with more levels than BINNED is tested in BINS groups of neighbours."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What holds for every term of a finding."""

    alpha: float
    family: int
    """Terms that are tested together."""
    margin: float | None
    seed: int
    metric: str

    @property
    def level(self) -> float:
        """Return the level of intervals."""
        return 1 - self.alpha

    @property
    def repeats(self) -> int:
        """Return the number of random permutations."""
        return max(REPEATS, math.ceil(FINER * self.family / self.alpha))

    def stream(self, factors: Sequence[str]) -> np.random.Generator:
        """Return the random stream of a term."""
        return generator(self.seed, "effects", self.metric, *factors)


@dataclass(frozen=True, slots=True)
class Term:
    """An effect before the correction for many, and what says how large one could be seen."""

    effect: Effect
    equivalence: float | None = None
    """p of: it is below the margin."""
    sd: float | None = None
    """Of a difference between two levels within a replicate."""
    n: int = 0
    df: tuple[int, int] = (1, 1)
    """Of F: the term's and the error's."""


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels of a factor as they are tested: themselves, or groups of neighbours."""

    labels: tuple[object, ...]
    x: tuple[float, ...]
    groups: tuple[tuple[int, ...], ...]
    """Places in the box."""


def levels_of(column: Column, codes: Sequence[int]) -> Levels:
    """Return the levels as they are tested."""
    if len(codes) <= BINNED or not column.ordered:
        own = tuple((place,) for place in range(len(codes)))
        return Levels(tuple(column.levels[code] for code in codes), tuple(column.x[code] for code in codes), own)
    groups = tuple(tuple(part.tolist()) for part in np.array_split(np.arange(len(codes)), BINS))
    ends = [(column.levels[codes[group[0]]], column.levels[codes[group[-1]]]) for group in groups]
    middles = tuple(float(np.mean([column.x[codes[place]] for place in group])) for group in groups)
    return Levels(tuple(f"{written(low)} to {written(high)}" for low, high in ends), middles, groups)


def table_of(values: Floats, levels: Sequence[Levels]) -> Floats:
    """Average the settings of the other factors, and groups of levels: (levels, …, replicates)."""
    table: Floats = values.mean(axis=-2)
    for axis, one in enumerate(levels):
        if len(one.groups) < table.shape[axis]:
            parts = [table.take(group, axis=axis).mean(axis=axis) for group in one.groups]
            table = np.stack(parts, axis=axis)
    return table


def untested(factors: tuple[str, ...], why: str) -> Term:
    """Return a term that could not be tested, and why."""
    return Term(Effect(factors, None, None, None, None, None, None, None, None, Verdict.INCONCLUSIVE, why))


def term(factors: tuple[str, ...], box: Box, columns: Sequence[Column], asked: Asked) -> Term:
    """Test a term over the replicates in which nothing is missing."""
    values = box.complete
    replicates = values.shape[-1]
    if replicates < 2:
        return untested(factors, f"{count(replicates, 'complete replicate')}: a test over replicates needs two")
    levels = [levels_of(column, codes.tolist()) for column, codes in zip(columns, box.levels, strict=True)]
    table = table_of(values, levels)
    rng = asked.stream(factors)
    test = blocked(table, resolution=asked.alpha / asked.family, repeats=asked.repeats, rng=rng)
    size, size_interval, residual_sd, residual_df = _size(values, table, test, asked.level)
    spread, interval, equivalence = _spread(table, asked)
    effect = Effect(
        factors=factors,
        statistic=test.f,
        p=test.p,
        p_adjusted=None,
        size=size,
        size_interval=size_interval,
        spread=spread,
        spread_interval=interval,
        standardised=spread / residual_sd * correction(residual_df) if residual_sd else None,
        verdict=Verdict.INCONCLUSIVE,
        why="" if test.permuted else _coarse(replicates),
    )
    return Term(effect, equivalence, _difference_sd(table), replicates, (test.df, test.error_df))


def _coarse(replicates: int) -> str:
    return f"{replicates} replicates have too few arrangements for a permutation test: p is of the F distribution"


def _size(
    values: Floats, table: Floats, test: Blocked, level: float
) -> tuple[float | None, Interval | None, float, int]:
    """Return partial omega squared with its interval, and the sd of trials within condition and replicate."""
    cells = values.reshape(-1, values.shape[-1])
    left = departures(cells)
    left = left - left.mean(axis=1, keepdims=True)
    error_df = (cells.shape[0] - 1) * (cells.shape[1] - 1)
    error = float((left**2).sum()) / error_df
    effects = departures(table).mean(axis=-1)
    square = float((effects**2).sum()) * values.size / effects.size / test.df
    if error <= (ROUNDING * float(np.abs(values).max(initial=0.0))) ** 2:
        return (1.0 if square else None), None, 0.0, error_df
    f = square / error
    ends = omega_interval(f, test.df, error_df, values.size, level=level)
    interval = Interval(*ends, level, "noncentral F")
    return omega_squared(f, test.df, values.size), interval, error**0.5, error_df


def _spread(table: Floats, asked: Asked) -> tuple[float, Interval, float | None]:
    """Return the largest difference of level means, or departure from additivity; p of: all are below the margin."""
    sd = _difference_sd(table)
    blocks = table.shape[-1]
    if table.ndim == 2:
        means = np.sort(table.mean(axis=-1))
        spread, pairs, share = float(means[-1] - means[0]), len(table) * (len(table) - 1) // 2, 1.0
        others = (table[one] - table[other] for one, other in combinations(range(len(table)), 2))
    else:
        left = departures(table).reshape(-1, blocks)
        spread, pairs = float(np.abs(left.mean(axis=-1)).max()), len(left)
        share = math.prod(1 - 1 / size for size in table.shape[:-1]) / 2
        others = (row for row in left)
    df = math.prod(size - 1 for size in table.shape)
    half = (
        _quantile(df, asked.alpha / (1 if table.shape[:-1] in ((2,), (2, 2)) else pairs)) * sd * (share / blocks) ** 0.5
    )
    interval = Interval(spread - half, spread + half, asked.level, "t over replicates, Bonferroni over the differences")
    margin = asked.margin
    below = None if not margin else max(tost(paired(one.tolist()), margin) for one in others)
    return spread, interval, below


def _difference_sd(table: Floats) -> float:
    """Return the sd of the difference between two levels of a factor (two cells of an interaction) in a replicate."""
    left = departures(table)
    left = left - left.mean(axis=-1, keepdims=True)
    df = math.prod(size - 1 for size in table.shape)
    return float(np.sqrt(2 * (left**2).sum() / df))


def _quantile(df: int, alpha: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, 1 - alpha / 2))
