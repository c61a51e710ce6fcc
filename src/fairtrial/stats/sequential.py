"""Interim looks: how much of the error rate each look at growing data may use, so that all looks together keep it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fairtrial.errors import FairtrialError, UnknownName
from fairtrial.stats.summary import Floats

END = 8.0
"""Standard deviations beyond which a path does not count."""
NODES, PANEL = 12, 3.0
"""Nodes of the integral in a panel, and how many times the finest step that is wide."""


def looks(fractions: Sequence[float], alpha: float, kind: str = "obrien-fleming", *, sides: int = 2) -> list[float]:
    """Return the nominal level of each look: reject where the p of all data so far is at most that.

    `fractions` are the shares of the full data at the looks, ascending, the last one 1 (or less, where looks are still
    to come). `kind` is how the error rate is spent: `obrien-fleming` (hardly anything early), `pocock` (about the same
    at each look) or `constant` (one level for all looks). `sides` are those of the test whose p is read. The chance of
    any rejection without an effect is then `alpha`, for normal data. Sources: Lan and DeMets (1983), Discrete
    sequential boundaries for clinical trials, Biometrika 70 (the first two); Pocock (1977), Biometrika 64 (the
    constant one); Armitage, McPherson and Rowe (1969), J. R. Statist. Soc. A 132 (the recursion). Raises
    FairtrialError for fractions that do not ascend within (0, 1], UnknownName for another kind.
    """
    _check(fractions, alpha, sides)
    if kind == "constant":
        return [_constant(fractions, alpha, sides)] * len(fractions)
    walk, spent = _Walk(sides, fractions), 0.0
    nominal: list[float] = []
    for fraction in fractions:
        due = spending(kind, fraction, alpha, sides=sides)
        nominal.append(walk.spend(fraction, due - spent))
        spent = due
    return nominal


def spending(kind: str, fraction: float, alpha: float, *, sides: int = 2) -> float:
    """Return the error that may be spent up to a share of the data. Raises UnknownName for another kind."""
    from scipy.special import ndtr, ndtri

    if kind == "obrien-fleming":
        return float(sides * 2 * ndtr(ndtri(alpha / sides / 2) / math.sqrt(fraction)))
    if kind == "pocock":
        return alpha * math.log(1 + (math.e - 1) * fraction)
    raise UnknownName("spending of the error rate", kind, ("obrien-fleming", "pocock", "constant"))


def rejection(fractions: Sequence[float], nominal: Sequence[float], *, sides: int = 2) -> float:
    """Return the chance that some look rejects without an effect, when each is read at its nominal level."""
    walk = _Walk(sides, fractions)
    return sum(walk.look(fraction, level) for fraction, level in zip(fractions, nominal, strict=True))


class _Walk:
    """A standard Brownian motion watched at some times, less the paths that were rejected at earlier ones."""

    def __init__(self, sides: int, times: Sequence[float]) -> None:
        self.sides = sides
        self.finest = math.sqrt(min(after - before for before, after in zip([0.0, *times], times, strict=False)))
        self.time = 0.0
        self.nodes, self.mass = np.zeros(1), np.ones(1)

    def spend(self, time: float, error: float) -> float:
        """Look at `time` at the nominal level that rejects that share of all paths; return the level."""
        from scipy.optimize import brentq
        from scipy.special import ndtr

        if error <= 0:
            self.look(time, 0.0)
            return 0.0
        found = brentq(lambda z: self._crossing(time, z) - error, 0.0, 38.0, xtol=1e-12)
        level = float(self.sides * ndtr(-found))
        self.look(time, level)
        return level

    def look(self, time: float, level: float) -> float:
        """Look at `time`: drop the paths whose p is at most `level` and return their share of all paths."""
        from scipy.special import ndtri

        z = -float(ndtri(level / self.sides)) if level > 0 else math.inf
        crossed = self._crossing(time, z) if level > 0 else 0.0
        self._go(time, z)
        return crossed

    def _crossing(self, time: float, z: float) -> float:
        from scipy.special import ndtr

        step, bound = math.sqrt(time - self.time), z * math.sqrt(time)
        above = ndtr((self.nodes - bound) / step)
        below = ndtr((-self.nodes - bound) / step) if self.sides == 2 else 0.0
        return float((self.mass * (above + below)).sum())

    def _go(self, time: float, z: float) -> None:
        """Move the mass to nodes between the bounds at `time`."""
        step, root = math.sqrt(time - self.time), math.sqrt(time)
        high = min(z, END) * root
        low = -high if self.sides == 2 else -END * root
        nodes, weight = _nodes(low, high, self.finest)
        kernel = np.exp(-(((nodes[:, None] - self.nodes) / step) ** 2) / 2) / (step * math.sqrt(2 * math.pi))
        self.nodes, self.mass, self.time = nodes, weight * (kernel @ self.mass), time


def _nodes(low: float, high: float, finest: float) -> tuple[Floats, Floats]:
    """Return the nodes and weights of Gauss's rule in panels narrow enough for densities that vary over `finest`."""
    node, weight = np.polynomial.legendre.leggauss(NODES)
    edges = np.linspace(low, high, math.ceil((high - low) / (PANEL * finest)) + 1)
    half = (edges[1] - edges[0]) / 2
    return (edges[:-1, None] + half * (node + 1)).ravel(), np.tile(weight * half, len(edges) - 1)


def _constant(fractions: Sequence[float], alpha: float, sides: int) -> float:
    from scipy.optimize import brentq

    def excess(level: float) -> float:
        return rejection(fractions, [level] * len(fractions), sides=sides) - alpha

    if len(fractions) == 1:
        return alpha
    return float(brentq(excess, alpha / len(fractions) * 0.99, alpha, xtol=1e-10))


def _check(fractions: Sequence[float], alpha: float, sides: int) -> None:
    ascending = all(before < after for before, after in zip([0.0, *fractions], fractions, strict=False))
    if not fractions or not ascending or fractions[-1] > 1:
        raise FairtrialError(f"looks are at ascending shares of the data, above 0 and up to 1, not {list(fractions)}")
    if not 0 < alpha < 1 or sides not in (1, 2):
        raise FairtrialError(f"no looks: alpha {alpha}, {sides} sides")
