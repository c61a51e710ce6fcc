"""Noises of sd 1 that cells of several detectors add to what is true; the last axis is the replicates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Noise = Callable[[Any, Any], Any]
"""Generator and shape -> noise."""


def normal(rng: Any, shape: tuple[int, ...]) -> Any:
    """Draw noise of sd 1."""
    return rng.standard_normal(shape)


def heavy(rng: Any, shape: tuple[int, ...]) -> Any:
    """Draw Student's t with 3 degrees of freedom, scaled to sd 1."""
    return rng.standard_t(3, shape) / np.sqrt(3)


def shared(rng: Any, shape: tuple[int, ...]) -> Any:
    """Draw noise of sd 1 on top of what each replicate adds to all its values, of sd 2."""
    return rng.standard_normal(shape) + 2 * rng.standard_normal(shape[-1])


def skewed(rng: Any, shape: tuple[int, ...]) -> Any:
    """Draw lognormal noise, as of latencies."""
    return np.exp(rng.standard_normal(shape))
