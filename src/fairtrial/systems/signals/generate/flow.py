"""Order flow that is made up: a path of quotes, a book that follows it at once, and a crowd that never moves it."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np
from numba import njit

from fairtrial.errors import UserError
from fairtrial.systems.signals.generate.book import (
    BEST_ASK,
    BEST_BID,
    LINES,
    NOW,
    ROOM,
    STEP,
    Book,
    clear,
    depth,
    empty,
    lent,
    longer,
    oldest,
    reduce,
    roomy,
)
from fairtrial.systems.signals.generate.borrow import borrowed
from fairtrial.systems.signals.generate.crowd import REACH_TICKS, USUAL, message, stock
from fairtrial.systems.signals.generate.pace import pace
from fairtrial.systems.signals.generate.path import path
from fairtrial.systems.signals.record import ASK, BID, CANCEL, FILL, PRICE, Bytes, Events, Integers
from fairtrial.systems.signals.words import Synthetic

START_NS = 1_767_623_400_000_000_000
"""Where time begins: 2026-01-05, 14:30 UTC."""
FRESH = 2
"""Orders of a level that is new."""
MATCHED = 0.6
"""Share of the orders of a level that are matched when it goes; the others are pulled."""
LOWEST = 80_000
"""Ticks that the first bid has at least."""
WAVE_NS = 1_000_000_000
"""Length of a wave; a fifth of horizon_s where that is shorter."""
FARTHEST = 2**61
"""Prices of a replay are below it."""


class Script(NamedTuple):
    """What the book goes by."""

    steps: Integers
    """(n, 3): what holds from when on: time in ns, best bid and best ask in ticks."""
    intent: Bytes
    """(n,)"""
    wave: Integers
    """Of `crowd.message`."""
    last_ns: int
    """Time of the last message."""
    gap_ns: float
    """Mean time between messages of the crowd."""


def flow(synthetic: Synthetic, rng: np.random.Generator, *, start_ns: int = START_NS) -> Events:
    """Draw the messages of `synthetic.bins` bins; the first, at start_ns, is a snapshot, the last is in the last bin.

    The quotes are a path that is drawn first (`pace` says how, and what an edge means); the crowd fills in orders
    around it. So with edge 0 nothing in the book tells where the mid goes. The book has orders on 62 levels of each
    side at any time; all messages of a move have one time.

    Raises UserError for a tick size that is not a whole multiple of 1e-9, or prices that do not fit.
    """
    length_ns = synthetic.bins * round(synthetic.bin_s * 1e9)
    seconds = length_ns / 1e9
    first = _first(synthetic, seconds)
    tick = _tick(synthetic.tick_size, first)
    rates = pace(synthetic)
    drawn = path(rates, seconds, rng)
    steps = np.column_stack((np.minimum(drawn.at_s * 1e9, length_ns - 2).astype(np.int64), drawn.quotes + first))
    wave = np.array([0, max(1, min(WAVE_NS, int(synthetic.horizon_s * 2e8))), BID])
    book = empty(int(1.2 * synthetic.events_per_s * seconds) + ROOM)
    script = Script(steps, drawn.intent, wave, length_ns - 1, 1e9 / rates.messages)
    while not _run(book, rng, script):
        book = longer(book)
    lines = slice(0, int(book.state[LINES]))
    return Events(
        ts_ns=book.ts_ns[lines] + start_ns,
        action=book.action[lines].copy(),
        side=book.sides[lines].copy(),
        price=book.ticks[lines] * tick,
        size=book.sizes[lines].copy(),
        order=book.orders[lines].copy(),
    )


def _first(synthetic: Synthetic, seconds: float) -> int:
    """Return a first bid, in ticks, from which the price does not fall to 0; nothing that is drawn changes it."""
    drift = abs(synthetic.drift_ticks_per_s)
    spread = (3 * synthetic.volatility_ticks + sqrt(2 * drift)) * sqrt(seconds)
    return max(LOWEST, 1000 + int(12 * spread + 1.1 * drift * seconds))


def _tick(tick_size: float, first: int) -> int:
    """Return the price of a tick, in PRICE."""
    tick = round(tick_size / PRICE)
    if tick < 1 or abs(tick_size / PRICE - tick) > 1e-3:
        raise UserError(f"tick_size {tick_size:g} is not a whole multiple of {PRICE:g}", hint="give a multiple of it")
    if 3 * first * tick >= FARTHEST:
        most = FARTHEST * PRICE / (3 * first)
        raise UserError(f"tick_size {tick_size:g}: prices of {first} ticks do not fit", hint=f"at most {most:.3g}")
    return tick


@njit(cache=True, nogil=True)
def _run(book: Book, rng: np.random.Generator, script: Script) -> bool:
    """Let the crowd act between the steps, and the quotes change in no time; False: go on with a longer tape."""
    book, state = lent(book), borrowed(book.state)
    steps, intent, wave = borrowed(script.steps), borrowed(script.intent), borrowed(script.wave)
    now, step = float(state[NOW]), state[STEP]
    while roomy(book):
        ends = steps[step + 1, 0] if step + 1 < len(steps) else script.last_ns
        now += rng.standard_exponential() * script.gap_ns
        if now < ends:
            state[NOW] = int(now)
            message(book, rng, intent[max(step, 0)], wave)
            continue
        now, state[NOW] = float(ends), ends
        if step + 1 == len(steps):
            message(book, rng, intent[step], wave)
            return True
        step += 1
        state[STEP] = step
        _requote(book, rng, steps[step, 1], steps[step, 2])
    return False


@njit(cache=True, nogil=True)
def _snapshot(book: Book, rng: np.random.Generator, bid: int, ask: int) -> None:
    clear(book)
    book.state[BEST_BID], book.state[BEST_ASK] = bid, ask
    for distance in range(REACH_TICKS):
        stock(book, rng, BID, bid - distance, USUAL)
        stock(book, rng, ASK, ask + distance, USUAL)


@njit(cache=True, nogil=True)
def _requote(book: Book, rng: np.random.Generator, bid: int, ask: int) -> None:
    """Bring the best quotes to where they are to be; on the way the book is never crossed, and no side empty."""
    was_bid, was_ask = book.state[BEST_BID], book.state[BEST_ASK]
    if abs(bid - was_bid) > REACH_TICKS:
        _snapshot(book, rng, bid, ask)
        return
    for tick in range(was_ask + REACH_TICKS, ask + REACH_TICKS):
        stock(book, rng, ASK, tick, FRESH)
    for tick in range(was_bid - REACH_TICKS, bid - REACH_TICKS, -1):
        stock(book, rng, BID, tick, FRESH)
    for tick in range(was_ask, ask):
        _sweep(book, rng, tick, MATCHED)
    for tick in range(was_bid, bid, -1):
        _sweep(book, rng, tick, MATCHED)
    for tick in range(was_bid + 1, bid + 1):
        stock(book, rng, BID, tick, FRESH)
    for tick in range(was_ask - 1, ask - 1, -1):
        stock(book, rng, ASK, tick, FRESH)
    for tick in range(ask + REACH_TICKS, was_ask + REACH_TICKS):
        _sweep(book, rng, tick, 0.0)
    for tick in range(bid - REACH_TICKS, was_bid - REACH_TICKS, -1):
        _sweep(book, rng, tick, 0.0)
    book.state[BEST_BID], book.state[BEST_ASK] = bid, ask


@njit(cache=True, nogil=True)
def _sweep(book: Book, rng: np.random.Generator, tick: int, matched: float) -> None:
    """Take away every order of a level, the oldest first: `matched` of them by orders at the market, or pulled."""
    while depth(book, tick) > 0:
        slot = oldest(book, tick)
        reduce(book, FILL if rng.random() < matched else CANCEL, slot, book.size[slot])
