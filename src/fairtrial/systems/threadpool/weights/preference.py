"""Preferences between pool sizes, as measured: which of two has the lower p95, where that can be told."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from fairtrial.stats.summary import Floats, Integers, Mask


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


def preferences(p95_s: Floats, stable: Mask, *, alpha: float) -> Preferences:
    """Return which of two sizes is better, of p95 (rows, sizes, replicates), NaN missing, and stable (rows, sizes).

    A stable size that was measured is better than an unstable one. Of two stable ones that one is which has the lower
    geometric mean p95, where Student's paired t test on the logarithms, two-sided at `alpha`, tells them apart:
    replicates saw the same tasks. Integers that are not told apart count for nothing: p95s that differ by noise alone
    prefer neither. Two unstable sizes are not compared.
    """
    logs = np.log(np.where(p95_s > 0, p95_s, np.nan))
    measured = np.isfinite(logs).any(axis=2) & stable
    rows, better, worse, compared = [], [], [], 0
    for one, other in combinations(range(p95_s.shape[1]), 2):
        sign = _signs(logs[:, one] - logs[:, other], alpha)
        sign = np.where(measured[:, one] & ~stable[:, other], -1, sign)
        sign = np.where(measured[:, other] & ~stable[:, one], 1, sign)
        told = np.flatnonzero(sign)
        rows.append(told)
        better.append(np.where(sign[told] < 0, one, other))
        worse.append(np.where(sign[told] < 0, other, one))
        seen = (measured[:, one] | ~stable[:, one]) & (measured[:, other] | ~stable[:, other])
        compared += int((seen & (measured[:, one] | measured[:, other])).sum())
    return Preferences(np.concatenate(rows), np.concatenate(better), np.concatenate(worse), len(p95_s), compared)


def _signs(differences: Floats, alpha: float) -> Integers:
    """Return -1 or 1 where the mean of paired differences, (rows, replicates), is told from 0; else 0."""
    from scipy.special import stdtrit

    n = np.isfinite(differences).sum(axis=1)
    filled = np.nan_to_num(differences)
    mean = filled.sum(axis=1) / np.maximum(n, 1)
    spread = np.where(np.isfinite(differences), (filled - mean[:, None]) ** 2, 0.0).sum(axis=1)
    error = np.sqrt(spread / np.maximum(n * (n - 1), 1))
    limit = np.where(n >= 2, stdtrit(np.maximum(n - 1, 1), 1 - alpha / 2), np.inf)
    told = (n >= 2) & (np.abs(mean) > limit * error) & (mean != 0)
    found: Integers = np.where(told, np.sign(mean), 0).astype(np.int64)
    return found
