"""Whether a curve measured in replicates bends: its slope falls (or rises) along the way, against a straight line."""

from __future__ import annotations

import numpy as np

from fairtrial.stats.blocks import shuffled
from fairtrial.stats.curve import EXACT, Sample
from fairtrial.stats.resample import permutation_p
from fairtrial.stats.summary import Floats

PERMUTATIONS = 999


def bend_p(measured: Sample, values: Floats, *, convex: bool, rng: np.random.Generator) -> float:
    """Return the one-sided p of a straight line against a line that breaks somewhere: concave, or `convex`.

    The statistic is the largest studentised gain over breaks at the inner levels and halfway between them; its null
    comes from the line's residuals, freed of their leverage, changing places within replicates. Which weights the
    levels deserve is not known, and taking the likelier ones for the true ones would reject too often: so the larger p
    counts, with noise that is constant and with noise in proportion to the line. 1 where the line is exact or there
    are fewer than four levels. Sources: Hansen (1996), Inference when a nuisance parameter is not identified under the
    null hypothesis, Econometrica 64; Freedman and Lane (1983), A nonstochastic interpretation of reported significance
    levels, J. Bus. Econ. Stat. 1.
    """
    if len(measured.x) < 4 or np.isfinite(values).sum() <= 3:
        return 1.0
    scaled = measured.x / measured.x.max()
    sign = -1.0 if convex else 1.0
    return max(_bend_p(scaled, values, root, sign=sign, rng=rng) for root in _roots(measured, scaled))


def _roots(measured: Sample, scaled: Floats) -> list[Floats]:
    """Return the square roots of the weights that are tried, one a level."""
    constant = np.ones_like(scaled)
    basis = np.stack([constant, scaled], axis=1)
    root = np.sqrt(measured.weight)
    solved = np.linalg.lstsq(basis * root[:, None], measured.mean * root, rcond=None)[0]
    line = basis @ solved
    return [constant, line.max() / line] if line.min() > 0 else [constant]


def _bend_p(scaled: Floats, values: Floats, root: Floats, *, sign: float, rng: np.random.Generator) -> float:
    seen = np.isfinite(values).T
    roots = np.where(seen, root, 0.0)
    whitened = np.where(seen, values.T, 0.0) * roots
    line, _ = np.linalg.qr(np.stack([roots.ravel(), (roots * scaled).ravel()], axis=1))
    gains = _gains(roots, scaled, line)
    rest = whitened.ravel() - line @ (line.T @ whitened.ravel())
    left = float(rest @ rest)
    if left <= EXACT * float((whitened**2).sum()):
        return 1.0
    free = np.sqrt(np.maximum(1 - (line**2).sum(axis=1), EXACT))
    moved = shuffled((rest / free).reshape(whitened.shape), seen, PERMUTATIONS, rng).reshape(PERMUTATIONS, -1)
    null = (sign * moved @ gains).max(axis=1) / np.sqrt((moved**2).sum(axis=1) - ((moved @ line) ** 2).sum(axis=1))
    observed = float((sign * rest @ gains).max()) / np.sqrt(left)
    return permutation_p(null, observed, scale=1.0)


def _gains(roots: Floats, scaled: Floats, line: Floats) -> Floats:
    """Return what each break adds to the line, normed: shape (cells, breaks)."""
    inner = scaled[1:-1]
    breaks = np.unique(np.concatenate([inner, (inner[1:] + inner[:-1]) / 2]))
    lower = np.minimum(scaled[:, None], breaks) * roots[..., None]
    columns = lower.reshape(-1, len(breaks))
    columns = columns - line @ (line.T @ columns)
    gains: Floats = columns / np.linalg.norm(columns, axis=0)
    return gains
