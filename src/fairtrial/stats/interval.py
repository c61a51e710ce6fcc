"""Confidence intervals: Student's t for a mean, Clopper and Pearson's for a rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fairtrial.errors import FairtrialError
from fairtrial.stats.summary import Floats, mean, sd


def t_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float] | None:
    """Return Student's two-sided interval for the mean of a normal sample; None below two values.

    Source: Student (1908), The probable error of a mean, Biometrika 6. Raises FairtrialError for values that are not
    finite and for a level outside (0, 1).
    """
    centre, spread = mean(values), sd(values)
    if centre is None or spread is None:
        return None
    half = float(t_half_width(np.array([spread]), np.array([len(values)]), level)[0])
    return centre - half, centre + half


def t_half_width(spread: npt.ArrayLike, n: npt.ArrayLike, level: float = 0.95) -> Floats:
    """Return half the width of the t interval for samples of size n and standard deviation `spread`; NaN where n < 2.

    Both arguments are arrays of one shape; the quantile is looked up once for each different n.
    """
    from fairtrial.stats.student import quantile as student

    size, inverse = np.unique(np.asarray(n, dtype=np.int64), return_inverse=True)
    quantile = np.full(len(size), np.nan)
    enough = size >= 2
    upper = _upper(level)
    quantile[enough] = [student(df, upper) for df in (size[enough] - 1).tolist()]
    root = np.sqrt(np.maximum(size, 1))
    half: Floats = np.asarray(spread, dtype=np.float64) * (quantile / root)[inverse]
    return half


def rate_interval(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact two-sided interval for a rate: at least `level` coverage whatever the rate.

    Source: Clopper and Pearson (1934), Biometrika 26. Raises FairtrialError unless
    0 <= successes <= trials and trials > 0.
    """
    from scipy.special import betaincinv

    if not 0 <= successes <= trials or trials == 0:
        raise FairtrialError(f"no rate: {successes} of {trials}")
    upper = _upper(level)
    low = float(betaincinv(successes, trials - successes + 1, 1 - upper)) if successes else 0.0
    high = float(betaincinv(successes + 1, trials - successes, upper)) if successes < trials else 1.0
    return low, high


def _upper(level: float) -> float:
    if not 0 < level < 1:
        raise FairtrialError(f"a confidence level lies between 0 and 1, not at {level}")
    return (1 + level) / 2
