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
    """Why it is not known."""


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
    interval. A ratio has none where one of its weights is not identified, or where the first weight cannot be told
    from 0, so that the ratio is unbounded.
    """
    if fitted.separated:
        why = f"no weights are best: some tell all {pairs} pairs rightly, and the larger they are the better they fit"
        return Answer(
            "no", f"No: {why}.", tuple(Ratio(name, None, None, None, "separated") for name in names[1:]), None
        )
    p = wald(fitted)
    first, ratios = _first(fitted, names[0], alpha), []
    for place, name in enumerate(names[1:], 1):
        why = _flat(fitted, names, place) or first
        ratios.append(_unknown(name, why) if why else _ratio(fitted, name, place, alpha))
    known = [ratio for ratio in ratios if ratio.value is not None]
    if p > alpha:
        return Answer("no", f"No: the terms do not explain which size was better (p = {p:.2g}).", tuple(ratios), p)
    if not known:
        reasons = "; ".join(
            dict.fromkeys(f"{ratio.name}/{names[0]} is not identified: {ratio.why}" for ratio in ratios)
        )
        return Answer("no", f"No: {reasons}.", tuple(ratios), p)
    told = ", ".join(f"{one.name}/{names[0]} = {one.value:.3g} [{one.low:.3g}, {one.high:.3g}]" for one in known)
    if len(known) == len(ratios):
        return Answer("yes", f"Yes: {told}.", tuple(ratios), p)
    return Answer("partly", f"Partly: {told}; {lost}.", tuple(ratios), p)


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
    if not fitted.identified[0]:
        return f"{name} itself is not: its term does not differ by itself between sizes that were told apart"
    low, high = percentile(fitted.draws[:, 0], 1 - alpha)
    if low > 0:
        return ""
    return f"{name} is below 0: the better size had the larger term" if high < 0 else f"{name} cannot be told from 0"


def _flat(fitted: Fit, names: Sequence[str], place: int) -> str:
    if fitted.identified[place]:
        return ""
    moves = [
        names[other]
        for other in range(len(names))
        if other != place
        and any(abs(way[place]) > 0 and abs(way[other]) > 1e-6 * np.abs(way).max() for way in fitted.flat)
    ]
    if not moves:
        return "its term is the same for every size that was told from another"
    return f"its term moves in step with that of {' and '.join(moves)}"


def _unknown(name: str, why: str) -> Ratio:
    return Ratio(name, None, None, None, why)


def _ratio(fitted: Fit, name: str, place: int, alpha: float) -> Ratio:
    low, high = percentile(fitted.draws[:, place] / fitted.draws[:, 0], 1 - alpha)
    return Ratio(name, float(fitted.theta[place] / fitted.theta[0]), low, high)
