"""How often things happen in a market that is made up, so that it moves as was asked.

The mid moves by itself, whatever the flow does; at each move a coin says which way.

- Shifts: bid and ask move together by K whole ticks, K geometric; a Poisson process.
- Turns: the spread (1 to 3 ticks) widens or narrows by a tick on one side, which moves the mid by half a tick.

With no edge and no drift the coin is fair, whatever was before: the mid is a martingale, its moves' signs are
independent of each other and of every message so far. Otherwise it says "up" with probability (1 + b) / 2, where
b = tilt (drift) + lean * intent (edge). Given the intent, the variance of a second's change stays what was asked.

What an edge of 1 means: the intent is +1 or -1 and changes its sign at random times, so that its autocorrelation is
exp(-t / horizon_s). At an intent of +1 the mid is pulled up by `pull` = 2.5 volatility_ticks / sqrt(horizon_s) ticks a
second, or by 0.9 of the fastest that it can move without more volatility, where that is less (at low volatilities, on
short horizons, with few messages). An edge of x pulls x times as much. The mid is then expected to change by
x * pull * horizon_s in all, 1 - 1/e = 63 % of it within the next horizon_s. With the defaults and an edge of 1 these
are 5.6 and 3.5 ticks, and the intent's correlation with the change over the next horizon_s is 0.65 (at 0.3: 0.40);
whoever knew the intent, and traded whenever it changes, to +8 or -4 ticks, would gain 3.9 ticks a trade between mids
(at 0.3: 1.7). volatility_ticks is that of what cannot be foretold: an edge and a drift add their own, so that with the
defaults a second's change has a standard deviation of 1.55 ticks at an edge of 1 (1.06 at 0.3).

A strong edge also makes trends, whichever its sign: what reads past moves of the price gains or loses by that as well.
"""

from __future__ import annotations

from math import exp, sqrt
from typing import NamedTuple

from fairtrial.systems.signals.words import Synthetic

WIDE = 0.12
"""How often the spread widens, over how often it narrows again: it is 1 tick for 88 % of the time."""
WIDEST = 3
"""Ticks."""
TURN_SHARE = 1.0
"""Times variance: how often the spread widens a second; a fifth of the variance comes from turns."""
JUMPS = 1.2
"""Least mean square of a shift, in ticks: one of sixteen is longer than a tick, so that barriers are overshot."""
TICK_MESSAGES = 16.0
"""About what it takes to move the book by a tick."""


class Pace(NamedTuple):
    """Rates are per second."""

    shifts: float
    last: float
    """Chance that a shift ends at each tick: K is geometric, its mean 1 / last."""
    widens: float
    narrows: float
    flips: float
    """Of the intent."""
    tilt: float
    lean: float
    messages: float
    """Of those that move nothing."""


def pace(synthetic: Synthetic) -> Pace:
    """Return the rates.

    A drift that the volatility has no room for brings shifts of its own: the market is then more volatile than asked.
    """
    widens, turns = _turns(synthetic)
    shifts, last = _shifts(synthetic, turns)
    wanted = abs(synthetic.drift_ticks_per_s) + abs(synthetic.edge) * pull(synthetic)
    shifts = max(shifts, last * (wanted / 0.95 - turns / 2))
    fastest = shifts / last + turns / 2
    return Pace(
        shifts=shifts,
        last=last,
        widens=widens,
        narrows=widens / WIDE,
        flips=0.5 / synthetic.horizon_s,
        tilt=synthetic.drift_ticks_per_s / fastest,
        lean=synthetic.edge * pull(synthetic) / fastest,
        messages=max(synthetic.events_per_s - TICK_MESSAGES * fastest, 0.3 * synthetic.events_per_s),
    )


def pull(synthetic: Synthetic) -> float:
    """Return the drift of the mid at an intent of 1 and an edge of 1, in ticks a second."""
    _, turns = _turns(synthetic)
    shifts, last = _shifts(synthetic, turns)
    wanted: float = 2.5 * synthetic.volatility_ticks / sqrt(synthetic.horizon_s)
    return min(wanted, 0.9 * (shifts / last + turns / 2))


def foretold_ticks(synthetic: Synthetic) -> float:
    """Return the expected change of the mid within the next horizon_s at an intent of 1, drift left out."""
    return synthetic.edge * pull(synthetic) * synthetic.horizon_s * (1 - exp(-1))


def _turns(synthetic: Synthetic) -> tuple[float, float]:
    """Return how often the spread widens, and how often it turns: as often as it widens, and as often as it narrows."""
    widens: float = min(TURN_SHARE * synthetic.volatility_ticks**2, 0.02 * synthetic.events_per_s)
    widest: float = WIDE ** (WIDEST - 1) / sum(WIDE**spread for spread in range(WIDEST))
    return widens, 2 * widens * (1 - widest)


def _shifts(synthetic: Synthetic, turns: float) -> tuple[float, float]:
    """Return how often the quotes shift, and the chance that a shift ends at each tick.

    K has the mean square (2 - last) / last^2. Where messages are few for the volatility, shifts are fewer and longer,
    so that moving the book takes at most four messages of ten.
    """
    variance = synthetic.volatility_ticks**2 - turns / 4
    shifts: float = min(variance / JUMPS, max(0.00075 * synthetic.events_per_s**2 / variance, 0.1))
    square = variance / shifts
    return shifts, (sqrt(1 + 8 * square) - 1) / (2 * square)
