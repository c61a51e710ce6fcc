"""Where a fitted curve stops growing and how high it gets, with bootstrap intervals over replicates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairtrial.stats.curve import Family, Fitted, Sample, Shapes, refit
from fairtrial.stats.student import LARGE, quantile
from fairtrial.stats.summary import Floats

BOOTSTRAPS = 399


@dataclass(frozen=True, slots=True)
class Marks:
    """Places on curves, one entry a curve, NaN where a curve has none."""

    knee: Floats
    """Where the first slope would reach the capacity; of a line that breaks: the break."""
    capacity: Floats
    """The plateau's or the peak's height."""
    gain: Floats
    """What a line that breaks gains from there to the highest load, as a share of the capacity; else 0."""
    peak: Floats
    """N_max of the Universal Scalability Law."""


@dataclass(frozen=True, slots=True)
class Draws:
    """Bootstrap curves of one family."""

    means: Floats
    """Shape (draws, levels)."""
    shapes: Shapes
    coefficients: Floats
    marks: Marks


def marks(family: Family, shapes: Shapes, coefficients: Floats, span: float) -> Marks:
    """Find the marks of curves of a family: shapes and coefficients a row each, `span` the highest load."""
    none = np.full(len(coefficients), np.nan)
    if family.name in ("flat", "line"):
        return Marks(none, none, none, none)
    if family.name == "usl":
        return _law(shapes, coefficients, span)
    if coefficients.shape[1] > 1:
        return _broken(shapes[:, 0], coefficients, span, none)
    return Marks(shapes[:, 0] * span, coefficients[:, 0], np.zeros(len(shapes)), none)


def bootstrap(measured: Sample, values: Floats, best: Fitted, rng: np.random.Generator) -> Draws:
    """Fit the family again to means that could have been measured: see `redrawn`."""
    means = redrawn(measured, values, rng)
    shapes, coefficients = refit(best.family, measured, means)
    return Draws(means, shapes, coefficients, marks(best.family, shapes, coefficients, float(measured.x.max())))


def redrawn(measured: Sample, values: Floats, rng: np.random.Generator) -> Floats:
    """Draw level means: shape (draws, levels), from values of shape (levels, replicates), NaN where missing.

    What a replicate adds to all its levels is drawn with the replicate, its variance cleared of the share that the
    rest of the noise lends it; the rest is drawn from all values. Both are widened as Student's t is wider than the
    normal distribution, since replicates are few. Source: Davison and Hinkley (1997), Bootstrap Methods and their
    Application, sections 2.3 and 3.8 (hierarchical data).
    """
    seen = np.isfinite(values)
    levels, replicates = values.shape
    n = seen.sum(axis=1)
    scale = np.sqrt(n / measured.weight)
    away = np.where(seen, values - measured.mean[:, None], 0.0) / scale[:, None]
    common = away.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    rest = np.where(seen, away - common, 0.0)
    freedom = max(int(seen.sum()) - levels - replicates + 1, 1)
    variance = float((rest**2).sum()) / freedom
    spread = float((common**2).sum()) / max(replicates - 1, 1)
    kept = np.sqrt(max(0.0, 1 - variance / levels / spread)) if spread else 0.0
    blocks = (draw(replicates, rng) @ common) / replicates * kept * wider(replicates - 1)
    pool = rest[seen] * np.sqrt(seen.sum() / freedom)
    noise = rng.choice(pool, size=(BOOTSTRAPS, levels, replicates)).mean(axis=2) * np.sqrt(replicates / n)
    drawn: Floats = measured.mean + scale * (blocks[:, None] * np.sqrt(replicates / max(replicates - 1, 1)))
    drawn += scale * noise * wider(freedom)
    return drawn


def wider(freedom: int) -> float:
    """Return how much wider Student's 95 % interval is than the normal one."""
    return quantile(freedom, 0.975) / quantile(LARGE, 0.975)


def draw(replicates: int, rng: np.random.Generator) -> Floats:
    """Return how often each replicate is drawn: shape (draws, replicates)."""
    counts: Floats = rng.multinomial(replicates, np.full(replicates, 1 / replicates), size=BOOTSTRAPS).astype(float)
    return counts


def resampled(values: Floats, counts: Floats) -> Floats:
    """Return the means of drawn replicates, widened for their number: shape (draws, levels).

    Values have the shape (levels, replicates), NaN where missing.
    """
    seen = np.isfinite(values)
    n = seen.sum(axis=1)
    mean = np.where(seen, values, 0.0).sum(axis=1) / n
    away = np.where(seen, values - mean[:, None], 0.0)
    widened = np.sqrt(n / np.maximum(n - 1, 1)) / n * wider(max(values.shape[1] - 1, 1))
    drawn: Floats = mean + (counts - 1.0) @ away.T * widened
    return drawn


def _law(shapes: Shapes, coefficients: Floats, span: float) -> Marks:
    linear, square, slope = shapes[:, 0] / span, shapes[:, 1] / span**2, coefficients[:, 0] / span
    knee: Floats = 1 / (linear + 2 * np.sqrt(square))
    peak: Floats = 1 / np.sqrt(square)
    return Marks(knee, slope * knee, np.zeros_like(knee), peak)


def _broken(shape: Floats, coefficients: Floats, span: float, none: Floats) -> Marks:
    """Take the height at the break; what is gained after it is a share of that height."""
    height: Floats = coefficients[:, 0] + coefficients[:, 1] * shape
    if coefficients.shape[1] == 2:
        return Marks(shape * span, height, np.zeros_like(height), none)
    with np.errstate(divide="ignore", invalid="ignore"):
        gain: Floats = coefficients[:, 2] * (1 - shape) / np.abs(height)
    return Marks(shape * span, height, gain, none)
