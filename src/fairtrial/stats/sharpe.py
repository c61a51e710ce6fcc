"""The Sharpe ratio of one strategy out of many that were tried: how likely it is to be above what luck brings.

Ratios are those of single observations (a trade, an hour), never annualised. Sources: Bailey and Lopez de Prado (2012),
The Sharpe ratio efficient frontier, J. Risk 15 (the probabilistic ratio); the same (2014), The deflated Sharpe ratio,
J. Portfolio Management 40.
"""

from __future__ import annotations

import math

from fairtrial.errors import FairtrialError

EULER = 0.57721566490153286


def probabilistic_sharpe(sharpe: float, *, n: int, skewness: float, kurtosis: float, above: float = 0.0) -> float:
    """Return the probability that the true ratio is above a number, given that of n independent observations.

    `kurtosis` is 3 for a normal distribution. Raises FairtrialError below two observations, and for moments that no
    distribution has.
    """
    from scipy.special import ndtr

    if n < 2:
        raise FairtrialError(f"no Sharpe ratio from {n} observations")
    if kurtosis < skewness**2 + 1 - 1e-9:
        raise FairtrialError(f"no distribution has skewness {skewness:g} and kurtosis {kurtosis:g}")
    variance = 1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2
    if variance <= 0:  # two values, and the ratio at which the formula degenerates
        return float(sharpe > above)
    return float(ndtr((sharpe - above) * math.sqrt((n - 1) / variance)))


def expected_maximum(trials: int, variance: float) -> float:
    """Return the largest Sharpe ratio to expect of so many trials without any skill, `variance` apart.

    The trials count as independent: alike ones are fewer, so that this is rather too large. The formula of the source
    is an approximation: 8 % too small for two trials, at most 3 % too large for more. Raises FairtrialError for no
    trials and for a variance below 0.
    """
    from scipy.special import ndtri

    if trials < 1 or not variance >= 0:
        raise FairtrialError(f"no maximum of {trials} trials with variance {variance}")
    if trials == 1:
        return 0.0
    usual, rare = ndtri(1 - 1 / trials), ndtri(1 - 1 / (trials * math.e))
    return float(math.sqrt(variance) * ((1 - EULER) * usual + EULER * rare))


def deflated_sharpe(sharpe: float, *, n: int, skewness: float, kurtosis: float, trials: int, variance: float) -> float:
    """Return the probability that a ratio is above the largest one that luck alone brings in so many trials.

    `variance` is that of the ratios of all trials. Above 0.95 is a discovery. Raises FairtrialError as its two parts.
    """
    luck = expected_maximum(trials, variance)
    return probabilistic_sharpe(sharpe, n=n, skewness=skewness, kurtosis=kurtosis, above=luck)
