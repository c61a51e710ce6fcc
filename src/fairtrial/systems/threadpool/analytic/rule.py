"""The rule of thumb: C (1 + W / S) workers."""

from __future__ import annotations

import numpy as np

from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.analytic.seen import blocking_us, seen
from fairtrial.systems.threadpool.words import SIZES


def wanted(features: Floats, *, cores: int) -> Floats:
    """Return C (1 + W / S), (rows,): W how long tasks seem to block, S their CPU time; infinite where they only block.

    Source: Goetz et al. (2006), Java Concurrency in Practice, section 8.2, with a target utilisation of 1.
    """
    row = seen(features)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = cores * (1 + blocking_us(row) / row.task_size_mean)
    return found


def costs(features: Floats, *, cores: int) -> Floats:
    """Return 2^(steps from the size that the rule wants), (rows, sizes): 1 for it, the least of SIZES that suffices.

    64 where none does. A rule has no cost of its own; this scale makes every other size at least twice as bad.
    """
    numbers = wanted(features, cores=cores)
    place = np.minimum(np.searchsorted(SIZES, numbers * (1 - 1e-12)), len(SIZES) - 1)
    steps = np.abs(np.arange(len(SIZES)) - place[:, None])
    found: Floats = np.where(np.isnan(numbers)[:, None], np.nan, 2.0**steps)
    return found
