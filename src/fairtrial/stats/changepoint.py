"""A step along an ordered factor, measured in replicates: whether, where, and whether it is told from a smooth trend.

A replicate meets every level with the same seed, so its values are compared with each other only: whatever a replicate
adds to all of them drops out, and under the null its values may change places. Sources: Sen and Srivastava (1975), On
tests for detecting change in mean, Ann. Statist. 3 (the largest statistic over all places); Freedman and Lane (1983),
A nonstochastic interpretation of reported significance levels, J. Bus. Econ. Stat. 1 (permuted residuals); Cox (1962),
Further results on tests of separate families of hypotheses, J. R. Stat. Soc. B 24 (one model against another).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fairtrial.stats.blocks import shuffled
from fairtrial.stats.isotonic import monotone
from fairtrial.stats.resample import TIE, percentile, permutation_p
from fairtrial.stats.summary import Floats, Integers

PERMUTATIONS, BOOTSTRAPS = 999, 999


@dataclass(frozen=True, slots=True)
class Step:
    """The best step: levels before `split` against levels from `split` on."""

    split: int
    effect: float
    """Mean behind less mean before, within replicates."""
    effects: tuple[float, ...]
    """The same in each replicate that has values on both sides."""
    splits: tuple[int, int]
    """Confidence interval of the split, by bootstrap over replicates."""
    p: float
    """Against no change, over all places."""
    p_line: float | None
    """Against a straight line: how often one with this noise looks at least as much like a step.

    None where no change is shown, so that nothing has a shape.
    """
    p_denied: float | None
    """Of the step, against a straight line: how often a step with this noise looks at least as much like a line."""
    beats: bool
    """The step leaves a smaller error than a straight line and than a parabola."""
    residual_sd: float
    """Within replicates, around the step."""
    p_trend: float
    """Of a monotone trend, rising or falling, against no change."""
    rising: bool
    """The better of the two."""


def step(values: npt.ArrayLike, x: npt.ArrayLike, *, rng: np.random.Generator, level: float = 0.95) -> Step | None:
    """Find the best step in values of shape (levels, replicates), NaN where missing, at ascending places `x`.

    None where nothing can be said: fewer than two levels or replicates with values, or no variation within replicates.
    """
    blocks = _blocks(values)
    if blocks is None:
        return None
    splits = _Directions(_heaviside(len(blocks.seen[0])), blocks.seen)
    taken = splits.taken(blocks.values[None])[0]
    best = int(_first_best(taken))
    drawn = shuffled(blocks.values, blocks.seen, PERMUTATIONS, rng)
    null = splits.taken(drawn).max(axis=1)
    rising, falling = blocks.monotone(blocks.values[None])
    trend = np.maximum(*blocks.monotone(drawn))
    p = permutation_p(null, float(taken[best]))
    axes = _axes(np.asarray(x, dtype=np.float64)) if p <= 1 - level else []
    lines = [_against_line(blocks, splits, axis, best, rng) for axis in axes]
    within = splits.within(best, blocks.values)
    freedom = int(blocks.seen.sum()) - len(blocks.seen) - 1
    left = max(float((blocks.values**2).sum() - taken[best]), 0.0)
    return Step(
        split=best + 1,
        effect=float(splits.effect(blocks.values[None])[0, best]),
        effects=tuple(within.tolist()),
        splits=_place(blocks, splits, rng, level),
        p=p,
        p_line=max((told.p_line for told in lines), default=None),
        p_denied=min(1.0, len(lines) * min(told.p_step for told in lines)) if lines else None,
        beats=bool(lines) and all(told.beats for told in lines),
        residual_sd=float(np.sqrt(left / freedom)) if freedom > 0 else float("nan"),
        p_trend=permutation_p(trend, float(max(rising[0], falling[0]))),
        rising=bool(rising[0] >= falling[0]),
    )


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Values centred within replicates: shape (replicates, levels), 0 where nothing was `seen`."""

    values: Floats
    seen: npt.NDArray[np.bool_]

    def monotone(self, values: Floats) -> tuple[Floats, Floats]:
        """Return what rising and falling trends take of each of a batch."""
        weights = self.seen.sum(axis=0).astype(np.float64)
        there = weights > 0
        return monotone(values.sum(axis=1)[:, there] / weights[there], weights[there])


class _Directions:
    """Contrasts over levels, centred within replicates so that only what a replicate has seen is compared."""

    def __init__(self, directions: Floats, seen: npt.NDArray[np.bool_]) -> None:
        counts = np.maximum(seen.sum(axis=1), 1)
        spread = np.where(seen, directions[:, None, :], 0.0)
        self.parts: Floats = np.where(seen, spread - (spread.sum(axis=2) / counts)[:, :, None], 0.0)
        self.size: Floats = (self.parts**2).sum(axis=2)
        self.flat: Floats = self.parts.reshape(len(directions), -1).T

    def effect(self, values: Floats) -> Floats:
        """Return the least-squares height of each contrast, for a batch: shape (batch, contrasts)."""
        size = self.size.sum(axis=1)
        found: Floats = values.reshape(len(values), -1) @ self.flat / np.where(size > 0, size, np.inf)
        return found

    def taken(self, values: Floats) -> Floats:
        """Return the sum of squares that each contrast takes, for a batch."""
        taken: Floats = self.effect(values) ** 2 * self.size.sum(axis=1)
        return taken

    def within(self, which: int, values: Floats) -> Floats:
        """Return the height of one contrast in each replicate that tells it."""
        size = self.size[which]
        told = size > 0
        heights: Floats = (self.parts[which] * values).sum(axis=1)[told] / size[told]
        return heights


def _blocks(values: npt.ArrayLike) -> _Blocks | None:
    table = np.asarray(values, dtype=np.float64).T
    seen = np.isfinite(table)
    keep = seen.sum(axis=1) >= 2
    table, seen = table[keep], seen[keep]
    if len(table) < 2 or (seen.sum(axis=0) > 0).sum() < 2:
        return None
    peak = float(np.abs(table[seen]).max())
    scaled = np.where(seen, table, 0.0)
    away = np.where(seen, scaled - (scaled.sum(axis=1) / seen.sum(axis=1))[:, None], 0.0)
    if float(np.abs(away).max()) <= 1e-12 * peak:
        return None
    return _Blocks(away, seen)


def _heaviside(levels: int) -> Floats:
    above: Floats = (np.arange(levels) >= np.arange(1, levels)[:, None]).astype(np.float64)
    return above


def _axes(x: Floats) -> list[Floats]:
    """A trend may be straight in the levels or, where they are spaced unevenly (1, 2, 4, 8), in their order."""
    rank = np.arange(len(x), dtype=np.float64)
    gaps = np.diff(x)
    return [rank] if np.allclose(gaps, gaps.mean(), rtol=0.05, atol=0) else [x / np.abs(x).max(), rank]


@dataclass(frozen=True, slots=True)
class _Told:
    """A step against a straight line in one axis: the p of either, and whether the step fits best of all."""

    p_line: float
    p_step: float
    beats: bool


def _against_line(blocks: _Blocks, splits: _Directions, axis: Floats, best: int, rng: np.random.Generator) -> _Told:
    """Weigh the best step against a straight line, and either against noise of its own kind.

    The lead of the best step over the line is compared with its leads where the line holds, and where the step does:
    what is fitted, with its residuals changing places within replicates.
    """
    observed = blocks.values[None]
    line = _Directions(axis[None], blocks.seen)
    fitted = line.effect(observed)[0, 0] * line.parts[0]
    stepped = splits.effect(observed)[0, best] * splits.parts[best]

    def leads(values: Floats) -> Floats:
        ahead: Floats = splits.taken(values).max(axis=1) - line.taken(values)[:, 0]
        return ahead

    lead, total = float(leads(observed)[0]), float((blocks.values**2).sum())
    from_line, from_step = (leads(_redrawn(blocks, model, rng)) for model in (fitted, stepped))
    bend = _bend(blocks, axis, line.parts[0])
    return _Told(
        p_line=permutation_p(from_line, lead, scale=total),
        p_step=permutation_p(-from_step, -lead, scale=total),
        beats=lead > bend and lead > 1e-9 * total,
    )


def _redrawn(blocks: _Blocks, fitted: Floats, rng: np.random.Generator) -> Floats:
    """Return data as a model would give them: its values, with the residuals changing places within replicates."""
    cells, replicates = int(blocks.seen.sum()), len(blocks.seen)
    free = (cells - replicates) / max(cells - replicates - 1, 1)
    return shuffled((blocks.values - fitted) * np.sqrt(free), blocks.seen, PERMUTATIONS, rng) + fitted


def _bend(blocks: _Blocks, axis: Floats, straight: Floats) -> float:
    """Return what a parabola takes of the sum of squares beyond the straight line."""
    bent = _Directions((axis**2)[None], blocks.seen)
    curved = bent.parts[0] - (bent.parts[0] * straight).sum() / (straight**2).sum() * straight
    size = float((curved**2).sum())
    if size <= 1e-9 * float((bent.parts[0] ** 2).sum()):
        return 0.0
    return float((curved * blocks.values).sum() ** 2 / size)


def _place(blocks: _Blocks, splits: _Directions, rng: np.random.Generator, level: float) -> tuple[int, int]:
    """Bootstrap over replicates; their deviations are widened by sqrt(n / (n - 1)), which few replicates need."""
    replicates = len(blocks.seen)
    parts = (splits.parts * blocks.values).sum(axis=2).T
    counts = rng.multinomial(replicates, np.full(replicates, 1 / replicates), size=BOOTSTRAPS)
    widened = parts.sum(axis=0) + (counts - 1.0) @ parts * np.sqrt(replicates / (replicates - 1))
    size = splits.size.sum(axis=1)
    low, high = percentile(_first_best(widened**2 / np.where(size > 0, size, np.inf)) + 1, level)
    return int(low), int(high)


def _first_best(taken: Floats) -> Integers:
    """Return the first of the largest; what differs by rounding alone is equal, so units do not matter."""
    first: Integers = np.argmax(taken >= taken.max(axis=-1, keepdims=True) * (1 - TIE), axis=-1)
    return first
