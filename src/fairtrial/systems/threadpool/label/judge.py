"""Which sizes may be the best for a row of telemetry, and what each of the others costs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fairtrial.stats.best import contest
from fairtrial.stats.interval import t_half_width
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.label.record import Bools, Label, Labelled

LEAST = 2
"""Replicates without which nothing can be told: one value has no noise to be compared with."""


def judge(labelled: Labelled, *, alpha: float = 0.05) -> tuple[Label, ...]:
    """Return a label a row.

    The best set holds the sizes that are not told from the best one (`stats.best.contest`): the differences of log
    p95, paired over replicates, which saw the same tasks; the true best is in it with a probability of at least
    1 - alpha. A size that is unstable, or has less than two replicates, is in no set; where that leaves none, as with
    a single replicate, there is no label. Intervals of means are Student's, at 1 - alpha, cut at 0.
    """
    values = np.log(labelled.p95_s)
    return tuple(
        _label(labelled, place, _told(values[place], alpha=alpha), alpha=alpha) for place in range(len(labelled.rows))
    )


def _told(values: Floats, *, alpha: float) -> Bools:
    """Say which sizes are out of the best set, of log p95 in (sizes, replicates)."""
    judged = np.isfinite(values).sum(axis=1) >= LEAST
    told = np.ones(len(values), dtype=np.bool_)
    if judged.any():
        told[judged] = contest(-values[judged], alpha=alpha, gaps=False).told
    return told


def _label(labelled: Labelled, place: int, told: Bools, *, alpha: float) -> Label:
    p95_s, stable = labelled.p95_s[place], labelled.stable[place]
    mean, half = _mean(p95_s), _half(p95_s, alpha)
    best = tuple(size for size, out in zip(labelled.sizes, told.tolist(), strict=True) if not out)
    low: Floats = np.maximum(mean - half, 0.0)
    return Label(best, best[0] if best else None, mean, low, mean + half, regret(p95_s, stable))


def regret(p95_s: Floats, stable: npt.NDArray[np.bool_]) -> Floats:
    """Return by which share the mean p95 of each size is above the lowest; p95 (sizes, replicates), NaN missing.

    Only replicates count that all sizes have that were measured at all, as a replicate that is hard for every size
    must not be held against those that met it. Infinite where unstable, NaN where not measured.
    """
    measured = np.isfinite(p95_s).any(axis=1)
    shared = np.isfinite(p95_s[measured]).all(axis=0)
    found = np.where(stable, np.nan, np.inf)
    if measured.any() and shared.any():
        mean = p95_s[measured][:, shared].mean(axis=1)
        found[measured] = mean / mean.min() - 1
    return found


def _mean(p95_s: Floats) -> Floats:
    """Return the mean over replicates; NaN for none."""
    n = np.isfinite(p95_s).sum(axis=1)
    mean: Floats = np.where(n > 0, np.nansum(p95_s, axis=1) / np.maximum(n, 1), np.nan)
    return mean


def _half(p95_s: Floats, alpha: float) -> Floats:
    """Return half the width of the interval of the mean; NaN below two replicates."""
    n = np.isfinite(p95_s).sum(axis=1)
    away = np.nan_to_num(p95_s - _mean(p95_s)[:, None])
    spread = np.sqrt((away**2).sum(axis=1) / np.maximum(n - 1, 1))
    return t_half_width(spread, n, 1 - alpha)
