"""Rank correlation of every feature with the label, with intervals, and p values adjusted for there being ten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from fairtrial.stats.multiplicity import benjamini_hochberg
from fairtrial.stats.resample import generator, percentile, permutation_p
from fairtrial.stats.summary import Floats, Integers
from fairtrial.systems.threadpool.label.record import Labelled
from fairtrial.systems.threadpool.telemetry.schema import NAMES

BATCH = 1_000_000
"""Numbers of one batch of draws."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """Spearman's correlation of a feature with the label."""

    feature: str
    rows: int
    """Rows in which both are known."""
    rho: float
    """NaN where one of them does not vary."""
    low: float
    """Lower and upper end of its 95 % interval."""
    high: float
    p: float | None
    adjusted: float | None
    """p after Benjamini and Hochberg, over all features."""


def correlations(labelled: Labelled, label: Floats, *, repeats: int = 2000) -> tuple[Correlation, ...]:
    """Return one correlation a feature; `label` is (rows,), NaN for none (`agreement.smallest`).

    Intervals are percentiles over rows drawn anew, p values by exchanging labels over rows. Sources: Spearman (1904),
    American Journal of Psychology 15; Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
    """
    found = [_one(name, labelled.features[:, at], label, repeats=repeats) for at, name in enumerate(NAMES)]
    adjusted = benjamini_hochberg([one.p for one in found])
    return tuple(replace(one, adjusted=p) for one, p in zip(found, adjusted, strict=True))


def _one(name: str, feature: Floats, label: Floats, *, repeats: int) -> Correlation:
    known = np.isfinite(feature) & np.isfinite(label)
    x, y = feature[known], label[known]
    rows = len(x)
    if rows < 3 or not np.ptp(x) or not np.ptp(y):
        return Correlation(name, rows, np.nan, -1.0, 1.0, None, None)
    rho = float(spearman(x, y, np.ones((1, rows), dtype=np.int64))[0])
    rng = generator(0, "threadpool", "correlation", name)
    drawn = np.concatenate(
        [spearman(x, y, rng.multinomial(rows, np.full(rows, 1 / rows), size=size)) for size in _sizes(repeats, rows)]
    )
    low, high = percentile(drawn, 0.95)
    p = permutation_p(np.abs(_exchanged(x, y, repeats, rng)), abs(rho))
    return Correlation(name, rows, rho, low, high, p, None)


def spearman(x: Floats, y: Floats, weights: Integers) -> Floats:
    """Return Spearman's correlation when value i is there weights[k, i] times, (draws,); ties get their mean rank.

    0 where a draw has one of them constant.
    """
    n = weights.sum(axis=1, keepdims=True)
    middle = (n + 1) / 2
    left, right = _ranks(x, weights) - middle, _ranks(y, weights) - middle
    across, one, other = ((weights * product).sum(axis=1) for product in (left * right, left * left, right * right))
    scale = np.sqrt(one * other)
    rho: Floats = np.divide(across, scale, where=scale > 0, out=np.zeros(len(weights)))
    return rho


def _ranks(values: Floats, weights: Integers) -> Floats:
    """Return the mean rank of each value, (draws, values), among as many of each as its weight says."""
    order = np.argsort(values, kind="stable")
    _, starts, places = np.unique(values[order], return_index=True, return_inverse=True)
    tied = np.add.reduceat(weights[:, order], starts, axis=1)
    upto = np.cumsum(tied, axis=1)
    ranks = np.empty(weights.shape)
    ranks[:, order] = (upto - (tied - 1) / 2)[:, places]
    return ranks


def _exchanged(x: Floats, y: Floats, repeats: int, rng: np.random.Generator) -> Floats:
    """Return correlations after the labels changed places."""
    once = np.ones((1, len(x)), dtype=np.int64)
    left, right = (_ranks(one, once)[0] - (len(x) + 1) / 2 for one in (x, y))
    scale = float(np.sqrt((left**2).sum() * (right**2).sum()))
    return np.concatenate(
        [rng.permuted(np.tile(right, (size, 1)), axis=1) @ left / scale for size in _sizes(repeats, len(x))]
    )


def _sizes(repeats: int, rows: int) -> Iterator[int]:
    """Split draws into batches."""
    each = max(1, BATCH // rows)
    for at in range(0, repeats, each):
        yield min(each, repeats - at)
