"""Means over time, whose observations depend on their neighbours: whole blocks of time are drawn again, not values."""

from __future__ import annotations

import math

import numpy as np

from fairtrial.errors import FairtrialError
from fairtrial.stats.summary import Floats

REPEATS = 1999
"""Bootstrap samples; with the observed one 2,000."""
ROUNDING = 1e-9
"""Relative spread that is none."""


def block_interval(
    sums: Floats, counts: Floats, *, level: float = 0.95, run: int | None = None, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the two-sided interval of a ratio of sums (a mean per trade), from sums and counts of blocks of time.

    Blocks are in order of time and of equal length; `run` neighbours are drawn together, from a circle, by default the
    cube root of their number, rounded up. The interval is symmetric around the ratio: its half width is the standard
    error times the quantile of the studentised distance in the bootstrap samples, whose own errors are estimated anew.
    It is infinite where fewer than three runs of blocks hold observations, and where nothing varies: how much it might
    is not known then. Of five intervals this one covers on few, skewed, heavy-tailed or dependent blocks, where
    percentiles (plain or BCa), t and the two-sided studentised one fall short. Sources: Politis and Romano (1992), A
    circular block-resampling procedure for stationary data, in Exploring the Limits of Bootstrap; Hall (1988), Ann.
    Statist. 16 (symmetric, studentised); Goetze and Kuensch (1996), Ann. Statist. 24 (studentised blocks); Hall,
    Horowitz and Jing (1995), Biometrika 82 (length of runs). Raises FairtrialError for what is not finite and negative
    counts.
    """
    run = run or run_length(len(counts))
    _check(sums, counts, level, run)
    total = float(counts.sum())
    blocks = math.ceil(len(counts) / run)
    if blocks < 3 or np.count_nonzero(_runs(counts, run)) < 3:
        return -math.inf, math.inf
    ratio = float(sums.sum()) / total
    error = _error(_runs(sums - ratio * counts, run), run, total)
    if error <= ROUNDING * abs(ratio):
        return -math.inf, math.inf
    drawn = rng.integers(0, len(counts), (REPEATS, blocks))
    far = _studentised(_runs(sums, run)[drawn], _runs(counts, run)[drawn], ratio)
    half = error * float(np.quantile(far, level, method="higher"))
    return ratio - half, ratio + half


def run_length(blocks: int) -> int:
    """Return how many neighbours of that many blocks are drawn together: the cube root, rounded up."""
    return max(1, math.ceil(round(math.cbrt(blocks), 9)))


def merged(values: Floats, size: int) -> Floats:
    """Add neighbours up, `size` of them along the last axis at a time; the last sum may hold fewer."""
    starts = np.arange(0, values.shape[-1], size)
    found: Floats = np.add.reduceat(values, starts, axis=-1) if values.shape[-1] else values
    return found


def _runs(values: Floats, run: int) -> Floats:
    """Return the sums of `run` neighbours from each place on, around the circle."""
    if run == 1:
        return values
    around = np.concatenate([[0.0], np.cumsum(np.concatenate([values, values[: run - 1]]))])
    found: Floats = around[run:] - around[:-run]
    return found


def _error(residuals: Floats, run: int, total: float) -> float:
    """Return the standard error of the ratio from the residuals of all runs."""
    blocks = len(residuals) / run
    return math.sqrt(float((residuals**2).sum()) / run * blocks / (blocks - 1)) / total


def _studentised(sums: Floats, counts: Floats, ratio: float) -> Floats:
    """Return how many standard errors each sample's ratio is away; infinite where it has none. (samples, blocks)."""
    blocks = sums.shape[1]
    total = counts.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        own = sums.sum(axis=1) / total
        spread = ((sums - own[:, None] * counts) ** 2).sum(axis=1) * blocks / (blocks - 1)
        far = np.abs(own - ratio) * total / np.sqrt(spread)
    return np.where(np.isnan(far), np.inf, far)


def _check(sums: Floats, counts: Floats, level: float, run: int) -> None:
    if not (np.isfinite(sums).all() and np.isfinite(counts).all() and (counts >= 0).all()):
        raise FairtrialError("sums and counts of blocks are finite, counts are 0 or more")
    if sums.shape != counts.shape or sums.ndim != 1:
        raise FairtrialError(f"a sum and a count for each block, not {sums.shape} and {counts.shape}")
    if not 0 < level < 1 or run < 1:
        raise FairtrialError(f"no interval at level {level} from runs of {run} blocks")
