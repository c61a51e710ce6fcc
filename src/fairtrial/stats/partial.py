"""Terms of an additive model, each tested beside all others: for designs whose conditions were drawn, not crossed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from fairtrial.stats.anova import f_tail
from fairtrial.stats.resample import permutation_p
from fairtrial.stats.summary import Floats, Integers

RANK = 1e-9
"""Share of a column's size below which what is left of it is rounding."""
BATCH = 2_000_000
"""Numbers that one batch of permutations holds at most."""


@dataclass(frozen=True, slots=True)
class Partial:
    """The test of one term; f and p are None where the design cannot tell it from the others, or leaves no error."""

    f: float | None
    df: int
    error_df: int
    p: float | None
    fitted: Floats
    """Of a factor: its levels' means, the other factors held. Of an interaction: its part of each value."""
    covariance: Floats
    """Of a factor: of the means, residual variance 1; empty for an interaction."""


@dataclass(frozen=True, slots=True)
class Additive:
    """The additive model of some values."""

    mains: tuple[Partial, ...]
    pairs: tuple[Partial, ...]
    residual_sd: float
    error_df: int


@dataclass(frozen=True, slots=True)
class _Term:
    basis: Floats
    """(values, df): what the term adds to the others, as columns of length 1 at right angles."""
    observed: float
    """Sum of squares that it explains."""
    extra: bool
    """It is an interaction: the additive model has it in its residuals."""


def additive(
    values: Floats,
    mains: Sequence[Integers],
    pairs: Sequence[tuple[Integers, Integers]] = (),
    *,
    repeats: int,
    rng: np.random.Generator,
) -> Additive:
    """Fit main effects and test each given the others, and each pair's interaction given all main effects.

    `values` holds one number a condition, each array of `mains` the level (0, 1, …) of one factor at each condition,
    each pair of `pairs` the levels of two factors (they may be coarser). p is by permutation of the residuals over
    the conditions, which supposes that the errors of conditions are exchangeable. Sources: ter Braak (1992),
    Permutation versus bootstrap significance tests in multiple regression and ANOVA, in Bootstrapping and Related
    Techniques; type II sums of squares: Yates (1934), J. Am. Statist. Assoc. 29. With 0 `repeats` p is that of the F
    distribution.
    """
    blocks = [_dummies(codes) for codes in mains]
    design = np.hstack([np.ones((len(values), 1)), *blocks])
    inverse = np.linalg.pinv(design.T @ design, rcond=RANK, hermitian=True)
    coefficients = inverse @ (design.T @ values)
    residuals = values - design @ coefficients
    whole = _basis(design, design)
    ends = np.cumsum([1, *(block.shape[1] for block in blocks)])
    spans = [slice(low, high) for low, high in pairwise(ends.tolist())]
    terms = [_term(values, design[:, span], np.delete(design, span, axis=1), extra=False) for span in spans]
    terms += [_term(residuals, _product(*pair), design, extra=True) for pair in pairs]
    rss, df = float(residuals @ residuals), len(values) - whole.shape[1]
    drawn = _draws(residuals, whole, terms, repeats=repeats, rng=rng)
    tested = [_tested(term, draws, rss, df) for term, draws in zip(terms, drawn, strict=True)]
    shown = [(coefficients[span], inverse[span, span]) for span in spans]
    shown += [(term.basis @ (term.basis.T @ values), np.empty((0, 0))) for term in terms[len(spans) :]]
    found = tuple(Partial(*numbers, *more) for numbers, more in zip(tested, shown, strict=True))
    return Additive(found[: len(spans)], found[len(spans) :], (rss / df) ** 0.5 if df > 0 else 0.0, df)


def _dummies(codes: Integers) -> Floats:
    dummies: Floats = (codes[:, None] == np.arange(int(codes.max(initial=0)) + 1)).astype(np.float64)
    return dummies


def _product(one: Integers, other: Integers) -> Floats:
    left, right = _dummies(one), _dummies(other)
    return (left[:, :, None] * right[:, None, :]).reshape(len(one), -1)


def _term(values: Floats, block: Floats, others: Floats, *, extra: bool) -> _Term:
    inverse = np.linalg.pinv(others.T @ others, rcond=RANK, hermitian=True)
    basis = _basis(block - others @ (inverse @ (others.T @ block)), block)
    return _Term(basis, float(((basis.T @ values) ** 2).sum()), extra)


def _basis(columns: Floats, original: Floats) -> Floats:
    """Return columns of length 1 at right angles that span the given ones, but for what rounding left of them."""
    sizes, vectors = np.linalg.eigh(columns.T @ columns)
    keep = sizes > RANK * float((original**2).sum(axis=0).max(initial=0.0))
    basis: Floats = columns @ (vectors[:, keep] / np.sqrt(sizes[keep]))
    return basis


def _draws(
    residuals: Floats, whole: Floats, terms: Sequence[_Term], *, repeats: int, rng: np.random.Generator
) -> list[tuple[Floats, Floats]]:
    """Permute the residuals; return for each term its sums of squares and the residual ones, one a permutation."""
    columns = np.hstack([whole, *(term.basis for term in terms)])
    starts = np.cumsum([0, whole.shape[1], *(term.basis.shape[1] for term in terms)])
    size = max(1, BATCH // len(residuals))
    sums: list[Floats] = [np.empty((len(terms) + 1, 0))]
    square = float(residuals @ residuals)
    for at in range(0, repeats, size):
        rows = np.tile(residuals, (min(size, repeats - at), 1))
        squares = (rng.permuted(rows, axis=1, out=rows) @ columns) ** 2
        parts = [squares[:, low:high].sum(axis=1) for low, high in pairwise(starts.tolist())]
        sums.append(np.stack(parts))
    whole_sum, *own = np.hstack(sums)
    return [(part, square - whole_sum) for part in own]


def _tested(
    term: _Term, draws: tuple[Floats, Floats], rss: float, error_df: int
) -> tuple[float | None, int, int, float | None]:
    """Return F, its degrees of freedom and p."""
    df = term.basis.shape[1]
    left = error_df - (df if term.extra else 0)
    if not df or left < 1:
        return None, df, max(left, 0), None
    error = rss - (term.observed if term.extra else 0.0)
    own, rest = draws
    rest = rest - (own if term.extra else 0.0)
    ratio = own / np.maximum(rest, RANK * (own + rest) + np.finfo(np.float64).tiny)
    observed = term.observed / max(error, RANK * (term.observed + error) + np.finfo(np.float64).tiny)
    f = None if error <= RANK * (error + term.observed) else observed * left / df
    return f, df, left, permutation_p(ratio, observed) if len(ratio) else f_tail(f, df, left)
