"""Which rows requests ask for: keys drawn uniformly, or after Zipf's law over rows that lie scattered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SCATTER = 2_654_435_761
"""A prime (Knuth's multiplier): multiplying by it modulo the number of rows keeps ranks apart and loses none."""

Draw = Callable[["np.random.Generator", int], "np.ndarray"]
"""Generator and how many -> keys from 1 on (int64)."""


def uniform(rows: int) -> Draw:
    """Draw every key equally often."""
    return lambda rng, size: rng.integers(1, rows + 1, size)


def zipf(rows: int, exponent: float) -> Draw:
    """Draw rank k with probability proportional to k^-exponent, ranks spread over the keys 1 … rows.

    Rejection-inversion after Hörmann and Derflinger (1996), so that no table of the rows is needed.
    """
    import numpy as np

    def integral(x: np.ndarray | float) -> np.ndarray:
        logarithm = np.log(x)
        return logarithm if exponent == 1.0 else np.asarray(np.expm1((1.0 - exponent) * logarithm) / (1.0 - exponent))

    def inverse(y: np.ndarray | float) -> np.ndarray:
        if exponent == 1.0:
            return np.exp(y)
        return np.exp(np.log1p(np.asarray(y) * (1.0 - exponent)) / (1.0 - exponent))

    low, high = integral(1.5) - 1.0, integral(rows + 0.5)
    near = 2.0 - inverse(integral(2.5) - 2.0**-exponent)

    def ranks(rng: np.random.Generator, size: int) -> np.ndarray:
        kept = np.empty(0, np.int64)
        while len(kept) < size:
            u = high + rng.random(size - len(kept)) * (low - high)
            x = inverse(u)
            k = np.clip(np.floor(x + 0.5), 1, rows)
            accepted = (k - x <= near) | (u >= integral(k + 0.5) - k**-exponent)
            kept = np.concatenate([kept, k[accepted].astype(np.int64)])
        return kept

    return lambda rng, size: ranks(rng, size) * SCATTER % rows + 1
