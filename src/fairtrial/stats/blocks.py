"""Permutation within blocks: values change places only with those of the same replicate."""

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
