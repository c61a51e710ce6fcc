"""Does what is left of a metric move with time? Blocks may differ on their own account, so they change places too."""

from __future__ import annotations

import numpy as np

from fairtrial.stats.resample import permutation_p
from fairtrial.stats.summary import Floats, Integers

SHUFFLED = 2_000
"""Values up to which blocks are shuffled; the sum over more is normal to the eye."""


def drift(residuals: Floats, times: Floats, blocks: Integers, *, repeats: int = 999, rng: np.random.Generator) -> float:
    """Return the two-sided p of: residuals rise or fall with time; one entry a trial, blocks 0, 1, ….

    The statistic is the sum of residual x time. Without drift whole blocks may change places (a block is a seed, and
    seeds differ), and so may the residuals within each block: both are drawn anew in each repeat. 1 where nothing can
    move. Source: Good (2005), Permutation, Parametric and Bootstrap Tests of Hypotheses, chapter 3 (restricted
    randomisation).
    """
    return _moved(residuals, times, blocks, repeats=repeats, rng=rng, between=True)


def position(
    residuals: Floats, times: Floats, blocks: Integers, *, repeats: int = 999, rng: np.random.Generator
) -> float:
    """Return the two-sided p of: within their blocks, residuals rise or fall with time."""
    return _moved(residuals, times, blocks, repeats=repeats, rng=rng, between=False)


def _moved(
    residuals: Floats, times: Floats, blocks: Integers, *, repeats: int, rng: np.random.Generator, between: bool
) -> float:
    order = np.lexsort((residuals, times, blocks))
    left, at, block = _scaled(residuals[order]), _scaled(times[order]), blocks[order]
    n = np.bincount(block)
    means, centres = np.bincount(block, weights=left) / n, np.bincount(block, weights=at) / n
    left, at = left - means[block], at - centres[block]
    weights = n * (centres - (n * centres).sum() / n.sum())
    observed = float(left @ at)
    draws = _within(left, at, block, repeats=repeats, rng=rng)
    if between and len(n) > 1:
        observed += float(means @ weights)
        draws = draws + rng.permuted(np.tile(means, (repeats, 1)), axis=1) @ weights
    scale = float(np.abs(left).sum() + np.abs(means @ np.abs(weights)))
    return permutation_p(np.abs(draws), abs(observed), scale=scale)


def _within(left: Floats, at: Floats, block: Integers, *, repeats: int, rng: np.random.Generator) -> Floats:
    """Return the sums of residual x time with the residuals of each block shuffled."""
    if len(left) > SHUFFLED:
        squares = np.bincount(block, weights=left**2) * np.bincount(block, weights=at**2)
        sd = np.sqrt((squares / np.maximum(np.bincount(block) - 1, 1)).sum())
        draws: Floats = rng.standard_normal(repeats) * sd
        return draws
    shuffled = np.argsort(rng.random((repeats, len(left))) + block, axis=1)
    found: Floats = left[shuffled] @ at
    return found


def _scaled(values: Floats) -> Floats:
    """Centre the values and make the largest 1."""
    centred = values - values.mean()
    peak = float(np.abs(centred).max(initial=0.0))
    scaled: Floats = centred / peak if peak else centred
    return scaled
