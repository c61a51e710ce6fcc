"""Random entries that match the signals in count, sides and spacing: what the same trades earn at other times.

The pattern of each test is moved around the circle of its bins, by offsets that are drawn anew, and traded under the
same rules; once as it is, and once with its sides exchanged, and the signals have to beat both. As it is: in a market
that rises, random entries with as many longs earn the rise as well. Exchanged: a signal that leans against what the
price has done is short more often where the price happened to rise, so that the same sides at other times lose, and
against these alone it looks skilled on random walks. Shifts as the permutations of a stationary series: Chung and
Fraser (1958), Randomization tests for a multivariate two-sample problem, J. Am. Statist. Assoc. 53. The larger of two p
values is one for both nulls: Berger (1982), Technometrics 24.

What is tested is the mean net result of a trade, studentised: t = (mean - centre) trades / sqrt(sum over blocks of
(net - mean trades)^2), with net result and trades of each block of time, a block as long as the longest trade, and the
mean of the draws of that kind as the centre. The mean alone would not do: signals that fire while the price moves much
have a mean that varies more than that of their copies in quiet times, and would be discovered too often without any
edge. Exact where the copies are exchangeable, else for many blocks: with some ten, and losses larger than gains,
p <= 0.01 came in 1.4 % of markets with volatile spells and no edge. Sources: Janssen (1997), Studentized permutation
tests for non-i.i.d. hypotheses and the generalized Behrens-Fisher problem, Statist. Probab. Lett. 36; Chung and Romano
(2013), Exact and asymptotically robust permutation tests, Ann. Statist. 41.
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
from fairtrial.systems.signals.record import TRUNCATED, Floats, Integers, Mask

LEAST, HITS = 1000, 50
"""Draws at least, and draws as good as the signals that are enough."""
SUMS = 5
"""Over the blocks of a draw: net result, trades, their squares and their product (net^2, net trades, trades^2)."""
ROUNDING = 1e-12
"""Share of a sum of squares below which what is left of it is nothing."""


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


def chance(patterns: Sequence[Pattern], rules: Rules, *, draws: int, rng: np.random.Generator) -> Chance:
    """Draw random entries until 50 did at least as well as the signals, or `draws` are used up; at least 1,000.

    Draws whose statistic is not a number, for want of trades or of any difference between blocks, count as good.
    Source of the rule to stop: Besag and Clifford (1991), Sequential Monte Carlo p-values, Biometrika 78.
    """
    kinds = [_Kind(patterns, rules), _Kind([pattern.mirrored for pattern in patterns], rules)]
    observed = kinds[0].sums([np.zeros(1, np.int64)] * len(patterns), 1)
    hits, found, centres = np.zeros(2, np.int64), [np.empty(0)], [math.nan, math.nan]
    size, done = LEAST, 0
    while done < draws and not (done >= LEAST and hits.max() >= HITS):
        count = min(size, draws - done)
        offsets = [rng.integers(0, pattern.offsets, count) for pattern in patterns]
        sums = [kind.sums(offsets, count) for kind in kinds]
        if not done:
            centres = [_centre(_means(one)) for one in sums]
        better = np.stack([_reaches(one, observed, centre) for one, centre in zip(sums, centres, strict=True)])
        good = hits[:, None] + np.cumsum(better, axis=1)
        enough = max(LEAST - done, int(np.searchsorted(good.max(axis=0), HITS)) + 1)
        found.append(_means(sums[0])[:enough])
        done, hits = done + len(found[-1]), good[:, :enough][:, -1]
        size *= 2
    return Chance((1 + int(hits.max())) / (1 + done), _centre(np.concatenate(found)), done)


def _means(sums: Floats) -> Floats:
    """Return the mean net result of each draw, of its sums (SUMS, draws); NaN where no trade ended."""
    found: Floats = np.divide(sums[0], sums[1], where=sums[1] > 0, out=np.full(sums.shape[1], np.nan))
    return found


def _centre(means: Floats) -> float:
    """Return the mean of those that are known."""
    known = means[np.isfinite(means)]
    return float(known.mean()) if len(known) else math.nan


def _studentised(sums: Floats, centre: float) -> Floats:
    """Return t of each draw; infinite where the blocks do not differ, NaN without trades."""
    means = _means(sums)
    net2, both, trades2 = sums[2:]
    size = net2 + means * means * trades2
    spread = size - 2 * means * both
    spread[spread <= ROUNDING * size] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = (means - centre) * sums[1] / np.sqrt(spread)
    return found


def _reaches(sums: Floats, observed: Floats, centre: float) -> Mask:
    """Say which draws do at least as well; those whose t is not a number do, and all where the signals' is none."""
    drawn, seen = _studentised(sums, centre), _studentised(observed, centre)
    with np.errstate(invalid="ignore"):  # inf - inf is NaN, and NaN is not below
        reached: Mask = ~(drawn + TIE * np.maximum(1.0, np.abs(drawn)) < seen)
    return reached


class _Kind:
    """Draws of one kind: each offset of a test is traded once, however often it is drawn."""

    def __init__(self, patterns: Sequence[Pattern], rules: Rules) -> None:
        self.patterns, self.rules = patterns, rules
        self.memory = [np.full((SUMS, pattern.offsets), np.nan) for pattern in patterns]

    def sums(self, offsets: Sequence[Integers], count: int) -> Floats:
        """Return the sums of that many draws, (SUMS, count), over all tests, an offset for each test."""
        sums = np.zeros((SUMS, count))
        for pattern, known, moved in zip(self.patterns, self.memory, offsets, strict=True):
            if len(pattern.fired.bins):
                _remember(pattern, self.rules, moved, known)
                sums += known[:, moved]
        return sums


@njit(cache=True, nogil=True, error_model="numpy")
def _remember(pattern: Pattern, rules: Rules, offsets: Integers, known: Floats) -> None:
    """Trade the offsets that are not known yet, and write down their sums."""
    ground, fired = pattern.ground, pattern.fired
    moved = Fired(np.empty_like(fired.bins), np.empty_like(fired.sides))
    room = book(len(fired.bins))
    for offset in offsets:
        if np.isnan(known[0, offset]):
            _move(fired, pattern.start, pattern.stop, offset, moved)
            count = walk(ground, rules, moved, pattern.reach, room)
            _sum(pattern, rules, room, count, known[:, offset])


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
def _sum(pattern: Pattern, rules: Rules, room: Room, count: int, sums: Floats) -> None:
    """Write down the sums over the blocks of the trades that ended; a trade counts in the block of its entry."""
    gross, cost = worth(pattern.ground, rules, room, count)
    size = max(1, rules.hold_bins + rules.delay_bins)
    sums[:] = 0.0
    block, net, trades = -1, 0.0, 0.0
    for at in range(count):
        if room.outcome[at] != TRUNCATED:
            here = (room.entry[at] - pattern.start) // size
            if here != block:
                _add(sums, net, trades)
                block, net, trades = here, 0.0, 0.0
            net += gross[at] - cost[at]
            trades += 1.0
    _add(sums, net, trades)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _add(sums: Floats, net: float, trades: float) -> None:
    """Add a block to the sums."""
    sums[0] += net
    sums[1] += trades
    sums[2] += net * net
    sums[3] += net * trades
    sums[4] += trades * trades
