"""Isotonic regression of many curves at once, and how much of their variation a monotone trend takes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fairtrial.stats.summary import Floats

CELLS = 4_000_000
"""Numbers held at once while a batch of curves is fitted."""


def isotonic(means: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """Return the non-decreasing least-squares fit of each curve: shape (..., levels), weights above 0, one a level.

    By the max-min formula, which fits a batch without a loop over curves. Source: Barlow, Bartholomew, Bremner and
    Brunk (1972), Statistical Inference under Order Restrictions, section 1.2.
    """
    curves, weight = np.asarray(means, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    rows = curves.reshape(-1, curves.shape[-1])
    step = max(1, CELLS // curves.shape[-1] ** 2)
    fitted = [_fitted(rows[start : start + step], weight) for start in range(0, len(rows), step)]
    return np.concatenate(fitted).reshape(curves.shape) if fitted else curves


def monotone(means: npt.ArrayLike, weights: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return the sums of squares that a rising and a falling trend take: shape (...) each, between 0 and all."""
    curves, weight = np.asarray(means, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    away = curves - ((curves @ weight) / weight.sum())[..., None]
    rising: Floats = isotonic(away, weight) ** 2 @ weight
    falling: Floats = isotonic(-away, weight) ** 2 @ weight
    return rising, falling


def _fitted(rows: Floats, weight: Floats) -> Floats:
    """Fit at i = max over j <= i of min over k >= i of the weighted mean from j to k."""
    levels = len(weight)
    zero = np.zeros((len(rows), 1))
    total = np.concatenate([zero, np.cumsum(rows * weight, axis=1)], axis=1)
    mass = np.concatenate([[0.0], np.cumsum(weight)])
    first, last = np.arange(levels)[:, None], np.arange(levels)[None, :]
    backward = last < first
    length = np.where(backward, 1.0, mass[last + 1] - mass[first])
    between = (total[:, None, 1:] - total[:, :-1, None]) / length
    between[:, backward] = np.inf
    lowest = np.minimum.accumulate(between[:, :, ::-1], axis=2)[:, :, ::-1]
    lowest[:, backward] = -np.inf
    fitted: Floats = lowest.max(axis=1)
    return fitted
