"""The Universal Scalability Law: X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1)).

Source: Gunther (2007), Guerrilla Capacity Planning, chapter 4: sigma is contention, kappa coherency delay, lambda the
throughput of one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fairtrial.errors import FairtrialError
from fairtrial.stats.summary import Floats


@dataclass(frozen=True, slots=True)
class Usl:
    """A fitted law; no coefficient is below 0."""

    throughput: float
    """lambda: X(1)."""
    contention: float
    """sigma."""
    coherency: float
    """kappa."""

    def at(self, load: npt.ArrayLike) -> Floats:
        """Return X(N)."""
        n = np.asarray(load, dtype=np.float64)
        slowed: Floats = 1 + self.contention * (n - 1) + self.coherency * n * (n - 1)
        return self.throughput * n / slowed

    @property
    def peak(self) -> float | None:
        """Return N_max = sqrt((1 - sigma) / kappa), where throughput is largest; None where it only levels off."""
        if not self.coherency or self.contention >= 1:
            return None
        return math.sqrt((1 - self.contention) / self.coherency)


Start = tuple[float, float, float]
"""A first guess: slope at 0, linear and square slowing, with loads and throughput divided by their largest."""
STARTS: tuple[Start, ...] = ((1.0, 0.1, 0.0), (3.0, 1.0, 0.5), (10.0, 5.0, 5.0))


def usl(
    load: npt.ArrayLike,
    throughput: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    *,
    starts: Sequence[Start] = STARTS,
) -> Usl:
    """Fit the law by weighted least squares, every coefficient at least 0 (trust region, from each of `starts`).

    One value, and one weight above 0, for each load. Raises FairtrialError for fewer than three loads or throughput
    that is nowhere above 0.
    """
    x, y = np.asarray(load, dtype=np.float64), np.asarray(throughput, dtype=np.float64)
    if len(np.unique(x)) < 3 or y.max(initial=0.0) <= 0 or x.min(initial=0.0) < 0:
        raise FairtrialError("the Universal Scalability Law needs throughput at three loads or more")
    root = np.sqrt(np.ones_like(y) if weights is None else np.asarray(weights, dtype=np.float64))
    span, height = float(x.max()), float(y.max())
    scaled = (x / span, y / height, root / root.max(), 1 / span)
    _, (slope, linear, square) = min((_from(*scaled, start=start) for start in starts), key=lambda found: found[0])
    linear, square = linear / span, square / span**2
    share = 1 / (1 + linear)
    return Usl(slope * height / span * share, linear * share, square * share)


def _from(x: Floats, y: Floats, root: Floats, unit: float, *, start: Start) -> tuple[float, tuple[float, float, float]]:
    """Fit slope x / (1 + linear x + square x (x - unit)), the law with its scales divided out; return (error, fit)."""
    from scipy.optimize import least_squares

    crowd = x * (x - unit)

    def error(fit: Floats) -> Floats:
        left: Floats = root * (fit[0] * x / (1 + fit[1] * x + fit[2] * crowd) - y)
        return left

    def jacobian(fit: Floats) -> Floats:
        under = 1 + fit[1] * x + fit[2] * crowd
        steep = fit[0] * x / under**2
        return np.stack([root * x / under, -root * steep * x, -root * steep * crowd], axis=1)

    found = least_squares(error, start, jac=jacobian, bounds=(0.0, np.inf), xtol=1e-12, ftol=1e-12, gtol=1e-12)
    slope, linear, square = found.x.tolist()
    return float(found.cost), (slope, linear, square)
