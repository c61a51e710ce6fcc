"""What a design can see: the smallest effect that a t test detects, and the replicates that an effect needs."""

from __future__ import annotations

import math

import numpy as np

from fairtrial.errors import FairtrialError

STEEP = 30.0
"""Critical value above which (few degrees of freedom, a small alpha) the noncentral t is integrated."""
NODES = 200
END = 9.0
"""Standard deviations beyond which a normal value does not count."""


def power_of(effect: float, sd: float, n: int, *, alpha: float, paired: bool, sides: int = 2) -> float:
    """Return the chance that a t test at level `alpha` shows a difference of means of that size; alpha at effect 0.

    Paired: n pairs whose differences have standard deviation `sd`. Otherwise: two samples of n values of that standard
    deviation. Exact for normal values, by the noncentral t. Source: Cohen (1988), Statistical Power Analysis for the
    Behavioral Sciences, chapter 2.
    """
    if n < 2:
        return 0.0
    if not sd:
        return 1.0 if effect else 0.0
    return _power(abs(effect) / sd * _root(n, paired), _df(n, paired), alpha, sides)


def smallest_effect(sd: float, n: int, *, alpha: float, power: float = 0.8, paired: bool, sides: int = 2) -> float:
    """Return the smallest difference of means that a t test detects with that power, in the unit of `sd`.

    Infinite below two replicates. `sd`, `n` and `paired` are those of `power_of`. An `sd` that was itself estimated
    from n values makes it too small as often as too large, and the power at it is 0.65 on average for n = 3, 0.7 for 5
    and 0.75 for 10 where 0.8 was asked for. Raises FairtrialError unless 0 < alpha < power < 1.
    """
    _check(alpha, power, sides)
    if n < 2:
        return math.inf
    if not sd:
        return 0.0
    return noncentrality(_df(n, paired), alpha, power, sides) * sd / _root(n, paired)


def replicates_for(
    effect: float, sd: float, *, alpha: float, power: float = 0.8, paired: bool, sides: int = 2, most: int = 10_000
) -> int | None:
    """Return the fewest replicates (pairs, or values in each of two samples) with which a t test has that power.

    None where `most` are not enough, as for no effect. Raises FairtrialError unless 0 < alpha < power < 1.
    """
    _check(alpha, power, sides)

    def enough(n: int) -> bool:
        return power_of(effect, sd, n, alpha=alpha, paired=paired, sides=sides) >= power

    if not effect or not math.isfinite(sd) or not enough(most):
        return None
    low, high = 1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _power(noncentrality: float, df: float, alpha: float, sides: int) -> float:
    from scipy.special import stdtrit

    critical = float(stdtrit(df, 1 - alpha / sides))
    return sum(_beyond(critical, df, end) for end in (noncentrality, -noncentrality)[:sides])


def _beyond(critical: float, df: float, noncentrality: float) -> float:
    """Return the chance of a noncentral t above a critical value."""
    from scipy.special import nctdtr

    if critical > STEEP:
        return _integrated(critical, df, noncentrality)
    side = 1 if noncentrality >= 0 else -1
    found = float(nctdtr(df, side * noncentrality, side * critical))
    below = 0.0 if math.isnan(found) else found  # scipy returns NaN for what is 0 in every digit
    return 1 - below if side > 0 else below


def _integrated(critical: float, df: float, noncentrality: float) -> float:
    """Integrate over the normal numerator: where critical values are large scipy's series loses its digits."""
    from scipy.special import gammainc

    low, high = max(-noncentrality, -END), END
    if low >= high:
        return 0.0
    node, weight = np.polynomial.legendre.leggauss(NODES)
    z = low + (high - low) * (node + 1) / 2
    share = gammainc(df / 2, df / 2 * ((z + noncentrality) / critical) ** 2)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return min(1.0, float((weight * share * density).sum() * (high - low) / 2))


def noncentrality(df: float, alpha: float, power: float = 0.8, sides: int = 2) -> float:
    """Return by how many standard errors an effect exceeds 0 that a t test of `df` detects with that power."""
    from scipy.optimize import brentq

    high = 4.0
    while _power(high, df, alpha, sides) < power:
        high *= 2
    return float(brentq(lambda at: _power(at, df, alpha, sides) - power, 0.0, high, xtol=1e-10))


def f_noncentrality(df: int, error_df: int, alpha: float, power: float = 0.8) -> float:
    """Return the noncentrality of an F that is detected with that power.

    A factor with two levels a difference d apart and the others halfway has n d^2 / s^2 in n replicates, s the standard
    deviation of a difference within a replicate. Source: Cohen (1988), chapter 8.
    """
    from scipy.optimize import brentq
    from scipy.special import fdtri, ncfdtr

    critical = float(fdtri(df, error_df, 1 - alpha))

    def missed(value: float) -> float:
        return float(ncfdtr(df, error_df, value, critical)) - (1 - power)

    high = 8.0
    while missed(high) > 0:
        high *= 2
    return float(brentq(missed, 0.0, high, xtol=1e-9))


def _df(n: int, paired: bool) -> float:
    return float(n - 1 if paired else 2 * n - 2)


def _root(n: int, paired: bool) -> float:
    return math.sqrt(n if paired else n / 2)


def _check(alpha: float, power: float, sides: int) -> None:
    if not 0 < alpha < power < 1 or sides not in (1, 2):
        raise FairtrialError(f"no power: alpha {alpha}, power {power}, {sides} sides")
