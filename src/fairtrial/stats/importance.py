"""How much of the variance each factor explains on its own, with an interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from fairtrial.stats.resample import percentile
from fairtrial.stats.summary import Floats, Integers

ROUNDING = 1e-12
"""Share of the largest value below which a spread is rounding."""
BATCH = 5_000_000
"""Weights that are held at once."""


def shares(
    values: Floats,
    factors: Sequence[Integers],
    strata: Integers,
    *,
    repeats: int = 200,
    level: float = 0.95,
    rng: np.random.Generator,
) -> list[tuple[float, float, float] | None]:
    """Return (share, low, high) of the variance that each factor explains, first order; None where nothing varies.

    Each factor is an array of its level (or bin) 0, 1, … at each value, -1 where the value lacks it. A share is
    epsilon squared, from which the part that chance alone explains is taken off (so noise explains 0 on average),
    cut to 0 … 1. The interval is a percentile bootstrap, its draws moved so that their mean is the estimate: resampling
    adds chance of its own. Values are drawn within their stratum (the conditions of a grid, or one for all where
    conditions were drawn). Sources: Kelley (1935), An unbiased correlation ratio measure, PNAS 21; functional ANOVA:
    Hutter, Hoos and Leyton-Brown (2014), An efficient approach for assessing hyperparameter importance, ICML.
    """
    found = [[_shares(values, codes, weights) for codes in factors] for weights in _weights(strata, repeats, rng)]
    return [_interval(np.concatenate(rows), level) for rows in zip(*found, strict=True)]


def _weights(strata: Integers, repeats: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Return how often each value is drawn, in batches: (draws, values); the first row is the sample itself."""
    order = np.argsort(strata, kind="stable")
    size = np.bincount(strata)
    width, start = size[strata[order]], (np.cumsum(size) - size)[strata[order]]
    step = max(1, BATCH // max(1, len(strata)))
    yield np.ones((1, len(strata)))
    for at in range(0, repeats, step):
        weights = np.empty((min(step, repeats - at), len(strata)))
        for row in weights:
            places = start + (rng.random(len(strata)) * width).astype(np.int64)
            row[:] = np.bincount(order[places], minlength=len(strata))
        yield weights


def _interval(found: Floats, level: float) -> tuple[float, float, float] | None:
    """Return the share and its ends from those of the sample (first) and of the draws."""
    share = float(found[0])
    if np.isnan(share):
        return None
    draws = found[1:][np.isfinite(found[1:])]
    low, high = percentile(draws - draws.mean() + share, level) if len(draws) else (share, share)
    clipped = (min(max(number, 0.0), 1.0) for number in (share, min(low, share), max(high, share)))
    return next(clipped), next(clipped), next(clipped)


def _shares(values: Floats, codes: Integers, weights: Floats) -> Floats:
    """Return epsilon squared under each row of weights; NaN where nothing varies."""
    has = codes >= 0
    if not has.all():
        values, codes, weights = values[has], codes[has], weights[:, has]
    if len(values) < 2:
        return np.full(len(weights), np.nan)
    centred = values - values.mean()
    columns = (codes[:, None] == np.arange(int(codes.max()) + 1)).astype(np.float64)
    n, sums = weights @ columns, weights @ (columns * centred[:, None])
    size, whole, square = n.sum(axis=1), sums.sum(axis=1), weights @ centred**2
    with np.errstate(invalid="ignore", divide="ignore"):
        between = np.where(n > 0, sums**2 / n, 0.0).sum(axis=1) - whole**2 / size
        total = square - whole**2 / size
        levels = (n > 0).sum(axis=1)
        noise = (total - between) / (size - levels)
        found: Floats = (between - (levels - 1) * np.where(size > levels, noise, 0.0)) / total
    peak = float(np.abs(values).max())
    found[~(total > (ROUNDING * peak) ** 2 * size)] = np.nan
    return found
