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
UNDECIDED = 1e-6
"""Information at an estimate, over that at 0, above which there is no need to look for separation."""
RIDGE = 1e-8
DRAWS = 2000
"""Bootstrap draws."""
SURE = 1e-7
"""Least margin by which a separating direction must prefer what is preferred."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Weights over the scale of the noise: theta = weight / tau, (k,) each."""

    theta: Floats
    """NaN where a weight is not identified by itself."""
    identified: Mask
    flat: Floats
    """Directions in which the likelihood does not change, (directions, k), in the units of theta."""
    condition: float
    """Largest over smallest eigenvalue of the information on terms of unit size; infinite where one is flat."""
    rank: int
    settled: int
    """Pairs that some weights prefer rightly while they prefer none wrongly: more than 0 is separation.

    The larger these weights the likelier the pairs, so there is no estimate: theta is such a direction.
    """
    bounds: Floats
    """Where separated, least and greatest ratios to the first weight that prefer no pair wrongly, (k, 2); else NaN."""
    rows: int
    """Rows with a pair."""
    draws: Floats
    """Bootstrap draws of theta, (draws, k), over rows; empty where separated."""

    @property
    def separated(self) -> bool:
        """Say that there is no estimate, since some weights contradict nothing."""
        return self.settled > 0


def fit(differences: Floats, row: Integers, *, rng: np.random.Generator) -> Fit:
    """Fit P(better over worse) = 1 / (1 + exp(-theta . d)), d (n, k) the terms of the worse less those of the better.

    Maximum likelihood by Newton's method, in the space that the pairs tell something of. Only ratios of the weights
    can be known: theta is a weight over the noise's scale tau. Draws are a bootstrap over rows, whose pairs depend on
    each other: each one Newton step from the estimate, with random weights on the rows. Sources: Bradley and Terry
    (1952), Rank analysis of incomplete block designs, Biometrika 39; McFadden (1974), Conditional logit analysis of
    qualitative choice behavior; separation by linear programming: Konis (2007), Linear programming algorithms for
    detecting separated data in binary logistic regression models; one step: Kline and Santos (2012), A score based
    approach to wild bootstrap inference, Journal of Econometric Methods 1; weights: Rubin (1981), The Bayesian
    bootstrap, Annals of Statistics 9. Raises FairtrialError without pairs or with numbers that are not finite.
    """
    scaled, unit = _scaled(differences)
    scale = np.abs(scaled).max(axis=0)
    values, vectors = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    kept = values > FLAT * max(float(values[-1]), np.finfo(np.float64).tiny)
    space, flat = vectors[:, kept], vectors[:, ~kept].T / unit
    identified = np.all(np.abs(vectors[:, ~kept]) < 1e-6, axis=1) & (scale > 0)
    reduced = scaled @ space
    estimate, settled = _newton(reduced), 0
    if not _found(reduced, estimate):
        direction = _direction(reduced)
        margins = reduced @ direction
        settled = int((margins > SURE).sum()) if margins.min() > -SURE else 0
        estimate = direction if settled else estimate
    information = _information(reduced, np.zeros_like(estimate) if settled else estimate)
    draws, bounds = np.empty((0, len(unit))), np.full((len(unit), 2), np.nan)
    if settled:
        bounds = _bounds(scaled, unit)
    else:
        draws = (_draws(reduced, estimate, row, rng=rng) @ space.T) / unit
        draws[:, ~identified] = np.nan
    eigen = np.linalg.eigvalsh(information)
    condition = float(eigen[-1] / eigen[0]) if kept.all() and eigen[0] > 0 else np.inf
    theta = np.where(identified, space @ estimate / unit, np.nan)
    rows = len(np.unique(row))
    return Fit(theta, identified, flat, condition, int(kept.sum()), settled, bounds, rows, draws)


def ridge(differences: Floats) -> Floats:
    """Return weights to choose by, (k,): the likelihood less a ridge of 1e-8 on terms of unit size, so finite always.

    Of weights that are not identified, the smallest; where separated, large ones that contradict little. Raises
    FairtrialError as `fit` does.
    """
    scaled, unit = _scaled(differences)
    return _newton(scaled, RIDGE) / unit


def _scaled(differences: Floats) -> tuple[Floats, Floats]:
    """Return the differences of terms of unit size (root mean square), and that size; 1 for a term of none."""
    if not len(differences) or not np.isfinite(differences).all():
        raise FairtrialError("preferences are fitted to at least one pair, of finite terms")
    scale = np.sqrt((differences**2).mean(axis=0))
    unit = np.where(scale > 0, scale, 1.0)
    return differences / unit, unit


def _newton(d: Floats, ridge: float = 0.0) -> Floats:
    """Return the theta of the greatest likelihood, less ridge |theta|^2 / 2."""
    more = ridge * np.eye(d.shape[1])
    theta, likelihood = np.zeros(d.shape[1]), -np.log(2.0)
    for _ in range(STEPS):
        step = np.linalg.solve(_information(d, theta) + more, _scores(d, theta).sum(axis=0) - ridge * theta)
        size = 1.0
        while (found := _likelihood(d, theta + size * step, ridge)) < likelihood and size > 1e-8:
            size /= 2
        theta, gained, likelihood = theta + size * step, found - likelihood, max(found, likelihood)
        if gained < ENOUGH:
            break
    return theta


def _found(d: Floats, theta: Floats) -> bool:
    """Say whether an estimate is surely one: pairs are still undecided in every direction, not only far from it."""
    from scipy.linalg import eigvalsh

    return bool(eigvalsh(_information(d, theta), _information(d, np.zeros_like(theta)))[0] > UNDECIDED)


def _likelihood(d: Floats, theta: Floats, ridge: float) -> float:
    """Return the mean log-likelihood of a pair, less the ridge."""
    return float(-np.logaddexp(0.0, -(d @ theta)).mean() - ridge * theta @ theta / 2 / len(d))


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
    """Return theta + information^-1 x the scores of rows with random weights, exponential of mean 1, (draws, k)."""
    rows, place = np.unique(row, return_inverse=True)
    scores = np.zeros((len(rows), d.shape[1]))
    np.add.at(scores, place, _scores(d, theta))
    times = rng.standard_exponential((DRAWS, len(rows))) - 1
    wide = np.sqrt(len(rows) / max(1, len(rows) - 1))
    found: Floats = theta + wide * np.linalg.solve(_information(d, theta), (times @ scores).T).T
    return found


def _direction(d: Floats) -> Floats:
    """Return the theta in the unit cube that maximises the sum of the margins where none may be negative."""
    from scipy.optimize import linprog

    distinct = np.unique(d, axis=0)
    found = linprog(-distinct.sum(axis=0), A_ub=-distinct, b_ub=np.zeros(len(distinct)), bounds=(-1, 1))
    return np.asarray(found.x if found.success else np.zeros(d.shape[1]))


def _bounds(d: Floats, unit: Floats) -> Floats:
    """Return the least and greatest ratio of each weight to the first that prefers no pair wrongly, (k, 2).

    Infinite where there is none; NaN where the first weight would have to be 0 or less.
    """
    from scipy.optimize import linprog

    distinct = np.unique(d, axis=0)
    found = np.full((d.shape[1], 2), np.nan)
    found[0] = 1.0
    rest, first = -distinct[:, 1:], distinct[:, 0]
    for place in range(1, d.shape[1]):
        goal = np.eye(d.shape[1])[place][1:]
        for side, sign in enumerate((1.0, -1.0)):
            best = linprog(sign * goal, A_ub=rest, b_ub=first, bounds=(None, None))
            if best.status in (0, 3):  # solved, or without a bound
                found[place, side] = sign * (best.fun if best.status == 0 else -np.inf)
    ratios: Floats = np.where(np.abs(found) < SURE, 0.0, found) * (unit[0] / unit)[:, None]
    return ratios
