"""How the best prices moved from bin to bin, as a code for each side of the spot.

A move is taken since the last bin whose book was valid, in ticks; where the book is not valid there is none. The code
follows a table of the signs of the two moves, which is the same for all cells of a side. Cell 0 belongs to neither
side: it is mixed, code 0, as is what the table calls 0.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from fairtrial.systems.signals.record import LEVELS, PRICE, REACH, Bins, Bytes, Floats, Integers, Mask

ABOVE = np.array([-1, -1, 0, -1, 0, 2, -1, -1, 2], np.int8)
"""perm_microstate_id -> perm_state5_code of the cells above the spot: (ask, bid) from (-, -) and (-, 0) to (+, +)."""
BELOW = np.array([-2, -2, 0, -2, 0, 1, -2, -2, 1], np.int8)
"""The same below it."""


def permutation(bins: Bins, tick_size: float, names: Collection[str]) -> dict[str, npt.NDArray[Any]]:
    """Return those of the columns of the stage "permutation" that are in `names`, each (n, LEVELS)."""
    tick = round(tick_size / PRICE)
    ask = moves(bins.best_ask_price_int, bins.book_valid, tick)
    bid = moves(bins.best_bid_price_int, bins.book_valid, tick)
    rows: dict[str, npt.NDArray[Any]] = {
        "best_ask_move_ticks": ask,
        "best_bid_move_ticks": bid,
        "ask_reprice_sign": np.sign(ask).astype(np.int8),
        "bid_reprice_sign": np.sign(bid).astype(np.int8),
        "perm_microstate_id": microstate(ask, bid),
        "chase_up_flag": ((ask > 0) & (bid > 0)).astype(np.int8),
        "chase_down_flag": ((ask < 0) & (bid < 0)).astype(np.int8),
    }
    found = {name: np.repeat(row[:, None], LEVELS, axis=1) for name, row in rows.items() if name in names}
    if "perm_state5_code" in names:
        found["perm_state5_code"] = state5(rows["perm_microstate_id"])
    return found


def moves(price: Integers, valid: Mask, tick: int) -> Floats:
    """Return by how many ticks a price differs from that of the valid bin before, (n,); 0 where there is none."""
    places = np.flatnonzero(valid)
    found = np.zeros(len(price))
    found[places[1:]] = np.diff(price[places]) / tick
    return found


def microstate(ask: Floats, bid: Floats) -> Bytes:
    """Return 3 (sign of ask + 1) + (sign of bid + 1), 0 to 8."""
    return (3 * (np.sign(ask) + 1) + np.sign(bid) + 1).astype(np.int8)


def state5(states: Bytes) -> Bytes:
    """Return the code of every cell, (n, LEVELS), of the microstates of n bins."""
    found = np.zeros((len(states), LEVELS), np.int8)
    found[:, :REACH] = BELOW[states][:, None]
    found[:, REACH + 1 :] = ABOVE[states][:, None]
    return found
