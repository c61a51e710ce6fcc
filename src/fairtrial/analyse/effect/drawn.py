"""Terms of a design that is not crossed (conditions drawn at random, or one replicate): conditions are the units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.analyse.crossed import canonical_order
from fairtrial.analyse.data import Column, Data
from fairtrial.analyse.effect.term import Asked, Term, untested
from fairtrial.model.effect import Effect, Marginal
from fairtrial.model.finding import Interval, Point, Verdict
from fairtrial.model.words import level as written
from fairtrial.stats.anova import omega_interval, omega_squared
from fairtrial.stats.difference import correction
from fairtrial.stats.interval import t_interval
from fairtrial.stats.partial import Additive, Partial, additive
from fairtrial.stats.summary import Floats, Integers, mean, sd

LARGE = 2_000
"""Conditions from which a permutation p and the F distribution's are the same to the eye."""
FINE, COARSE = (8, 5, 3, 2), 3
"""Bins of a factor with many levels: as many as leave three conditions for each; and in an interaction."""
SPARE = 3
"""Conditions for each number that is fitted."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """One value a condition: the mean over its replicates, where none is missing."""

    values: Floats
    factors: dict[str, Integers]
    """Factor -> place of the level in canonical order at each condition, -1 where it lacks the factor."""
    dropped: int
    """Conditions with a missing value."""
    replicates: int
    """The fewest values of a condition."""


@dataclass(frozen=True, slots=True)
class Binned:
    """A factor in bins, quantiles of its values."""

    codes: Integers
    labels: tuple[object, ...]
    x: tuple[float, ...]


def conditions_of(found: Data, values: Floats) -> Conditions:
    """Average the replicates of each condition, in an order that does not depend on the order of the trials."""
    number = int(found.condition.max(initial=-1)) + 1
    n = np.bincount(found.condition, minlength=number)
    order = np.lexsort((values, found.condition))
    total = np.bincount(found.condition[order], weights=values[order], minlength=number)
    first = np.unique(found.condition, return_index=True)[1]
    ranks = {
        name: np.append(np.argsort(canonical_order(column)), -1)[column.codes[first]]
        for name, column in found.factors.items()
    }
    whole = np.flatnonzero(np.isfinite(total))
    whole = whole[np.lexsort([total[whole], *(ranks[name][whole] for name in sorted(ranks, reverse=True))])]
    factors = {name: rank[whole] for name, rank in ranks.items()}
    replicates = int(n[whole].min()) if len(whole) else 0
    return Conditions(total[whole] / n[whole], factors, number - len(whole), replicates)


def binned(codes: Integers, column: Column, bins: int) -> Binned:
    """Put an ordered factor with more than `bins` levels in quantile bins; others stay as they are, without gaps."""
    order = canonical_order(column)
    present = np.unique(codes[codes >= 0])
    if not column.ordered or len(present) <= bins:
        place = np.full(len(order) + 1, -1)
        place[present] = np.arange(len(present))
        chosen = order[present].tolist()
        x = column.x
        return Binned(place[codes], tuple(column.levels[c] for c in chosen), tuple(x[c] for c in chosen))
    ranked = np.sort(codes[codes >= 0])
    cuts = np.unique(ranked[(np.arange(1, bins) * len(ranked)) // bins])
    found = np.where(codes < 0, -1, np.searchsorted(cuts, codes, side="right"))
    places, found[found >= 0] = np.unique(found[found >= 0], return_inverse=True)
    inside = [codes[found == place] for place in range(len(places))]
    x = column.x
    labels = tuple(f"{written(float(x[part.min()]))} to {written(float(x[part.max()]))}" for part in inside)
    return Binned(found, labels, tuple(x[int(np.median(part))] for part in inside))


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The means of a factor's bins, the other factors held, as differences from that of all conditions."""

    bins: Binned
    means: Floats
    covariance: Floats
    """Of the means, in units of the residual variance."""
    residual_sd: float
    error_df: int


@dataclass(frozen=True, slots=True)
class _Model:
    """The additive model of the conditions."""

    fitted: Additive
    conditions: int
    asked: Asked

    def half(self, differences: int, variance: float) -> float:
        """Return half the width of the interval of one of some differences."""
        from scipy.special import stdtrit

        quantile = float(stdtrit(self.fitted.error_df, 1 - self.asked.alpha / (2 * differences)))
        return quantile * self.fitted.residual_sd * math.sqrt(max(variance, 0.0))


def terms(
    found: Data, units: Conditions, names: Sequence[str], pairs: Sequence[tuple[str, str]], asked: Asked
) -> tuple[list[Term], tuple[Marginal, ...]]:
    """Test main effects given each other, and interactions given all main effects; with the marginal means."""
    fine = _fine(found, units, names)
    coarse = {name: binned(units.factors[name], found.factors[name], COARSE) for name in names}
    fitted = _fit(units, fine, [(coarse[one], coarse[other]) for one, other in pairs], asked)
    if fitted is None:
        tested = [untested(key, _too_few(units)) for key in [*((name,) for name in names), *pairs]]
    else:
        model = _Model(fitted, len(units.values), asked)
        tested = [_main(name, test, fine[name], model) for name, test in zip(names, fitted.mains, strict=True)]
        tested += [_pair(key, test, model) for key, test in zip(pairs, fitted.pairs, strict=True)]
    marginals = tuple(_marginal(name, found.factors[name], fine[name], units, asked.level) for name in names)
    return tested, marginals


def adjusted(found: Data, units: Conditions, name: str, names: Sequence[str], asked: Asked) -> Adjusted | None:
    """Return the means of one of some factors in the additive model of the conditions; None where it is not told."""
    fine = _fine(found, units, names)
    fitted = _fit(units, fine, (), asked)
    test = None if fitted is None else fitted.mains[list(names).index(name)]
    if fitted is None or test is None or test.p is None or fitted.error_df < 1:
        return None
    levels = len(fine[name].labels)
    return Adjusted(
        fine[name], test.fitted[:levels], test.covariance[:levels, :levels], fitted.residual_sd, fitted.error_df
    )


def _too_few(units: Conditions) -> str:
    return f"{len(units.values)} complete conditions are too few for so many factors"


def _fine(found: Data, units: Conditions, names: Sequence[str]) -> dict[str, Binned]:
    """Bin the factors as finely as the number of conditions allows."""
    made: dict[str, Binned] = {}
    for bins in FINE:
        made = {name: binned(units.factors[name], found.factors[name], bins) for name in names}
        if SPARE * sum(len(one.labels) - 1 for one in made.values()) <= len(units.values):
            break
    return made


def _fit(
    units: Conditions, fine: dict[str, Binned], pairs: Sequence[tuple[Binned, Binned]], asked: Asked
) -> Additive | None:
    n = len(units.values)
    if n < 3 or sum(len(one.labels) - 1 for one in fine.values()) > n - 2:
        return None
    mains = [_filled(one) for one in fine.values()]
    crossings = [(_filled(one), _filled(other)) for one, other in pairs]
    repeats = asked.repeats if n <= LARGE else 0
    scale = float(np.abs(units.values - units.values.mean()).max()) or 1.0
    rng = asked.stream([*fine])
    centred = (units.values - units.values.mean()) / scale
    made = additive(centred, mains, crossings, repeats=repeats, rng=rng)
    return _scaled(made, scale)


def _filled(one: Binned) -> Integers:
    """Return the bins, with one more for the conditions that lack the factor."""
    return np.where(one.codes < 0, len(one.labels), one.codes)


def _scaled(made: Additive, scale: float) -> Additive:
    def scaled(one: Partial) -> Partial:
        return Partial(one.f, one.df, one.error_df, one.p, one.fitted * scale, one.covariance)

    mains, pairs = (tuple(scaled(one) for one in part) for part in (made.mains, made.pairs))
    return Additive(mains, pairs, made.residual_sd * scale, made.error_df)


def _main(name: str, test: Partial, bins: Binned, model: _Model) -> Term:
    levels = len(bins.labels)
    if test.p is None or levels < 2:
        return untested((name,), "its levels cannot be told from those of other factors in this design")
    order = np.argsort(test.fitted[:levels], kind="stable")
    low, high = int(order[0]), int(order[-1])
    spread = float(test.fitted[high] - test.fitted[low])
    variance = float(test.covariance[high, high] + test.covariance[low, low] - 2 * test.covariance[high, low])
    half = model.half(levels * (levels - 1) // 2, variance)
    method = "t of an additive model, Bonferroni over the differences"
    interval = Interval(spread - half, spread + half, model.asked.level, method)
    effect = _effect((name,), test, model, spread=spread, interval=interval)
    return Term(effect, None, model.fitted.residual_sd, model.conditions // levels)


def _pair(names: tuple[str, str], test: Partial, model: _Model) -> Term:
    if test.p is None:
        return untested(names, "too few of their levels met in this design to tell an interaction from noise")
    spread = float(np.abs(test.fitted).max(initial=0.0))
    return Term(_effect(names, test, model, spread=spread, interval=None))


def _effect(
    factors: tuple[str, ...], test: Partial, model: _Model, *, spread: float, interval: Interval | None
) -> Effect:
    size, size_interval, standardised = None, None, None
    if test.f is not None:
        level, n = model.asked.level, model.conditions
        size = omega_squared(test.f, test.df, n)
        size_interval = Interval(*omega_interval(test.f, test.df, test.error_df, n, level=level), level, "noncentral F")
        standardised = spread / model.fitted.residual_sd * correction(model.fitted.error_df)
    return Effect(
        factors, test.f, test.p, None, size, size_interval, spread, interval, standardised, Verdict.INCONCLUSIVE
    )


def _marginal(name: str, column: Column, bins: Binned, units: Conditions, level: float) -> Marginal:
    """Return the means over conditions; values of a point are conditions here, for they are what was drawn."""
    made = []
    for place, (label, x) in enumerate(zip(bins.labels, bins.x, strict=True)):
        values = units.values[bins.codes == place].tolist()
        ends = t_interval(values, level)
        interval = None if ends is None else Interval(*ends, level, "Student's t over conditions")
        made.append(Point(label, x, tuple(values), len(values), 0, mean(values), sd(values), interval))
    return Marginal(name, column.ordered, tuple(made))
