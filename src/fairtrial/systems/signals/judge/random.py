"""Random entries that match the signals in count, sides and spacing: what the same trades earn at other times.

The pattern of each test is moved around the circle of its bins, by offsets that are drawn anew, and traded under the
same rules; once as it is, and once with its sides exchanged, and the signals have to beat both. As it is: in a market
that rises, random entries with as many longs earn the rise as well. Exchanged: a signal that leans against what the
price has done is short more often where the price happened to rise, so that the same sides at other times lose, and
against these alone it looks skilled on random walks. Shifts as the permutations of a stationary series: Chung and
Fraser (1958), Randomization tests for a multivariate two-sample problem, J. Am. Statist. Assoc. 53. The larger of two p
values is one for both nulls: Berger (1982), Technometrics 24.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit

from fairtrial.stats.resample import TIE
from fairtrial.systems.signals.judge.fire import Fired
from fairtrial.systems.signals.judge.overlap import Ground, Room, Rules, book, walk, worth
from fairtrial.systems.signals.record import TRUNCATED, Floats, Integers

LEAST, HITS = 1000, 50
"""Draws at least, and draws as good as the signals that are enough."""


class Pattern(NamedTuple):
    """The signals of one test, the bins from `start` to before `stop`."""

    ground: Ground
    fired: Fired
    start: int
    stop: int
    reach: int
    """Every trade has to end before this bin."""

    @property
    def offsets(self) -> int:
        """Return by how many different offsets it can be moved."""
        return max(1, self.stop - self.start)

    @property
    def mirrored(self) -> Pattern:
        """Return the same signals with their sides exchanged."""
        return self._replace(fired=Fired(self.fired.bins, -self.fired.sides))


@dataclass(frozen=True, slots=True)
class Chance:
    """What random entries did."""

    p: float
    """(1 + draws at least as good) / (1 + draws), of the two kinds of draws the one that did better."""
    mean_ticks: float
    """Mean over the draws, sides as they are, of their mean net result; NaN where none ended a trade."""
    draws: int


def chance(
    patterns: Sequence[Pattern], rules: Rules, observed_ticks: float, *, draws: int, rng: np.random.Generator
) -> Chance:
    """Draw random entries until 50 did at least as well, or `draws` are used up; at least 1,000.

    The statistic is the mean net result over the trades of all tests that ended; a draw without any counts as good.
    Source of the rule to stop: Besag and Clifford (1991), Sequential Monte Carlo p-values, Biometrika 78.
    """
    kinds = [_Kind(patterns, rules), _Kind([pattern.mirrored for pattern in patterns], rules)]
    bound = observed_ticks - TIE * max(1.0, abs(observed_ticks))
    hits, found = np.zeros(2, np.int64), [np.empty(0)]
    size, done = LEAST, 0
    while done < draws and not (done >= LEAST and hits.max() >= HITS):
        count = min(size, draws - done)
        offsets = [rng.integers(0, pattern.offsets, count) for pattern in patterns]
        means = np.stack([kind.means(offsets, count) for kind in kinds])
        good = hits[:, None] + np.cumsum(~(means < bound), axis=1)
        enough = max(LEAST - done, int(np.searchsorted(good.max(axis=0), HITS)) + 1)
        found.append(means[0, :enough])
        done, hits = done + len(found[-1]), good[:, :enough][:, -1]
        size *= 2
    plain = np.concatenate(found)
    known = plain[np.isfinite(plain)]
    return Chance((1 + int(hits.max())) / (1 + done), float(known.mean()) if len(known) else math.nan, done)


class _Kind:
    """Draws of one kind: each offset of a test is traded once, however often it is drawn."""

    def __init__(self, patterns: Sequence[Pattern], rules: Rules) -> None:
        self.patterns, self.rules = patterns, rules
        self.memory = [np.full((2, pattern.offsets), np.nan) for pattern in patterns]

    def means(self, offsets: Sequence[Integers], count: int) -> Floats:
        """Return the mean net result of that many draws, an offset for each test; NaN where no trade ended."""
        sums, trades = np.zeros(count), np.zeros(count)
        for pattern, known, moved in zip(self.patterns, self.memory, offsets, strict=True):
            if len(pattern.fired.bins):
                _remember(pattern, self.rules, moved, known)
                sums += known[0, moved]
                trades += known[1, moved]
        found: Floats = np.divide(sums, trades, where=trades > 0, out=np.full(count, np.nan))
        return found


@njit(cache=True, nogil=True, error_model="numpy")
def _remember(pattern: Pattern, rules: Rules, offsets: Integers, known: Floats) -> None:
    """Trade the offsets that are not known yet: sum of the net results, and trades that ended."""
    ground, fired = pattern.ground, pattern.fired
    moved = Fired(np.empty_like(fired.bins), np.empty_like(fired.sides))
    room = book(len(fired.bins))
    for offset in offsets:
        if np.isnan(known[0, offset]):
            _move(fired, pattern.start, pattern.stop, offset, moved)
            count = walk(ground, rules, moved, pattern.reach, room)
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
