"""Random entries that match the signals in count, sides and spacing: what the same trades earn at other times.

The pattern of each test is moved around the circle of its bins, by offsets that are drawn anew, and traded under the
same rules. An offset of a test is traded once, however often it is drawn. Source: circular shifts as the permutations
of a stationary series, e.g. Chung and Fraser (1958), Randomization tests for a multivariate two-sample problem, J. Am.
Statist. Assoc. 53.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from fairtrial.stats.resample import TIE
from fairtrial.systems.signals.judge.fire import Fired
from fairtrial.systems.signals.judge.fold import Stretch
from fairtrial.systems.signals.judge.overlap import Ground, Room, Rules, book, walk, worth
from fairtrial.systems.signals.record import TRUNCATED, Floats, Integers

LEAST, HITS = 1000, 50
"""Draws at least, and draws as good as the signals that are enough."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """The signals of one test."""

    ground: Ground
    stretch: Stretch
    fired: Fired


@dataclass(frozen=True, slots=True)
class Chance:
    """What random entries did."""

    p: float
    """(1 + draws at least as good) / (1 + draws)."""
    mean_ticks: float
    """Mean over the draws of their mean net result; NaN where none ended a trade."""
    draws: int


def chance(
    patterns: Sequence[Pattern], rules: Rules, observed_ticks: float, *, draws: int, rng: np.random.Generator
) -> Chance:
    """Draw random entries until 50 did at least as well, or `draws` are used up; at least 1,000.

    The statistic is the mean net result over the trades of all tests that ended; a draw without any counts as good.
    Source of the rule to stop: Besag and Clifford (1991), Sequential Monte Carlo p-values, Biometrika 78.
    """
    memory = [np.full((2, max(1, len(pattern.stretch))), np.nan) for pattern in patterns]
    hits, done, seen, total = 0, 0, 0, 0.0
    size = LEAST
    while done < draws and not (done >= LEAST and hits >= HITS):
        means = _means(patterns, rules, memory, min(size, draws - done), rng)
        good = np.cumsum(~(means < observed_ticks - TIE * max(1.0, abs(observed_ticks))))
        enough = max(LEAST - done, int(np.searchsorted(good, HITS - hits)) + 1)
        means = means[:enough]
        hits, done = hits + int(good[len(means) - 1]), done + len(means)
        known = means[np.isfinite(means)]
        total, seen = total + float(known.sum()), seen + len(known)
        size *= 2
    return Chance((1 + hits) / (1 + done), total / seen if seen else math.nan, done)


def _means(
    patterns: Sequence[Pattern], rules: Rules, memory: Sequence[Floats], count: int, rng: np.random.Generator
) -> Floats:
    """Return the mean net result of that many draws; NaN where no trade ended."""
    sums, trades = np.zeros(count), np.zeros(count)
    for pattern, known in zip(patterns, memory, strict=True):
        offsets = rng.integers(0, known.shape[1], count)
        if len(pattern.fired.bins):
            start, reach = pattern.stretch.start, pattern.stretch.reach
            _remember(pattern.ground, rules, pattern.fired, (start, pattern.stretch.stop, reach), offsets, known)
            sums += known[0, offsets]
            trades += known[1, offsets]
    found: Floats = np.divide(sums, trades, where=trades > 0, out=np.full(count, np.nan))
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def _remember(
    ground: Ground, rules: Rules, fired: Fired, span: tuple[int, int, int], offsets: Integers, known: Floats
) -> None:
    """Trade the offsets that are not known yet: sum of the net results, and trades that ended."""
    moved = Fired(np.empty_like(fired.bins), np.empty_like(fired.sides))
    room = book(len(fired.bins))
    for offset in offsets:
        if np.isnan(known[0, offset]):
            _move(fired, span[0], span[1], offset, moved)
            count = walk(ground, rules, moved, span[2], room)
            known[0, offset], known[1, offset] = _sum(ground, rules, room, count)


@njit(cache=True, nogil=True, error_model="numpy")
def _move(fired: Fired, start: int, stop: int, offset: int, moved: Fired) -> None:
    """Move signals around the circle; they stay in order of time."""
    count = len(fired.bins)
    wrap = np.searchsorted(fired.bins, stop - offset)
    for at in range(count):
        old = at + wrap if at + wrap < count else at + wrap - count
        later = fired.bins[old] + offset
        moved.bins[at] = later if later < stop else later - (stop - start)
        moved.sides[at] = fired.sides[old]


@njit(cache=True, nogil=True, error_model="numpy")
def _sum(ground: Ground, rules: Rules, room: Room, count: int) -> tuple[float, float]:
    """Return the sum of the net results of trades that ended, and how many."""
    gross, cost = worth(ground, rules, room, count)
    total, ended = 0.0, 0.0
    for at in range(count):
        if room.outcome[at] != TRUNCATED:
            total += gross[at] - cost[at]
            ended += 1.0
    return total, ended
