"""How each configuration stands: its expectancy drawn towards the others', its p after all that was tried."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.stats.multiplicity import holm
from fairtrial.stats.sharpe import deflated_sharpe
from fairtrial.stats.shrinkage import shrunken
from fairtrial.systems.signals.rank.configuration import Configuration

NORMAL = 1.959963984540054
"""Half the width of a 95 % interval, in standard errors."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A configuration and what it is worth; None where that cannot be said."""

    configuration: Configuration
    net: float | None
    """Net expectancy, ticks a trade."""
    low: float | None
    high: float | None
    adjusted: float | None
    """Net expectancy drawn towards that of all that were tried, the more so the less is known of it."""
    p: float | None
    """That random entries do as well."""
    p_adjusted: float | None
    """Holm, over all that were tried on the same data."""
    deflated: float | None
    """Deflated Sharpe ratio: the probability that the Sharpe ratio of a trade is above that of the best of so many."""
    tried: int
    """Configurations that the book has of the same data."""
    holdout: float | None
    """Net expectancy in the final block."""
    holdout_trades: int


def standings(chosen: Sequence[Configuration], book: Sequence[Configuration]) -> list[Standing]:
    """Say how the chosen configurations stand among those of the whole book."""
    made: list[Standing] = []
    known = {one.key: one for one in chosen}
    every = [known.get(one.key, one) for one in book]
    for family in _families(chosen, every):
        rows = [_Row.of(one) for one in family]
        adjusted = holm([row.p for row in rows])
        drawn = _drawn(rows)
        spread = _spread(rows)
        wanted = {id(one) for one in chosen}
        for row, p_adjusted, value in zip(rows, adjusted, drawn, strict=True):
            if id(row.configuration) in wanted:
                made.append(row.standing(p_adjusted, value, tried=len(rows), variance=spread))
    order = {id(one): place for place, one in enumerate(chosen)}
    return sorted(made, key=lambda one: order[id(one.configuration)])


def _families(chosen: Sequence[Configuration], every: Sequence[Configuration]) -> list[list[Configuration]]:
    """Group the chosen ones with all that saw their data; data sets that one configuration saw both are one group."""
    groups: list[list[Configuration]] = []
    for one in every:
        joined = [group for group in groups if any(one.shares(other) for other in group)]
        groups = [group for group in groups if all(group is not other for other in joined)]
        groups.append([member for group in joined for member in group] + [one])
    wanted = {id(one) for one in chosen}
    return [group for group in groups if any(id(one) in wanted for one in group)]


@dataclass(frozen=True, slots=True)
class _Row:
    """What one configuration says by itself."""

    configuration: Configuration
    net: float | None
    error: float | None
    p: float | None

    @classmethod
    def of(cls, one: Configuration) -> _Row:
        """Pool the trials of a configuration."""
        return cls(one, _known(one.mean("expectancy_net_ticks")), _error(one), _combined(one))

    def standing(self, p_adjusted: float | None, drawn: float | None, *, tried: int, variance: float) -> Standing:
        one, half = self.configuration, None if self.error is None else NORMAL * self.error
        low, high = _ends(one, self.net, half)
        return Standing(
            configuration=one,
            net=self.net,
            low=low,
            high=high,
            adjusted=drawn,
            p=self.p,
            p_adjusted=p_adjusted,
            deflated=_deflated(one, tried=tried, variance=variance),
            tried=tried,
            holdout=_known(one.mean("holdout_net_ticks", "holdout_trades")),
            holdout_trades=one.total("holdout_trades"),
        )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _error(one: Configuration) -> float | None:
    """Return the standard error of the net expectancy: of each trial from its interval, then over trials."""
    half = (one.values("expectancy_high_ticks") - one.values("expectancy_low_ticks")) / (2 * NORMAL)
    weight = np.nan_to_num(one.values("trades"))
    there = np.isfinite(half) & (weight > 0)
    if not there.any():
        return None
    share = weight[there] / weight[there].sum()
    return float(np.sqrt((share**2 * half[there] ** 2).sum()))


def _ends(one: Configuration, net: float | None, half: float | None) -> tuple[float | None, float | None]:
    """Return the interval: that of its only trial as it is, of several from their errors."""
    if net is None or half is None:
        return None, None
    if len(one.trials) == 1:
        return _known(one.values("expectancy_low_ticks")[0]), _known(one.values("expectancy_high_ticks")[0])
    return net - half, net + half


def _combined(one: Configuration) -> float | None:
    """Combine the p of its trials, which are independent days. Source: Fisher (1932), Statistical Methods, 4th ed."""
    p = one.values("p_random")
    p = p[np.isfinite(p)]
    if len(p) < 2:
        return float(p[0]) if len(p) else None
    from scipy.special import gammaincc

    return float(gammaincc(len(p), -np.log(p).sum()))


def _drawn(rows: Sequence[_Row]) -> list[float | None]:
    there = [place for place, row in enumerate(rows) if row.net is not None and row.error]
    mean = np.array([rows[place].net for place in there], dtype=np.float64)
    noise = np.array([(rows[place].error or 0.0) ** 2 for place in there], dtype=np.float64)
    found: list[float | None] = [None] * len(rows)
    for place, value in zip(there, shrunken(mean, noise).tolist(), strict=True):
        found[place] = value
    return found


def _spread(rows: Sequence[_Row]) -> float:
    """Return the variance of the Sharpe ratio over configurations; 0 for fewer than two."""
    found = np.array([row.configuration.mean("sharpe_trade") for row in rows])
    found = found[np.isfinite(found)]
    return float(found.var(ddof=1)) if len(found) > 1 else 0.0


def _deflated(one: Configuration, *, tried: int, variance: float) -> float | None:
    """Return the deflated Sharpe ratio; None of trades that overlap, since so many are not so many observations."""
    if one.evaluation["overlap"] == "independent":
        return None
    sharpe, skewness, kurtosis = (one.mean(name) for name in ("sharpe_trade", "skewness", "kurtosis"))
    if not all(map(math.isfinite, (sharpe, skewness, kurtosis))):
        return None
    found = deflated_sharpe(
        sharpe, n=one.total("trades"), skewness=skewness, kurtosis=kurtosis, trials=tried, variance=variance
    )
    return _known(found)
