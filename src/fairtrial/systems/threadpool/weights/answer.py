"""What a fit says of the weights: their ratios with intervals, and whether they can be known at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.stats.resample import percentile
from fairtrial.systems.threadpool.weights.logit import Fit


@dataclass(frozen=True, slots=True)
class Ratio:
    """A weight over that of the latency."""

    name: str
    value: float | None
    """None: not known."""
    low: float | None
    high: float | None
    why: str = ""
    """Why it is not known, or is no weight of a cost."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether the labels tell the weights."""

    verdict: str
    """yes | partly | no"""
    sentence: str
    ratios: tuple[Ratio, ...]
    p: float | None
    """Of no term having anything to do with the preferences; None where separated."""


def answer(fitted: Fit, names: Sequence[str], *, pairs: int, alpha: float) -> Answer:
    """Return the answer at level `alpha`; names[0] is the weight that the others are divided by.

    Yes: the terms explain the preferences (Wald's test over rows), the first weight is above 0, and all ratios have an
    interval, none of which is all below 0. A ratio has none where one of its weights is not identified, or where the
    first weight cannot be told from 0, so that the ratio is unbounded. Partly: some ratios are well. Without an
    estimate (separation), the bounds of the ratios are those that contradict no preference.
    """
    flat = [_flat(fitted, names, place) for place in range(len(names))]
    if flat[0]:
        return Answer("no", f"No: {flat[0]}.", tuple(_unknown(name, flat[0]) for name in names[1:]), None)
    if fitted.separated:
        return _bounded(fitted, names, pairs)
    p, first = wald(fitted), _first(fitted, names[0], alpha)
    ratios = [
        _unknown(name, first or flat[place]) if first or flat[place] else _ratio(fitted, name, place, alpha)
        for place, name in enumerate(names[1:], 1)
    ]
    if p > alpha:
        return Answer("no", f"No: the terms do not explain which size was better (p = {p:.2g}).", tuple(ratios), p)
    good = [one for one in ratios if not one.why]
    told = [f"{one.name}/{names[0]} = {one.value:.3g} [{one.low:.3g}, {one.high:.3g}]" for one in good]
    lost = [f"{one.name}/{names[0]}: {one.why}" for one in ratios if one.why]
    verdict = "yes" if not lost else "partly" if told else "no"
    said = "; ".join(([", ".join(told)] if told else []) + lost)
    return Answer(verdict, f"{verdict.capitalize()}: {said}.", tuple(ratios), p)


def _bounded(fitted: Fit, names: Sequence[str], pairs: int) -> Answer:
    ratios = []
    for name, (low, high) in zip(names[1:], fitted.bounds[1:].tolist(), strict=True):
        ratios.append(
            Ratio(name, None, low, high, f"no estimate, but {_between(low, high, names[0])} contradicts nothing")
        )
    said = (
        f"No: there is no estimate, since some weights contradict none of {pairs} preferences and settle "
        f"{fitted.settled}, the surer the larger they are"
    )
    told = "; ".join(f"{one.name}/{names[0]} has {one.why}" for one in ratios)
    return Answer("no", f"{said}; {told}.", tuple(ratios), None)


def _between(low: float, high: float, first: str) -> str:
    """Name the ratios that contradict no preference."""
    if np.isnan([low, high]).any():
        return f"no value with {first} above 0"
    if low == high:
        return f"only {low:.3g}"
    if not np.isfinite([low, high]).any():
        return "any value"
    if np.isfinite([low, high]).all():
        return f"any value from {low:.3g} to {high:.3g}"
    return f"any value up to {high:.3g}" if np.isfinite(high) else f"any value from {low:.3g}"


def wald(fitted: Fit) -> float:
    """Return the p of all identified directions being 0, from the spread of the bootstrap over rows."""
    from scipy.special import fdtrc

    known = fitted.identified
    if not known.any():
        return 1.0
    theta, draws = fitted.theta[known], fitted.draws[:, known]
    size = np.where(theta != 0, np.abs(theta), 1.0)
    spread = np.atleast_2d(np.cov(draws / size, rowvar=False))
    quadratic = float((theta / size) @ np.linalg.pinv(spread, hermitian=True) @ (theta / size))
    free = int(known.sum())
    return float(fdtrc(free, max(1, fitted.rows - free), quadratic / free))


def _first(fitted: Fit, name: str, alpha: float) -> str:
    """Return why nothing can be divided by the first weight; nothing where it can."""
    low, high = percentile(fitted.draws[:, 0], 1 - alpha)
    if low > 0:
        return ""
    if high < 0:
        return f"not identified, {name} is below 0: the better size had the larger term"
    return f"not identified, {name} cannot be told from 0"


def _flat(fitted: Fit, names: Sequence[str], place: int) -> str:
    """Return why a weight is not identified by itself; nothing where it is."""
    if fitted.identified[place]:
        return ""
    ways = np.abs(fitted.flat) > 1e-6 * np.abs(fitted.flat).max(axis=1, keepdims=True)
    with_it = ways[ways[:, place]].any(axis=0)
    moves = [name for other, name in enumerate(names) if with_it[other] and other != place]
    name = names[place]
    if not moves:
        return f"{name} is not identified, its term is the same for all sizes that were told apart"
    return f"{name} is not identified, its term moves in step with that of {' and '.join(moves)}"


def _unknown(name: str, why: str) -> Ratio:
    return Ratio(name, None, None, None, why)


def _ratio(fitted: Fit, name: str, place: int, alpha: float) -> Ratio:
    low, high = percentile(fitted.draws[:, place] / fitted.draws[:, 0], 1 - alpha)
    why = f"below 0 [{low:.3g}, {high:.3g}]: what costs more was better" if high < 0 else ""
    return Ratio(name, float(fitted.theta[place] / fitted.theta[0]), low, high, why)
