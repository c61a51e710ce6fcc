"""Where the warm-up of a series ends: the truncation that makes the mean of the rest most certain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairtrial.stats.summary import Floats

BATCH = 5


@dataclass(frozen=True, slots=True)
class Cut:
    """What to cut off a series."""

    values: int
    """How many values, a multiple of the batch."""
    batches: int
    """How many batches."""
    allowed: int
    """How many batches could have been cut: half of all."""

    @property
    def late(self) -> bool:
        """Say whether the cut lies in the last quarter of what is allowed: the rest may be warming up, too."""
        return self.allowed > 0 and self.batches > 0 and 4 * self.batches >= 3 * self.allowed


def mser5(values: Floats) -> Cut:
    """Find the cut d that minimises the marginal standard error of what is left, over batches z of five values.

    d* = argmin over d <= m/2 of sum_{i > d} (z_i - mean)^2 / (m - d)^2, the smallest where several do. `values` has
    shape (n,), finite; what does not fill a batch at the end is left out. Source: White (1997), An effective truncation
    heuristic for bias reduction in simulation output, Simulation 69; in batches of five: White, Cobb and Spratt (2000),
    A comparison of five steady-state truncation heuristics for simulation, Proc. Winter Simulation Conference.
    """
    m = len(values) // BATCH
    if m < 2:
        return Cut(0, 0, m // 2)
    batches = values[: m * BATCH].reshape(m, BATCH).mean(axis=1)
    away = batches - batches[-1]  # exactly 0 where the rest is constant
    left = np.arange(m, 0, -1)
    total, squares = _from_here(away), _from_here(away**2)
    error = np.maximum(squares - total**2 / left, 0.0) / left**2
    best = int(np.argmin(error[: m // 2 + 1]))
    return Cut(best * BATCH, best, m // 2)


def _from_here(values: Floats) -> Floats:
    """Return the sum of each value and all that follow."""
    sums: Floats = np.cumsum(values[::-1])[::-1]
    return sums
