"""Curves of a metric along a load: flat, line, hinge, saturating, Universal Scalability Law, fitted and compared.

Every family is linear in its coefficients once its shape (the place of a break, a half-load) is fixed. So a fit is a
search over shapes with a least-squares solution at each (Golub and Pereyra 1973, The differentiation of pseudo-inverses
and nonlinear least squares problems whose variables separate, SIAM J. Numer. Anal. 10), and many bootstrap curves are
fitted by one matrix product. Families are compared by BIC (Schwarz 1978, Estimating the dimension of a model, Ann.
Statist. 6) over all replicate values, so that what replicates disagree about is the noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from fairtrial.stats.summary import Floats

Shapes = Floats
"""One candidate a row: its nonlinear parameters, as shares of the highest load."""
ROUNDS, WIDTH = 12, 9
"""The search around the best candidate: rounds, and candidates to a parameter in each."""
NARROWINGS, NET, PLANE = 6, 161, 41
"""The search for many curves: rounds at most, candidates for one parameter, and for each of two."""
EXACT = 1e-20
"""Share of the weighted sum of squares below which an error is rounding."""


_Best = tuple[float, tuple[float, ...], tuple[float, ...]]
"""Weighted squared error of the means, shape, coefficients."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Means at ascending loads, and what is known of their noise."""

    x: Floats
    mean: Floats
    weight: Floats
    """Replicates over relative variance."""
    pure: float
    """Weighted squares of replicates around their means."""
    n: int
    """Replicate values in all."""
    proportional: bool
    """The noise grows with the mean."""


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of curve; loads are divided by the highest one before they come here."""

    name: str
    shapes: Callable[[Floats], Shapes]
    """Scaled loads -> candidates, shape (candidates, nonlinear parameters)."""
    basis: Callable[[Floats, Shapes], Floats]
    """Scaled loads, candidates -> (candidates, loads, coefficients)."""
    valid: Callable[[Floats], npt.NDArray[np.bool_]]
    """Coefficients (..., coefficients) -> whether the curve is of this kind at all."""
    coefficients: int
    log: bool = True
    """Shapes are searched by ratio rather than by difference."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A family's best curve."""

    family: Family
    shape: tuple[float, ...]
    """Nonlinear parameters, as shares of the highest load."""
    coefficients: tuple[float, ...]
    sse: float
    """Weighted squares around the curve, replicates included."""
    bic: float

    def at(self, x: npt.ArrayLike, span: float) -> Floats:
        """Return the curve at loads, whose highest tested one is `span`."""
        scaled = np.asarray(x, dtype=np.float64) / span
        curve: Floats = self.family.basis(scaled, np.array([self.shape]))[0] @ np.array(self.coefficients)
        return curve


def sample(x: Floats, values: Floats) -> Sample:
    """Weigh the means of replicate values, shape (levels, replicates), NaN where missing.

    The noise is taken as constant, or as proportional to the mean, by the likelihood of the replicates around their
    means (Carroll and Ruppert 1988, Transformation and Weighting in Regression, chapter 3).
    """
    seen = np.isfinite(values)
    count = seen.sum(axis=1).astype(np.float64)
    mean = np.where(seen, values, 0.0).sum(axis=1) / count
    squares = np.where(seen, values - mean[:, None], 0.0) ** 2
    within = squares.sum(axis=1)
    proportional = _proportional(mean, within, count)
    relative = 1 / (mean / np.abs(mean).max()) ** 2 if proportional else np.ones_like(mean)
    return Sample(x, mean, count * relative, float(within @ relative), int(count.sum()), proportional)


def fit(family: Family, measured: Sample) -> Fitted | None:
    """Fit a family; None where there are fewer levels than parameters, or no valid curve."""
    if len(measured.x) < family.coefficients + 1:
        return None
    shapes = family.shapes(measured.x / measured.x.max())
    best = _best(family, measured, shapes) if len(shapes) else None
    if best is None:
        return None
    if shapes.shape[1]:
        best = _closer(family, measured, shapes, best)
    sse, shape, coefficients = best
    parameters = len(shape) + len(coefficients)
    return Fitted(family, shape, coefficients, sse + measured.pure, _bic(sse, measured, parameters))


def refit(family: Family, measured: Sample, means: Floats) -> tuple[Shapes, Floats]:
    """Fit the same family to other means at once: shape (curves, levels) -> (shapes, coefficients), a row a curve.

    The search narrows to where the curves lie until its steps are small beside the distances between them; one curve
    in a hundred may then stand at either end of it.
    """
    shapes = family.shapes(measured.x / measured.x.max())
    for _ in range(NARROWINGS):
        chosen, solved = _refitted(family, measured, means, shapes)
        narrower = _narrower(shapes, chosen, log=family.log) if shapes.shape[1] else None
        if narrower is None:
            break
        shapes = narrower
    return chosen, solved


def _refitted(family: Family, measured: Sample, means: Floats, shapes: Shapes) -> tuple[Shapes, Floats]:
    projected, gram = _projected(family, measured, shapes)
    root = np.sqrt(measured.weight)
    solved = np.einsum("ckl,bl->bck", projected, means * root, optimize=True)
    taken = np.einsum("bck,ckm,bcm->bc", solved, gram, solved, optimize=True)
    taken = np.where(family.valid(solved), taken, -np.inf)
    best = np.argmax(taken, axis=1)
    return shapes[best], solved[np.arange(len(means)), best]


def _narrower(shapes: Shapes, chosen: Shapes, *, log: bool) -> Shapes | None:
    """Return a finer net over what was chosen; None where that is most of the net already."""
    known, picked = (np.log(shapes), np.log(chosen)) if log else (shapes, chosen)
    gap = _ratio(shapes, log=log)
    low = np.maximum(np.quantile(picked, 0.01, axis=0) - gap, known.min(axis=0))
    high = np.minimum(np.quantile(picked, 0.99, axis=0) + gap, known.max(axis=0))
    if (high - low > 0.5 * (known.max(axis=0) - known.min(axis=0))).all():
        return None
    count = NET if shapes.shape[1] == 1 else PLANE
    mesh = np.meshgrid(*(np.linspace(*ends, count) for ends in zip(low, high, strict=True)), indexing="ij")
    net: Shapes = np.stack(mesh, axis=-1).reshape(-1, shapes.shape[1])
    return np.exp(net) if log else net


def weights(fits: Mapping[str, float]) -> dict[str, float]:
    """Return the weight of evidence of each criterion: exp(-difference / 2), summing to 1."""
    least = min(fits.values())
    raw = {name: math.exp(-(value - least) / 2) for name, value in fits.items()}
    total = sum(raw.values())
    return {name: value / total for name, value in raw.items()}


def _proportional(mean: Floats, within: Floats, count: Floats) -> bool:
    freedom = count.sum() - len(count)
    if freedom <= 0 or mean.min() <= 0 or not within.any():
        return False
    peak = mean.max()
    constant = freedom * math.log(within.sum() / peak**2)
    growing = freedom * math.log((within / mean**2).sum()) + 2 * float((count - 1) @ np.log(mean / peak))
    return bool(growing < constant)


def _bic(sse: float, measured: Sample, parameters: int) -> float:
    """Return BIC with the error's variance among the parameters; an exact fit has the error of rounding."""
    scale = float(measured.weight @ measured.mean**2)
    error = max(sse + measured.pure, EXACT * scale, 1e-300)
    return measured.n * math.log(error / measured.n) + (parameters + 1) * math.log(measured.n)


def _closer(family: Family, measured: Sample, shapes: Shapes, best: _Best) -> _Best:
    """Search ever closer around the best candidate."""
    low, high = shapes.min(axis=0), shapes.max(axis=0)
    step = _ratio(shapes, log=family.log)
    for _ in range(ROUNDS):
        around = _around(np.array(best[1]), step, log=family.log)
        closer = _best(family, measured, np.clip(around, low, high))
        best = closer if closer is not None and closer[0] <= best[0] else best
        step = step / (WIDTH // 2)
    return best


def _best(family: Family, measured: Sample, shapes: Shapes) -> _Best | None:
    projected, _ = _projected(family, measured, shapes)
    root = np.sqrt(measured.weight)
    solved = projected @ (measured.mean * root)
    curves = np.einsum("clk,ck->cl", family.basis(measured.x / measured.x.max(), shapes), solved)
    errors = (((curves - measured.mean) * root) ** 2).sum(axis=1)
    errors = np.where(family.valid(solved), errors, np.inf)
    first = int(np.argmin(errors))
    if not math.isfinite(errors[first]):
        return None
    return float(errors[first]), tuple(shapes[first].tolist()), tuple(solved[first].tolist())


def _projected(family: Family, measured: Sample, shapes: Shapes) -> tuple[Floats, Floats]:
    """Return, for each shape, the matrix from weighted means to coefficients, and the Gram matrix of its basis."""
    basis = family.basis(measured.x / measured.x.max(), shapes) * np.sqrt(measured.weight)[:, None]
    gram = np.einsum("clk,clm->ckm", basis, basis)
    if basis.shape[2] == 1:
        return np.swapaxes(basis, 1, 2) / gram, gram
    return np.asarray(np.linalg.pinv(basis, rcond=1e-10), dtype=np.float64), gram


def _ratio(shapes: Shapes, *, log: bool) -> Floats:
    """Return the largest gap between neighbouring candidates, a parameter each."""
    gaps = []
    for column in shapes.T:
        ordered: Floats = np.unique(np.log(column) if log else column)
        gaps.append(float(np.diff(ordered).max()) if len(ordered) > 1 else 0.0)
    return np.array(gaps)


def _around(centre: Floats, step: Floats, *, log: bool) -> Shapes:
    offsets = np.linspace(-1.0, 1.0, WIDTH)
    mesh = np.stack(np.meshgrid(*(offsets * size for size in step), indexing="ij"), axis=-1).reshape(-1, len(centre))
    around: Shapes = centre * np.exp(mesh) if log else centre + mesh
    return around


def _none(x: Floats) -> Shapes:
    return np.empty((1, 0))


def _breaks(x: Floats) -> Shapes:
    """Break places: two levels at least on each side, the levels themselves among them."""
    if len(x) < 4:
        return np.empty((0, 1))
    inner = x[1:-1]
    between = np.concatenate([np.linspace(a, b, 24, endpoint=False) for a, b in pairwise(inner)])
    return np.append(between, inner[-1])[:, None]


def _halves(x: Floats) -> Shapes:
    return np.geomspace(max(float(x[0]), 1e-3) / 10, 30.0, 240)[:, None]


def _laws(x: Floats) -> Shapes:
    linear: Floats = np.geomspace(1e-3, 300.0, 32)
    square: Floats = np.geomspace(1e-4, 3000.0, 80)
    return np.stack(np.meshgrid(linear, square, indexing="ij"), axis=-1).reshape(-1, 2)


def _ones(x: Floats, shapes: Shapes) -> Floats:
    return np.ones((len(shapes), len(x), 1))


def _straight(x: Floats, shapes: Shapes) -> Floats:
    return np.broadcast_to(np.stack([np.ones_like(x), x], axis=1), (len(shapes), len(x), 2))


def _levelling(x: Floats, shapes: Shapes) -> Floats:
    lower = np.minimum(x, shapes)
    return np.stack([np.ones_like(lower), lower], axis=2)


def _rising(x: Floats, shapes: Shapes) -> Floats:
    upper = np.maximum(x - shapes, 0.0)
    return np.stack([np.ones_like(upper), upper], axis=2)


def _bent(x: Floats, shapes: Shapes) -> Floats:
    lower, upper = np.minimum(x, shapes), np.maximum(x - shapes, 0.0)
    return np.stack([np.ones_like(lower), lower, upper], axis=2)


def _half(x: Floats, shapes: Shapes) -> Floats:
    return (x / (shapes + x))[:, :, None]


def _approach(x: Floats, shapes: Shapes) -> Floats:
    return -np.expm1(-x / shapes)[:, :, None]


def _law(x: Floats, shapes: Shapes) -> Floats:
    linear, square = shapes[:, :1], shapes[:, 1:]
    return (x / (1 + linear * x + square * x**2))[:, :, None]


def _always(coefficients: Floats) -> npt.NDArray[np.bool_]:
    return np.ones(coefficients.shape[:-1], dtype=np.bool_)


def _last_positive(coefficients: Floats) -> npt.NDArray[np.bool_]:
    positive: npt.NDArray[np.bool_] = coefficients[..., -1] > 0
    return positive


def _slows(coefficients: Floats) -> npt.NDArray[np.bool_]:
    slows: npt.NDArray[np.bool_] = (coefficients[..., 1] > 0) & (coefficients[..., 2] < coefficients[..., 1])
    return slows


def _quickens(coefficients: Floats) -> npt.NDArray[np.bool_]:
    quickens: npt.NDArray[np.bool_] = (coefficients[..., 2] > 0) & (coefficients[..., 2] > coefficients[..., 1])
    return quickens


FLAT = Family("flat", _none, _ones, _always, 1)
LINE = Family("line", _none, _straight, _always, 2)
HINGE = Family("hinge", _breaks, _levelling, _last_positive, 2, log=False)
"""A line, then a plateau."""
BEND = Family("bend", _breaks, _bent, _slows, 3, log=False)
"""A line, then a line that rises less, or falls."""
SATURATING = Family("saturating", _halves, _half, _last_positive, 1)
"""capacity N / (half + N)."""
EXPONENTIAL = Family("exponential", _halves, _approach, _last_positive, 1)
"""capacity (1 - exp(-N / scale))."""
LAW = Family("usl", _laws, _law, _last_positive, 1)
"""The Universal Scalability Law with its scales divided out: slope N / (1 + linear N + square N^2)."""
ELBOW = Family("hinge", _breaks, _rising, _last_positive, 2, log=False)
"""Flat, then a rising line."""
QUICKENING = Family("bend", _breaks, _bent, _quickens, 3, log=False)
"""A line, then a line that rises more."""
GROWING = (FLAT, LINE, HINGE, BEND, SATURATING, EXPONENTIAL, LAW)
"""What a metric to maximise may do along a load."""
WORSENING = (FLAT, LINE, ELBOW, QUICKENING)
"""What a metric to minimise may do along a load."""
