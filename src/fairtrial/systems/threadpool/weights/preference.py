"""Preferences between pool sizes, as measured: which of two has the lower p95, where that can be told."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from fairtrial.stats.summary import Floats, Integers, Mask

LEAST = 2
"""Replicates that both sizes need: one difference has no noise to be compared with."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """Integers of sizes that were told apart, (n,) each."""

    row: Integers
    """Place of the row of telemetry."""
    better: Integers
    """Place of the size with the lower p95."""
    worse: Integers
    rows: int
    compared: int
    """Integers that were measured or known to be unstable, told apart or not."""

    def __len__(self) -> int:
        return len(self.row)

    def differences(self, terms: Floats) -> Floats:
        """Return terms of the worse less those of the better size, (n, k), from terms (rows, sizes, k)."""
        found: Floats = terms[self.row, self.worse] - terms[self.row, self.better]
        return found


def preferences(p95_s: Floats, stable: Mask, *, alpha: float, unstable: bool = False) -> Preferences:
    """Return which of two sizes is better, of p95 (rows, sizes, replicates), NaN missing, and stable (rows, sizes).

    Better is which has the lower geometric mean p95, where Student's paired t test on the logarithms, two-sided at
    `alpha`, tells them apart: replicates saw the same tasks. Pairs that are not told apart count for nothing: p95s
    that differ by noise alone prefer neither. An unstable size has no p95: that it is worse than a stable one counts
    where `unstable` asks for it. It is certain, so no finite weight of a latency that sees it is large enough.
    """
    logs = np.log(np.where((p95_s > 0) & stable[:, :, None], p95_s, np.nan))
    rows, better, worse, compared = [], [], [], 0
    for one, other in combinations(range(p95_s.shape[1]), 2):
        differences = logs[:, one] - logs[:, other]
        sign = _signs(differences, alpha)
        if unstable:
            sign = np.where(stable[:, one] != stable[:, other], np.where(stable[:, one], -1, 1), sign)
        told = np.flatnonzero(sign)
        rows.append(told)
        better.append(np.where(sign[told] < 0, one, other))
        worse.append(np.where(sign[told] < 0, other, one))
        compared += int((np.isfinite(differences).sum(axis=1) >= LEAST).sum())
    return Preferences(np.concatenate(rows), np.concatenate(better), np.concatenate(worse), len(p95_s), compared)


def _signs(differences: Floats, alpha: float) -> Integers:
    """Return -1 or 1 where the mean of paired differences, (rows, replicates), is told from 0; else 0."""
    from scipy.special import stdtrit

    n = np.isfinite(differences).sum(axis=1)
    filled = np.nan_to_num(differences)
    mean = filled.sum(axis=1) / np.maximum(n, 1)
    spread = np.where(np.isfinite(differences), (filled - mean[:, None]) ** 2, 0.0).sum(axis=1)
    error = np.sqrt(spread / np.maximum(n * (n - 1), 1))
    limit = stdtrit(np.maximum(n - 1, 1), 1 - alpha / 2)
    told = (n >= LEAST) & (np.abs(mean) > limit * error) & (mean != 0)
    found: Integers = np.where(told, np.sign(mean), 0).astype(np.int64)
    return found
