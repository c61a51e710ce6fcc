"""Shrinkage: means of many conditions drawn towards each other by their noise, so that the best is not too good."""

from __future__ import annotations

import numpy as np

from fairtrial.stats.moderation import ROUNDING, magnitudes, moderated, spreads
from fairtrial.stats.summary import Floats


def shrunken(mean: Floats, noise: Floats) -> Floats:
    """Return means drawn towards their common mean, the more so the larger their noise (variance of the mean).

    Below four means, or without noise, they are returned as they are. Source: Morris (1983), Parametric empirical
    Bayes inference, J. Am. Statist. Assoc. 78, with the moment estimator of the spread of the true means of
    DerSimonian and Laird (1986), Control. Clin. Trials 7.
    """
    count = len(mean)
    if count < 4 or not noise.max(initial=0.0) > 0:
        return mean
    scale = float(noise[noise > 0].mean())
    noise = np.maximum(noise / scale, ROUNDING)
    weight = 1 / noise
    centre = (weight * mean).sum() / weight.sum()
    spread = ((weight * (mean - centre) ** 2).sum() / scale - (count - 1)) / (
        weight.sum() - (weight**2).sum() / weight.sum()
    )
    weight = 1 / (noise + max(spread, 0.0))
    centre = (weight * mean).sum() / weight.sum()
    drawn: Floats = mean - (count - 3) / (count - 1) * noise * weight * (mean - centre)
    return drawn


def noise_of_means(values: Floats) -> Floats:
    """Return the variance of each condition's mean, what a replicate does to all conditions alike left out.

    NaN below two values; the variances are moderated.
    """
    size = magnitudes(values)
    away = values - spreads(values, size)[1][:, None]
    n, _, variance = spreads(away - _common(away), size)
    df = np.maximum(n - 1, 0.0)
    return np.where(df > 0, moderated(variance, df, df > 0)[0] / np.maximum(n, 1), np.nan)


def _common(away: Floats) -> Floats:
    """Return what each replicate adds to all conditions alike: the median, which a few wild ones do not move."""
    columns = (column[np.isfinite(column)] for column in away.T)
    return np.array([float(np.median(column)) if len(column) else 0.0 for column in columns])
