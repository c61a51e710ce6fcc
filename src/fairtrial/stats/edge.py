"""The edge of what is safe along levels: up from the lowest by doublings, then by halving the bracket.

Doubling and halving is the unbounded search of Bentley and Yao (1976, Inf. Process. Lett. 5). What is safe at a level
is taken to be safe at every lower one, so each test is between the largest safe level and the smallest that is not. On
the way up the first failure ends the search, whatever number of levels was tried (a fixed sequence: Maurer, Hothorn
and Lehmacher 1995); each halving is another chance to call an unsafe level safe, so all tests share the error rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

FIRST = 16
"""Of a range from 0 or below, the part that the first step up goes."""
DIGITS = 4
"""Significant digits of a level between two others."""
SMALL_GAIN = 0.05
"""Growth over two steps up from which on something still grows."""


def bound(values: Sequence[float], alpha: float, *, upper: bool) -> float | None:
    """Return the one-sided bound of a mean at level 1 - alpha (Student's t over finite values); None below two."""
    from fairtrial.stats.interval import t_interval

    ends = t_interval([value for value in values if math.isfinite(value)], 1 - 2 * alpha)
    return None if ends is None else ends[1 if upper else 0]


def kept(values: Sequence[float], limit: float, *, most: bool, alpha: float) -> bool:
    """Say whether a mean is shown to keep its limit (`most`: at most it); a missing value shows that it is not."""
    end = bound(values, alpha, upper=most)
    if end is None or not all(map(math.isfinite, values)):
        return False
    return end <= limit if most else end >= limit


def saturated(before: Sequence[float], after: Sequence[float], alpha: float) -> bool:
    """Say whether a metric is shown to grow by less than 5 % between two levels, round by round (log ratios)."""
    both = [(one, two) for one, two in zip(before, after, strict=True) if one > 0 and two > 0]  # NaN is neither
    end = bound([math.log(two / one) for one, two in both], alpha, upper=True)
    return end is not None and len(both) == len(before) and end < math.log1p(SMALL_GAIN)


class Rail(Protocol):
    """The levels that there are."""

    @property
    def first(self) -> float:
        """Return the lowest level."""

    @property
    def halvings(self) -> int:
        """Return how often a bracket is halved, at most."""

    def above(self, level: float) -> float | None:
        """Return the next level on the way up; None at the highest."""

    def between(self, safe: float, unsafe: float) -> float | None:
        """Return the level that halves a bracket; None where it is as narrow as it is to be."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Given levels, ascending: steps up go over twice as many each time."""

    levels: Sequence[float]

    @property
    def first(self) -> float:
        """Return the lowest level."""
        return self.levels[0]

    @property
    def halvings(self) -> int:
        """Return how often a bracket is halved, at most."""
        widest, place, last = 1, 0, len(self.levels) - 1
        while place < last:
            following = min(2 * place + 1, last)
            widest, place = max(widest, following - place), following
        return math.ceil(math.log2(widest))

    def above(self, level: float) -> float | None:
        """Return the next level on the way up; None at the highest."""
        place, last = self.levels.index(level), len(self.levels) - 1
        return self.levels[min(2 * place + 1, last)] if place < last else None

    def between(self, safe: float, unsafe: float) -> float | None:
        """Return the level in the middle of a bracket; None between neighbours."""
        low, high = self.levels.index(safe), self.levels.index(unsafe)
        return self.levels[(low + high) // 2] if high - low > 1 else None


@dataclass(frozen=True, slots=True)
class Ranged:
    """Every number of a range, or every whole one."""

    low: float
    high: float
    log: bool = False
    integer: bool = False
    resolution: float = 0.05
    """A bracket is narrow enough from this share of its safe end on (of the first step, where the range has 0)."""

    @property
    def first(self) -> float:
        """Return the lowest level."""
        return self.low

    @property
    def halvings(self) -> int:
        """Return how often a bracket is halved, at most."""
        wide = math.log(2) / math.log1p(self.resolution) if self.log else 1 / self.resolution
        return math.ceil(math.log2(max(1.0, min(wide, self.high - self.low) if self.integer else wide)))

    @property
    def _step(self) -> float:
        step = (self.high - self.low) / FIRST
        return max(1.0, step) if self.integer else step

    def above(self, level: float) -> float | None:
        """Return twice a level, or twice its distance from the lowest where that is not above 0; None at the end."""
        if level >= self.high:
            return None
        up = 2 * level if self.low > 0 else self.low + max(self._step, 2 * (level - self.low))
        return min(self.high, float(round(up)) if self.integer else up)

    def between(self, safe: float, unsafe: float) -> float | None:
        """Return the middle of a bracket, geometric on a log scale; None within the resolution."""
        scale = safe if self.low > 0 else max(abs(safe), self._step)
        if unsafe - safe <= self.resolution * scale * (1 + 1e-9):
            return None
        middle = math.sqrt(safe * unsafe) if self.log else (safe + unsafe) / 2
        middle = float(round(middle)) if self.integer else float(f"{middle:.{DIGITS}g}")
        return middle if safe < middle < unsafe else None


def share(alpha: float, rail: Rail) -> float:
    """Return the error rate of each test: the way up, and each halving, have an equal part of it."""
    return alpha / (1 + rail.halvings)


@dataclass(slots=True)
class Climb:
    """The search along one rail: ask for a level, tell how it was."""

    rail: Rail
    most: int | None = None
    """Levels at most."""
    safe: float | None = None
    """The largest level that was safe."""
    unsafe: float | None = None
    full: bool = False
    """Nothing grows any more: no higher level is tried."""
    tested: list[float] = field(default_factory=list)

    def level(self) -> float | None:
        """Return the level to test next; None at the end."""
        if self.most is not None and len(self.tested) >= self.most:
            return None
        if not self.tested:
            return self.rail.first
        if self.safe is None:
            return None
        if self.unsafe is None:
            return None if self.full else self.rail.above(self.safe)
        return self.rail.between(self.safe, self.unsafe)

    def tell(self, level: float, *, safe: bool, full: bool = False) -> None:
        """Hear how a level was."""
        self.tested.append(level)
        self.full = self.full or full
        if safe:
            self.safe = level
        else:
            self.unsafe = level
