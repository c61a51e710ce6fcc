"""The crowd, compiled: orders that come, go and are matched without ever moving the best bid or ask.

Zero intelligence: which side and which level are drawn, not chosen (Smith, Farmer, Gillemot and Krishnamurthy 2003,
Quantitative Finance 3; Cont, Stoikov and Talreja 2010, Operations Research 58). Distances from the best quote have a
heavy tail (Bouchaud, Mezard and Potters 2002, Quantitative Finance 2), and the more orders a level has, the likelier
one of them is pulled. The intent shows in who buys and sells at the market, and in waves: orders that are added on
one side and pulled on the other, first from the outer levels inwards, then on all of these.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from fairtrial.systems.signals.generate.book import BEST_ASK, BEST_BID, NOW, Book, add, depth, move, nth, oldest, reduce
from fairtrial.systems.signals.record import ASK, BID, CANCEL, FILL, Integers

REACH_TICKS = 62
"""Levels of a side that have orders."""
USUAL, MOST = 6, 30
"""Orders of a level, about; and at most."""
TRADES, WAVES, MOVES = 0.15, 0.40, 0.04
"""Shares of messages: orders at the market, waves, and orders that are moved; the others add and pull."""
LEANS = 0.9
"""How much of trades and waves goes the way of the intent, less how much goes the other way."""
WAVE_TICKS = 12.0
"""Where a wave begins."""


@njit(cache=True, nogil=True)
def message(book: Book, rng: np.random.Generator, intent: int, wave: Integers) -> None:
    """Let one happen. `wave`: when the present wave began, how long a wave is (both in ns), and its bullish side."""
    share = rng.random()
    if share < TRADES:
        _trade(book, rng, ASK if _agrees(rng, intent) else BID)
    elif share < TRADES + WAVES:
        _wave(book, rng, intent, wave)
    elif share < TRADES + WAVES + MOVES:
        _moved(book, rng)
    else:
        _drawn(book, rng)


@njit(cache=True, nogil=True)
def stock(book: Book, rng: np.random.Generator, side: int, tick: int, orders: int) -> None:
    """Put so many orders on a level."""
    for _ in range(orders):
        add(book, side, tick, _size(rng))


@njit(cache=True, nogil=True)
def _agrees(rng: np.random.Generator, intent: int) -> bool:
    """Say whether something is bullish."""
    return rng.random() * 2 < 1 + LEANS * intent


@njit(cache=True, nogil=True)
def _size(rng: np.random.Generator) -> float:
    return 1.0 + int(3 * rng.standard_exponential())


@njit(cache=True, nogil=True)
def _level(book: Book, side: int, distance: int) -> int:
    """Return the tick so far behind the best quote."""
    tick: int = book.state[BEST_BID] - distance if side == BID else book.state[BEST_ASK] + distance
    return tick


@njit(cache=True, nogil=True)
def _distance(rng: np.random.Generator) -> int:
    """Draw a distance from the best quote; its chance falls as 1 / (distance + 5)."""
    drawn = int(5 * ((REACH_TICKS + 5) / 5) ** rng.random() - 5)
    return min(max(drawn, 0), REACH_TICKS - 1)


@njit(cache=True, nogil=True)
def _trade(book: Book, rng: np.random.Generator, side: int) -> None:
    """Match an order at the market with the best level of a side; its last order is left, or a part of it."""
    tick, wanted = _level(book, side, 0), _size(rng)
    while wanted > 0 and depth(book, tick) > 1:
        slot = oldest(book, tick)
        filled = min(wanted, book.size[slot])
        reduce(book, FILL, slot, filled)
        wanted -= filled
    if wanted > 0:
        slot = oldest(book, tick)
        if book.size[slot] > 1:
            reduce(book, FILL, slot, min(wanted, book.size[slot] - 1))
        else:
            add(book, side, tick, _size(rng))


@njit(cache=True, nogil=True)
def _wave(book: Book, rng: np.random.Generator, intent: int, wave: Integers) -> None:
    """Add on the wave's side, or pull on the other: at its front as it comes in, and behind it afterwards."""
    age = book.state[NOW] - wave[0]
    if age >= wave[1]:
        wave[0], wave[2], age = book.state[NOW], BID if _agrees(rng, intent) else ASK, 0
    front = WAVE_TICKS * (1 - 2 * age / wave[1]) + 2 * rng.random() - 1
    place = front if 2 * age < wave[1] else WAVE_TICKS * rng.random()
    distance, other = max(int(place), 0), BID + ASK - wave[2]
    if rng.random() < 0.5 or depth(book, _level(book, other, distance)) < 2:
        _change(book, rng, wave[2], distance, adds=True)
    else:
        _change(book, rng, other, distance, adds=False)


@njit(cache=True, nogil=True)
def _drawn(book: Book, rng: np.random.Generator) -> None:
    """Add to a level or pull from it: likelier to add where there are few orders."""
    side, distance = BID if rng.random() < 0.5 else ASK, _distance(rng)
    orders = depth(book, _level(book, side, distance))
    _change(book, rng, side, distance, rng.random() * (USUAL + orders) < USUAL)


@njit(cache=True, nogil=True)
def _change(book: Book, rng: np.random.Generator, side: int, distance: int, adds: bool) -> None:
    """Add an order to a level, or pull one or a part of one; a level is never empty, and never too full."""
    tick = _level(book, side, distance)
    orders = depth(book, tick)
    if orders < 2 or (adds and orders < MOST):
        add(book, side, tick, _size(rng))
        return
    slot = nth(book, tick, int(rng.random() * orders))
    size = book.size[slot]
    part = float(size // 2) if rng.random() < 0.1 and size > 1 else size
    reduce(book, CANCEL, slot, part)


@njit(cache=True, nogil=True)
def _moved(book: Book, rng: np.random.Generator) -> None:
    """Move an order to another level of its side."""
    side, distance = BID if rng.random() < 0.5 else ASK, _distance(rng)
    tick, to = _level(book, side, distance), _level(book, side, _distance(rng))
    orders = depth(book, tick)
    if orders < 2 or to == tick or depth(book, to) >= MOST:
        _change(book, rng, side, distance, adds=True)
    else:
        move(book, nth(book, tick, int(rng.random() * orders)), to)
