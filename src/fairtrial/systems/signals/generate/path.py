"""The path of the best bid and ask, and the intent behind it: drawn before any message, so that none can move it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from fairtrial.systems.signals.generate.pace import WIDEST, Pace
from fairtrial.systems.signals.record import Bytes, Floats, Integers


@dataclass(frozen=True, slots=True)
class Path:
    """What holds from each time on (n entries, one a change; the first at 0)."""

    at_s: Floats
    quotes: Integers
    """(n, 2): best bid and best ask, in ticks from the first bid."""
    intent: Bytes
    """+1 or -1."""

    def __len__(self) -> int:
        return len(self.at_s)


def path(pace: Pace, seconds: float, rng: np.random.Generator) -> Path:
    """Draw the path of so many seconds."""
    expected = seconds * (pace.shifts + 2 * pace.widens + pace.flips)
    return Path(*_walk(rng, pace, seconds, int(1.1 * expected) + 64))


@njit(cache=True, nogil=True)
def _walk(rng: np.random.Generator, pace: Pace, seconds: float, room: int) -> tuple[Floats, Integers, Bytes]:
    """Draw change after change: the time to the next one is exponential, then the shares of the rates say which."""
    at, quotes, intent = np.zeros(room), np.zeros((room, 2), np.int64), np.ones(room, np.int8)
    quotes[0, 1] = 1
    intent[0] = 1 if rng.random() < 0.5 else -1
    count, now = 1, 0.0
    while True:
        spread = quotes[count - 1, 1] - quotes[count - 1, 0]
        widens = pace.widens if spread < WIDEST else 0.0
        narrows = pace.narrows if spread > 1 else 0.0
        total = pace.flips + pace.shifts + widens + narrows
        now += rng.standard_exponential() / total
        if now >= seconds:
            return at[:count].copy(), quotes[:count].copy(), intent[:count].copy()
        if count == len(at):
            at = np.concatenate((at, np.zeros_like(at)))
            quotes = np.concatenate((quotes, np.zeros_like(quotes)))
            intent = np.concatenate((intent, np.zeros_like(intent)))
        at[count], quotes[count], intent[count] = now, quotes[count - 1], intent[count - 1]
        which = rng.random() * total - pace.flips
        if which < 0:
            intent[count] = -intent[count]
        else:
            up = rng.random() * 2 < 1 + pace.tilt + pace.lean * intent[count]
            if which < pace.shifts:
                _shift(rng, quotes[count], up, pace.last)
            else:
                _turn(quotes[count], up, which < pace.shifts + widens)
        count += 1


@njit(cache=True, nogil=True)
def _shift(rng: np.random.Generator, quotes: Integers, up: bool, last: float) -> None:
    ticks = 1
    while rng.random() >= last:
        ticks += 1
    quotes += ticks if up else -ticks


@njit(cache=True, nogil=True)
def _turn(quotes: Integers, up: bool, wider: bool) -> None:
    """Up: the ask goes (wider) or the bid comes (narrower); down: the other way round."""
    quotes[1 if wider == up else 0] += 1 if up else -1
