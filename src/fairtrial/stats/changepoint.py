"""A step along an ordered factor, measured in replicates: whether, where, and whether it is told from a smooth trend.

A replicate meets every level with the same seed, so its values are compared with each other only: whatever a replicate
adds to all of them drops out, and under the null its values may change places. Where some levels are noisier than
others they may not, so signs are changed as well, which leaves each level its noise; the larger p counts. Both suppose
that what is left of a value without its replicate's share is independent from level to level: where each replicate has
a smooth course of its own along the levels (neighbours correlated by 0.7), a change is found three or four times as
often as it should be.

Sources: Sen and Srivastava (1975), On tests for detecting change in mean, Ann. Statist. 3 (the largest statistic over
all places); Janssen (1997), Studentized permutation tests for non-i.i.d. hypotheses, Statist. Probab. Lett. 36; Liu
(1988), Bootstrap procedures under some non-i.i.d. models, Ann. Statist. 16 (signs); Freedman and Lane (1983), A
nonstochastic interpretation of reported significance levels, J. Bus. Econ. Stat. 1 (permuted residuals); Cox (1962),
Further results on tests of separate families of hypotheses, J. R. Stat. Soc. B 24 (one model against another).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fairtrial.stats.blocks import flipped, shuffled
from fairtrial.stats.isotonic import monotone
from fairtrial.stats.resample import TIE, percentile, permutation_p
from fairtrial.stats.summary import Floats, Integers

PERMUTATIONS, BOOTSTRAPS = 999, 999
POOLED = 0.5
"""Share of a level's variance that is taken from all levels: its own, of few replicates, says little."""


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
    nulls = [draw(blocks.values, blocks.seen, PERMUTATIONS, rng) for draw in (shuffled, flipped)]
    clear = float(splits.clear(blocks.values[None])[0])
    rising, falling = blocks.monotone(blocks.values[None])
    trend = float(max(rising[0], falling[0]))
    p = max(permutation_p(splits.clear(drawn), clear) for drawn in nulls)
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
        p_trend=max(permutation_p(np.maximum(*blocks.monotone(drawn)), trend) for drawn in nulls),
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
        self.seen = seen

    def effect(self, values: Floats) -> Floats:
        """Return the least-squares height of each contrast, for a batch: shape (batch, contrasts)."""
        size = self.size.sum(axis=1)
        found: Floats = values.reshape(len(values), -1) @ self.flat / np.where(size > 0, size, np.inf)
        return found

    def taken(self, values: Floats) -> Floats:
        """Return the sum of squares that each contrast takes, for a batch."""
        taken: Floats = self.effect(values) ** 2 * self.size.sum(axis=1)
        return taken

    def clear(self, values: Floats) -> Floats:
        """Return how clearly the clearest contrast differs from 0, for a batch: -p of a t with Welch's df.

        Half of a level's variance is its own, half that of all levels (POOLED); contrasts of a few noisy levels, about
        whose noise little is known, are thus as hard to tell as they should be.
        """
        from scipy.special import stdtr

        size = np.where(self.size.sum(axis=1) > 0, self.size.sum(axis=1), np.inf)
        share: Floats = (self.parts**2).sum(axis=1) / (size**2)[:, None]
        variance = _variances(values, self.seen)
        spread = variance @ share.T
        freedom = np.maximum(self.seen.sum(axis=0) - 1, 1)
        less = (variance**2 / freedom) @ (share.T**2)
        with np.errstate(divide="ignore", invalid="ignore"):
            df = np.where(less > 0, spread**2 / less, 1.0)
            t = np.where(spread > 0, np.abs(self.effect(values)) / np.sqrt(spread), np.inf)
        clearest: Floats = -stdtr(df, -t).min(axis=1)
        return clearest

    def within(self, which: int, values: Floats) -> Floats:
        """Return the height of one contrast in each replicate that tells it."""
        size = self.size[which]
        told = size > 0
        heights: Floats = (self.parts[which] * values).sum(axis=1)[told] / size[told]
        return heights


def _variances(values: Floats, seen: npt.NDArray[np.bool_]) -> Floats:
    """Return the variance of a value at each level, for a batch of values centred within replicates.

    Centring spreads a level's noise over all of them, by 1 / levels; that is taken out again.
    """
    n, levels = seen.sum(axis=0), seen.shape[1]
    away = np.where(seen, values - (values.sum(axis=1) / np.maximum(n, 1))[:, None, :], 0.0)
    freedom = np.maximum(n - 1, 0)
    square = (away**2).sum(axis=1)
    pooled = square.sum(axis=1, keepdims=True) / max(freedom.sum(), 1) * (levels / (levels - 1))
    if levels == 2:
        return np.repeat(pooled, 2, axis=1)
    own = (square / np.maximum(freedom, 1) - pooled / levels) / (1 - 2 / levels)
    known = np.where(freedom > 0, np.maximum(own, 0.0), pooled)
    variances: Floats = POOLED * pooled + (1 - POOLED) * known
    return variances


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
    what is fitted, with its residuals changing places within replicates, or their signs.
    """
    observed = blocks.values[None]
    line = _Directions(axis[None], blocks.seen)
    fitted = line.effect(observed)[0, 0] * line.parts[0]
    stepped = splits.effect(observed)[0, best] * splits.parts[best]

    def leads(values: Floats) -> Floats:
        ahead: Floats = splits.taken(values).max(axis=1) - line.taken(values)[:, 0]
        return ahead

    lead, total = float(leads(observed)[0]), float((blocks.values**2).sum())
    from_line, from_step = (list(map(leads, _redrawn(blocks, model, rng))) for model in (fitted, stepped))
    bend = _bend(blocks, axis, line.parts[0])
    return _Told(
        p_line=max(permutation_p(found, lead, scale=total) for found in from_line),
        p_step=max(permutation_p(-found, -lead, scale=total) for found in from_step),
        beats=lead > bend and lead > 1e-9 * total,
    )


def _redrawn(blocks: _Blocks, fitted: Floats, rng: np.random.Generator) -> Iterator[Floats]:
    """Yield data as a model would give them: its values, with the residuals changing places or signs in replicates."""
    cells, replicates = int(blocks.seen.sum()), len(blocks.seen)
    free = (cells - replicates) / max(cells - replicates - 1, 1)
    rest = (blocks.values - fitted) * np.sqrt(free)
    for draw in (shuffled, flipped):
        yield draw(rest, blocks.seen, PERMUTATIONS, rng) + fitted


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
