"""Blocked analysis of variance: F of a main effect or an interaction, p by exchanging levels within blocks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import numpy.typing as npt

from fairtrial.stats.resample import permutation_p, reaches
from fairtrial.stats.summary import Floats, Integers

ROUNDING = 1e-12
"""Differences below this share of the largest value are rounding, not data."""
BATCH = 2_000_000
"""Numbers that one batch of permutations holds at most."""
MANY = 10
"""Levels from which the arrangements are too many to count, and need not be."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """The test of one term: its F against the term's own variation between blocks."""

    f: float | None
    """None where nothing varies between blocks."""
    df: int
    error_df: int
    p: float
    exact: bool
    """Every arrangement was looked at."""
    permuted: bool
    """p is by permutation; otherwise by the F distribution, because there are too few arrangements."""


def departures(table: Floats) -> Floats:
    """Return what is left of a table (levels, blocks) or (levels, levels, blocks) when lower terms are taken out.

    Of one factor: each block's mean. Of two: each block's margins too, which leaves the interaction. What rounding
    leaves is set to 0.
    """
    left = table
    for axis in range(table.ndim - 1):
        left = left - left.mean(axis=axis, keepdims=True)
    peak = float(np.abs(table).max(initial=0.0))
    return np.where(np.abs(left) <= ROUNDING * peak, 0.0, left)


def blocked(table: Floats, *, resolution: float, repeats: int, rng: np.random.Generator) -> Blocked:
    """Test a factor, table (levels, blocks), or the interaction of two, (levels, levels, blocks).

    F is the term's mean square over that of its variation between blocks, which is right where a seed moves some
    levels more than others (a mixed model with random blocks). Without an effect the levels of a factor may be
    exchanged within each block, and of an interaction the rows and the columns of each block's departures: p is the
    share of arrangements with as large an F. Exact where there are at most `repeats` + 1, else Monte Carlo. Where one
    level far from all others could not be sure of a p of `resolution`, because too many arrangements leave it in its
    place, p is that of the F distribution (normal errors). Levels whose noise differs, or follows that of their
    neighbours, may not be exchanged: p is not below that of the F distribution without the degrees of freedom that
    such noise takes (`sphericity`). With five blocks it holds its level nearly (6 % for 5 %) where one level is three
    times as noisy as another; where it is ten times as noisy, 5 % may become 8 % (15 % without that). Sources: Anderson
    and ter Braak (2003), Permutation tests for multi-factorial analysis of variance, J. Statist. Comput. Simul. 73; for
    F Winer (1971), Statistical Principles in Experimental Design, chapter 4.
    """
    left = departures(table)
    blocks = table.shape[-1]
    df = math.prod(size - 1 for size in table.shape[:-1])
    error_df = df * (blocks - 1)
    peak = float(np.abs(left).max(initial=0.0))
    flat = (left / peak if peak else left).reshape(-1, blocks)
    f = _f(flat, df, error_df)
    count = arrangements(table.shape[:-1], blocks)
    if not peak:
        return Blocked(None, df, error_df, 1.0, exact=True, permuted=True)
    kept = sphericity(flat, df)
    cut = f_tail(f, kept * df, kept * error_df)
    if aligned(table.shape[:-1], blocks) * resolution < 1:
        p = max(cut, f_tail(f, df, error_df))
        return Blocked(f, df, error_df, p, exact=False, permuted=False)
    observed = float((flat.sum(axis=1) ** 2).sum())
    every = count if count <= repeats + 1 else 0
    p = _exchange(flat, table.shape[:-1], observed, every, repeats=repeats, rng=rng)
    p = max(p, cut) if kept < 1 else p
    return Blocked(f, df, error_df, p, exact=count <= repeats + 1, permuted=True)


def arrangements(shape: tuple[int, ...], blocks: int) -> float:
    """Return how many different values F may take: arrangements within blocks, less those of all blocks alike."""
    if max(shape) >= MANY:
        return math.inf
    each = 2 if shape == (2, 2) else math.prod(math.factorial(size) for size in shape)
    return float(each) ** (blocks - 1)


def aligned(shape: tuple[int, ...], blocks: int) -> float:
    """Return for how many arrangements within blocks there is one that leaves a level (or a cell) in its place."""
    return float(2 if shape == (2, 2) else math.prod(shape)) ** (blocks - 1)


def sphericity(flat: Floats, df: int) -> float:
    """Return which share of its degrees of freedom an F keeps: 1 where all differences within blocks vary alike.

    `flat` holds the departures, (cells, blocks). Sources: Huynh and Feldt (1976), Estimation of the Box correction for
    degrees of freedom from sample data, J. Educ. Statist. 1; with the lower bound 1 / df of Greenhouse and Geisser
    (1959), Psychometrika 24.
    """
    blocks = flat.shape[1]
    left = flat - flat.mean(axis=1, keepdims=True)
    total, square = float((left**2).sum()), float(((left.T @ left) ** 2).sum())
    if df < 2 or blocks < 2 or not square:
        return 1.0
    share = total**2 / (df * square)
    over, under = blocks * df * share - 2, df * (blocks - 1 - df * share)
    return min(1.0, max(over / under, 1 / df)) if under > 0 else 1.0


def f_tail(f: float | None, df: float, error_df: float) -> float:
    """Return the chance of an F at least as large; 0 where the error does not vary (f None) though the term does."""
    from scipy.special import fdtrc

    return 0.0 if f is None else float(fdtrc(df, error_df, f))


def omega_squared(f: float, df: int, n: int) -> float:
    """Return partial omega squared: the share of variance that a term explains, of what no other term does.

    Bias corrected, so it may be below 0. Source: Olejnik and Algina (2003), Generalized eta and omega squared
    statistics, Psychol. Methods 8 (in the form df (F - 1) / (df (F - 1) + n)).
    """
    return df * (f - 1) / (df * (f - 1) + n)


def omega_interval(f: float, df: int, error_df: int, n: int, *, level: float) -> tuple[float, float]:
    """Return the interval of the share of variance that a term explains, from the noncentral F distribution.

    Source: Steiger (2004), Beyond the F test, Psychol. Methods 9.
    """
    tail = (1 - level) / 2
    ends = (_noncentrality(f, df, error_df, at) for at in (1 - tail, tail))
    low, high = (end / (end + n) for end in ends)
    return low, high


def _noncentrality(f: float, df: int, error_df: int, probability: float) -> float:
    """Return the noncentrality at which F is at most `f` with that probability; 0 where even none is too much."""
    from scipy.optimize import brentq
    from scipy.special import ncfdtr

    def above(value: float) -> float:
        return float(ncfdtr(df, error_df, value, f)) - probability

    if above(0.0) <= 0:
        return 0.0
    high = max(1.0, df * f)
    while above(high) > 0:
        high *= 2
    return float(brentq(above, 0.0, high, xtol=1e-9 * high))


def _f(flat: Floats, df: int, error_df: int) -> float | None:
    blocks = flat.shape[1]
    centre: Floats = flat.mean(axis=1, keepdims=True)
    error = float(((flat - centre) ** 2).sum())
    term = blocks * float((centre**2).sum())
    if error <= ROUNDING**2 * flat.size or not error_df:
        return None
    return float((term / df) / (error / error_df))


def _exchange(
    flat: Floats,
    shape: tuple[int, ...],
    observed: float,
    count: float,
    *,
    repeats: int,
    rng: np.random.Generator,
) -> float:
    """Return p; the sum of squares of the level sums, `observed`, orders arrangements as F does: the total stays."""
    blocks = flat.shape[1]
    rows = flat.T[None]
    size = max(1, BATCH // flat.size)
    if count:
        batches = _all(shape, int(count), blocks, size)
    else:
        batches = (_random(shape, (min(size, repeats - at), blocks), rng) for at in range(0, repeats, size))
    found = [(np.take_along_axis(rows, batch, axis=2).sum(axis=1) ** 2).sum(axis=1) for batch in batches]
    statistic = np.concatenate(found)
    scale = float((flat**2).sum()) * blocks
    if count:
        return float(reaches(statistic, observed, scale=scale).mean())
    return permutation_p(statistic, observed, scale=scale)


def _all(shape: tuple[int, ...], count: int, blocks: int, size: int) -> Iterator[Integers]:
    """List every arrangement, the first block fixed: arrays (arrangements, blocks, cells) of places."""
    choices = _choices(shape)
    for at in range(0, count, size):
        places = np.arange(at, min(at + size, count))
        picked = np.stack(np.unravel_index(places, (len(choices),) * (blocks - 1)), axis=1) if blocks > 1 else None
        first = np.zeros((len(places), 1), dtype=np.int64)
        yield choices[first if picked is None else np.hstack([first, picked])]


def _choices(shape: tuple[int, ...]) -> Integers:
    """List the arrangements of one block; the first changes nothing. Of 2 x 2, half of them are the other half."""
    if shape == (2, 2):
        return np.array([[0, 1, 2, 3], [1, 0, 3, 2]])
    orders = [np.array(list(permutations(range(size))), dtype=np.int64) for size in shape]
    if len(orders) == 1:
        return orders[0]
    rows, columns = orders
    cells = rows[:, None, :, None] * shape[1] + columns[None, :, None, :]
    return cells.reshape(-1, math.prod(shape))


def _random(shape: tuple[int, ...], sets: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw arrangements: (arrangements, blocks, cells) of places."""
    orders = [rng.random((*sets, size)).argsort(axis=-1) for size in shape]
    if len(orders) == 1:
        return orders[0]
    rows, columns = orders
    return (rows[..., :, None] * shape[1] + columns[..., None, :]).reshape(*sets, -1)
