"""The weights of a cost from preferences: conditional logit, what of it is identified, and intervals over rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairtrial.errors import FairtrialError
from fairtrial.stats.summary import Floats, Integers, Mask

FLAT = 1e-10
"""Eigenvalues of the information below this share of the largest are none."""
STEPS = 100
"""Newton's steps at most; it takes about ten."""
ENOUGH = 1e-10
"""Change of the log-likelihood a pair that ends them."""
DRAWS = 2000
"""Bootstrap draws."""
SURE = 1e-7
"""Least margin by which a separating direction must prefer what is preferred."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Weights over the scale of the noise: theta = weight / tau, (k,) each."""

    theta: Floats
    """NaN where a weight is not identified by itself."""
    full: Floats
    """The same with the shortest of all solutions in place of NaN: good for choosing."""
    identified: Mask
    flat: Floats
    """Directions in which the likelihood does not change, (directions, k), in the units of theta."""
    condition: float
    """Largest over smallest eigenvalue of the information on terms of unit size; infinite where one is flat."""
    rank: int
    separated: bool
    """Some weights tell all pairs rightly: the likelihood grows without end, and only their direction is known."""
    rows: int
    """Rows with a pair."""
    draws: Floats
    """Bootstrap draws of theta, (draws, k), over rows; empty where separated."""


def fit(differences: Floats, row: Integers, *, rng: np.random.Generator) -> Fit:
    """Fit P(better over worse) = 1 / (1 + exp(-theta . d)), d (n, k) the terms of the worse less those of the better.

    Maximum likelihood by Newton's method, in the space that the pairs tell something of. Only ratios of the weights
    can be known: theta is a weight over the noise's scale tau. Draws are a bootstrap over rows, whose pairs depend on
    each other, each one Newton step from the estimate. Sources: Bradley and Terry (1952), Rank analysis of incomplete
    block designs, Biometrika 39; McFadden (1974), Conditional logit analysis of qualitative choice behavior; separation
    by linear programming: Konis (2007), Linear programming algorithms for detecting separated data in binary logistic
    regression models; one step: Kline and Santos (2012), A score based approach to wild bootstrap inference, Journal of
    Econometric Methods 1. Raises FairtrialError without pairs or with numbers that are not finite.
    """
    if not len(differences) or not np.isfinite(differences).all():
        raise FairtrialError("preferences are fitted to at least one pair, of finite terms")
    scale = np.sqrt((differences**2).mean(axis=0))
    unit = np.where(scale > 0, scale, 1.0)
    scaled = differences / unit
    values, vectors = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    kept = values > FLAT * max(float(values[-1]), np.finfo(np.float64).tiny)
    space, flat = vectors[:, kept], vectors[:, ~kept].T / unit
    identified = np.all(np.abs(vectors[:, ~kept]) < 1e-6, axis=1) & (scale > 0)
    reduced = scaled @ space
    separated = _separated(reduced)
    estimate = _direction(reduced) if separated else _newton(reduced)
    full = space @ estimate / unit
    draws = np.empty((0, len(full)))
    information = _information(reduced, np.zeros_like(estimate) if separated else estimate)
    if not separated:
        draws = (_draws(reduced, estimate, row, rng=rng) @ space.T) / unit
        draws[:, ~identified] = np.nan
    eigen = np.linalg.eigvalsh(space @ information @ space.T)
    condition = float(eigen[-1] / eigen[0]) if kept.all() and eigen[0] > 0 else np.inf
    theta = np.where(identified, full, np.nan)
    return Fit(theta, full, identified, flat, condition, int(kept.sum()), separated, len(np.unique(row)), draws)


def _newton(d: Floats) -> Floats:
    theta, likelihood = np.zeros(d.shape[1]), -np.log(2.0)
    for _ in range(STEPS):
        step = np.linalg.solve(_information(d, theta), _scores(d, theta).sum(axis=0))
        size = 1.0
        while (found := _likelihood(d, theta + size * step)) < likelihood and size > 1e-8:
            size /= 2
        theta, gained, likelihood = theta + size * step, found - likelihood, max(found, likelihood)
        if gained < ENOUGH:
            break
    return theta


def _likelihood(d: Floats, theta: Floats) -> float:
    """Return the mean log-likelihood of a pair."""
    return float(-np.logaddexp(0.0, -(d @ theta)).mean())


def _scores(d: Floats, theta: Floats) -> Floats:
    """Return the gradient of each pair, (n, k)."""
    from scipy.special import expit

    found: Floats = d * expit(-(d @ theta))[:, None]
    return found


def _information(d: Floats, theta: Floats) -> Floats:
    """Return Fisher's information, (k, k)."""
    from scipy.special import expit

    right = expit(d @ theta)
    found: Floats = (d * (right * (1 - right))[:, None]).T @ d
    return found


def _draws(d: Floats, theta: Floats, row: Integers, *, rng: np.random.Generator) -> Floats:
    """Return theta + information^-1 x the scores of rows drawn with replacement, (draws, k)."""
    rows, place = np.unique(row, return_inverse=True)
    scores = np.zeros((len(rows), d.shape[1]))
    np.add.at(scores, place, _scores(d, theta))
    times = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=DRAWS)
    wide = np.sqrt(len(rows) / max(1, len(rows) - 1))
    found: Floats = theta + wide * np.linalg.solve(_information(d, theta), (times @ scores).T).T
    return found


def _separated(d: Floats) -> bool:
    """Say whether some theta prefers no pair wrongly and at least one rightly."""
    theta = _direction(d)
    margins = d @ theta
    return bool(margins.max(initial=0.0) > SURE and margins.min(initial=0.0) > -SURE)


def _direction(d: Floats) -> Floats:
    """Return the theta in the unit cube that maximises the sum of the margins where none may be negative."""
    from scipy.optimize import linprog

    distinct = np.unique(d, axis=0)
    found = linprog(-distinct.sum(axis=0), A_ub=-distinct, b_ub=np.zeros(len(distinct)), bounds=(-1, 1))
    return np.asarray(found.x if found.success else np.zeros(d.shape[1]))
