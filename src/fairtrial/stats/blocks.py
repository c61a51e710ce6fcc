"""Resampling within blocks: values change places, or their signs, among those of the same replicate only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fairtrial.stats.summary import Floats


def shuffled(values: Floats, seen: npt.NDArray[np.bool_], repeats: int, rng: np.random.Generator) -> Floats:
    """Let the values of each block that were `seen` change places; 0 elsewhere.

    `values` and `seen` have the shape (blocks, places), the result (repeats, blocks, places). Source: Good (2005),
    Permutation, Parametric and Bootstrap Tests of Hypotheses, chapter 7 (randomised blocks).
    """
    drawn = np.zeros((repeats, *values.shape))
    for block, (row, there) in enumerate(zip(values, seen, strict=True)):
        drawn[:, block, there] = rng.permuted(np.tile(row[there], (repeats, 1)), axis=1)
    return drawn


def flipped(values: Floats, seen: npt.NDArray[np.bool_], repeats: int, rng: np.random.Generator) -> Floats:
    """Let the values that were `seen`, centred within their block, change their signs; 0 elsewhere.

    The results are centred again and widened by what centring takes from their variance. Unlike in `shuffled`, each
    place keeps its own noise. Shapes are those of `shuffled`. Source: Liu (1988), Bootstrap procedures under some
    non-i.i.d. models, Ann. Statist. 16 (the wild bootstrap, with the signs of Davidson and Flachaire (2008), J.
    Econometrics 146).
    """
    count = seen.sum(axis=1)
    drawn = np.where(seen, values, 0.0) * (rng.integers(0, 2, (repeats, *values.shape)) * 2.0 - 1.0)
    centre = drawn.sum(axis=2) / np.maximum(count, 1)
    wider = np.sqrt(count / np.maximum(count - 1, 1))
    found: Floats = np.where(seen, drawn - centre[:, :, None], 0.0) * wider[:, None]
    return found
