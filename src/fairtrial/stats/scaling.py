"""Laws of growth with a size: power law with an offset, exponential approach, log-linear, flat; many samples at once.

Every law is `offset + slope * basis(size; shape)`. For a given shape it is linear, so offset and slope are solved for
under their bounds and only the shape is searched: over a grid, which is its multi-start, then by parabolas. Source of
the method: Golub and Pereyra (1973), The differentiation of pseudo-inverses and nonlinear least squares problems whose
variables separate, SIAM J. Numer. Anal. 10; of the law: Hestness et al. (2017), Deep learning scaling is predictable,
empirically, arXiv:1712.00409.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fairtrial.stats.summary import Floats, Integers

FLAT, LOG, POWER, EXPONENTIAL = "flat", "log-linear", "power law", "exponential"
SHAPED = (POWER, EXPONENTIAL)
COUNT = {FLAT: 1, LOG: 2, POWER: 3, EXPONENTIAL: 3}
"""Law -> parameters of its mean."""
LEAST_SIZES = {FLAT: 1, LOG: 3, POWER: 4, EXPONENTIAL: 4}
"""Law -> sizes from which it may be fitted: one more than its parameters, so that it can fail."""
ALPHA = (0.01, 2.0)
GRID = 48
ROUNDS = 9
EXACT = 1e-24
"""Share of the sum of squares below which what is left over is rounding."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is fitted at which sizes, and under which bounds."""

    x: Floats
    """The sizes, above 0, ascending."""
    variance: Floats
    """Of the mean at each size; all 1 where nothing is known of it."""
    df: int
    """Degrees of freedom of these variances, 0 where nothing is known."""
    falling: bool
    """The metric falls towards its floor (an error); otherwise it rises towards its ceiling."""
    bounded: bool
    """The floor is not below 0."""

    def without(self, last: int) -> Task:
        """Return the task without the largest `last` sizes."""
        keep = slice(0, len(self.x) - last)
        return Task(self.x[keep], self.variance[keep], self.df, self.falling, self.bounded)

    @property
    def laws(self) -> tuple[str, ...]:
        """List the laws that so many sizes allow, simplest first."""
        return tuple(law for law, least in LEAST_SIZES.items() if len(self.x) >= least)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A law fitted to B samples: every array has B entries."""

    law: str
    reference: float
    """The unit of size in which `basis` works."""
    offset: Floats
    slope: Floats
    shape: Floats
    loss: Floats
    """Weighted sum of squared residuals, in units of the variance."""

    def at(self, x: Floats, rows: npt.NDArray[np.bool_] | slice = slice(None)) -> Floats:
        """Return what the law says at the sizes x: a row for each sample (those in `rows`)."""
        basis = _basis(self.law, x / self.reference, self.shape[rows])
        found: Floats = self.offset[rows, None] + self.slope[rows, None] * basis
        return found

    @property
    def parameters(self) -> dict[str, Floats]:
        """Return the parameters in the units of size and metric.

        Power law: E + A N^-alpha (E - A N^-alpha where it rises); exponential: E + A exp(-N / tau); log-linear:
        a + b ln(N); flat: mean.
        """
        if self.law == FLAT:
            return {"mean": self.offset}
        if self.law == LOG:
            return {"a": self.offset - self.slope * math.log(self.reference), "b": self.slope}
        size = np.abs(self.slope)
        if self.law == EXPONENTIAL:
            return {"E": self.offset, "A": size, "tau": self.reference / self.shape}
        return {"E": self.offset, "A": size * self.reference**self.shape, "alpha": self.shape}


@dataclass(frozen=True, slots=True)
class Fits:
    """Every law fitted to the same B samples, and the one that fits each sample best."""

    task: Task
    laws: tuple[Fitted, ...]
    criterion: Floats
    """Bayes's information criterion: laws x B, smaller is better."""

    @property
    def choice(self) -> Integers:
        """Return the place of the best law for each sample."""
        return np.asarray(np.argmin(self.criterion, axis=0), dtype=np.int64)

    def at(self, x: Floats) -> Floats:
        """Return what the best law of each sample says at the sizes x: B rows."""
        choice = self.choice
        found = np.empty((len(choice), len(x)))
        for place, law in enumerate(self.laws):
            found[choice == place] = law.at(x, choice == place)
        return found


def fits(task: Task, y: Floats, laws: Sequence[str] | None = None) -> Fits:
    """Fit laws (all that the sizes allow unless named) to the rows of y: B samples of a mean at each size."""
    made = tuple(fit(task, y, law) for law in (task.laws if laws is None else laws))
    return Fits(task, made, np.stack([_bic(task, law, y) for law in made]))


def fit(task: Task, y: Floats, law: str) -> Fitted:
    """Fit one law to the rows of y by weighted least squares under the bounds of the task.

    A (the amplitude) is at least 0, alpha lies in ALPHA, and E is at least 0 where the task says so.
    """
    found = _Problem(task, y, law, floored=False).fitted()
    low = found.offset < 0
    if law not in SHAPED or not task.bounded or not low.any():
        return found
    rested = _Problem(task, y[low], law, floored=True).fitted()
    for name in ("offset", "slope", "shape", "loss"):
        getattr(found, name)[low] = getattr(rested, name)
    return found


class _Problem:
    """Weighted least squares of offset and slope for given shapes; the offset rests on its floor 0 where `floored`."""

    def __init__(self, task: Task, y: Floats, law: str, *, floored: bool) -> None:
        self.task, self.law, self.floored = task, law, floored
        self.reference = float(np.exp(np.log(task.x).mean()))
        self.x = task.x / self.reference
        precision = 1.0 / task.variance
        self.total = float(precision.sum())
        self.weight = precision / self.total
        self.middle = np.zeros(len(y)) if floored else np.asarray(y @ self.weight, dtype=np.float64)
        self.y = y - self.middle[:, None]
        self.square = (self.y**2) @ self.weight

    def fitted(self) -> Fitted:
        """Return the fit of least loss for each sample."""
        shape = np.exp(self._refined()) if self.law in SHAPED else np.ones(len(self.y))
        basis = _basis(self.law, self.x, shape)
        centred, centre = self._centred(basis)
        slope = self._slope((self.y * centred) @ self.weight, (centred**2) @ self.weight)
        rest = self.y - slope[:, None] * centred
        offset = self.middle - slope * centre
        return Fitted(self.law, self.reference, offset, slope, shape, self.total * ((rest**2) @ self.weight))

    def _refined(self) -> Floats:
        """Return the log shape of least loss for each sample: the best of the grid, then parabolas through it."""
        low, high = (math.log(end) for end in _span(self.law, self.x))
        grid = np.linspace(low, high, GRID)
        centred, _ = self._centred(_basis(self.law, self.x, np.exp(grid)))
        loss = self._loss(self.y @ (centred * self.weight).T, (centred**2) @ self.weight, self.square[:, None])
        best, step = grid[np.argmin(loss, axis=1)], float(grid[1] - grid[0])
        for _ in range(ROUNDS):
            sides = np.clip(best + np.array([[-step], [0.0], [step]]), low, high)
            best = np.clip(best + step * _vertex(*self._loss_at(sides)), low, high)
            step /= 2
        return np.asarray(best, dtype=np.float64)

    def _loss_at(self, log_shape: Floats) -> Floats:
        """Return the loss at several log shapes for each sample: shapes x samples, as they are given."""
        centred, _ = self._centred(_basis(self.law, self.x, np.exp(log_shape)))
        return self._loss((self.y * centred) @ self.weight, (centred**2) @ self.weight, self.square)

    def _centred(self, basis: Floats) -> tuple[Floats, Floats]:
        """Return the basis less its mean (which a free offset takes up), and that mean."""
        centre = np.zeros(basis.shape[:-1]) if self.floored else np.asarray(basis @ self.weight, dtype=np.float64)
        return basis - centre[..., None], centre

    def _loss(self, across: Floats, spread: Floats, square: Floats) -> Floats:
        slope = self._slope(across, spread)
        found: Floats = square - 2 * slope * across + slope**2 * spread
        return found

    def _slope(self, across: Floats, spread: Floats) -> Floats:
        """Return the slope of least loss within its bounds."""
        if self.law == FLAT:
            return np.zeros_like(across)
        slope = across / np.where(spread > 0, spread, 1.0)
        if self.law == LOG:
            return np.asarray(slope, dtype=np.float64)
        return np.maximum(slope, 0.0) if self.task.falling else np.minimum(slope, 0.0)


def _basis(law: str, x: Floats, shape: Floats) -> Floats:
    """Return the basis at the sizes x for each shape, sizes last."""
    if law == POWER:
        return np.asarray(np.exp(-shape[..., None] * np.log(x)), dtype=np.float64)
    if law == EXPONENTIAL:
        return np.asarray(np.exp(-shape[..., None] * x), dtype=np.float64)
    flat = np.zeros_like(x) if law == FLAT else np.log(x)
    return np.broadcast_to(flat, (*shape.shape, len(x)))


def _span(law: str, x: Floats) -> tuple[float, float]:
    """Return the bounds of the shape: alpha, or the rate from nearly straight to gone after the second size."""
    return ALPHA if law == POWER else (0.1 / float(x[-1]), 5.0 / float(x[1]))


def _vertex(left: Floats, middle: Floats, right: Floats) -> Floats:
    """Return where the parabola through three losses is least, in steps from the middle; an end where it opens down."""
    bend = left - 2 * middle + right
    flat = bend <= 0
    inside = 0.5 * (left - right) / np.where(flat, 1.0, bend)
    found: Floats = np.where(flat, np.sign(left - right) * (np.minimum(left, right) < middle), np.clip(inside, -1, 1))
    return found


def _bic(task: Task, law: Fitted, y: Floats) -> Floats:
    """Return n ln(RSS / n) + k ln(n) over all values behind the means; their own scatter is part of the RSS.

    Source: Schwarz (1978), Estimating the dimension of a model, Ann. Statist. 6.
    """
    n = task.df + len(task.x)
    exact = EXACT * (y**2 / task.variance).sum(axis=1) + np.finfo(np.float64).tiny
    found: Floats = n * np.log((task.df + np.maximum(law.loss, exact)) / n) + (COUNT[law.law] + 1) * math.log(n)
    return found
