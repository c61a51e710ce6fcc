"""Records that the parts of this system exchange: messages, bins, a market as signals see it, trades."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]

REACH = 50
"""Cells above and below the spot."""
LEVELS = 2 * REACH + 1
"""Cells of a bin: column k + REACH is cell k, k cells above the spot."""
PRICE = 1e-9
"""Prices of messages and of the book are whole multiples of it."""
ADD, CANCEL, MODIFY, FILL, CLEAR = range(5)
"""Actions of a message."""
BID, ASK = range(2)


@dataclass(frozen=True, slots=True)
class Events:
    """Messages of a book in order, order by order (m of them); a snapshot is a CLEAR and an ADD for each order."""

    ts_ns: Integers
    """Unix nanoseconds, not falling."""
    action: Bytes
    """ADD an order; CANCEL `size` of it; MODIFY it to `price` and `size`; FILL `size` of it; CLEAR the book."""
    side: Bytes
    """BID or ASK: of the resting order."""
    price: Integers
    """Of the order, in PRICE; of a MODIFY the new one."""
    size: Floats
    """What is added, cancelled or filled; of a MODIFY the new size."""
    order: Integers
    """The order's id; 0 for CLEAR."""

    def __len__(self) -> int:
        return len(self.ts_ns)


@dataclass(frozen=True, slots=True)
class Bins:
    """What is known at the end of each bin (n of them), one array a column of bins.parquet."""

    bin_seq: Integers
    """0, 1, 2 …"""
    ts_ns: Integers
    """When the bin ended: nothing later is in it."""
    bin_start_ns: Integers
    bin_end_ns: Integers
    mid_price: Floats
    """Half of best bid and best ask; NaN where the book was not valid."""
    event_id: Integers
    """Number of the last message, from 0; -1 before the first."""
    bin_event_count: Integers
    book_valid: Mask
    """Both sides there, and not crossed."""
    best_bid_price_int: Integers
    """In PRICE; 0 where that side was empty."""
    best_ask_price_int: Integers
    spot_ref_price_int: Integers
    """The price of cell 0, in PRICE: the mid, rounded down to a whole cell."""

    def __len__(self) -> int:
        return len(self.bin_seq)

    def cut(self, start: int, stop: int) -> Bins:
        """Return the bins from `start` to before `stop`."""
        return Bins(*(getattr(self, field.name)[start:stop] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin, as a stream is given it."""

    number: int
    """0, 1, 2 … within its market."""
    ts_ns: int
    mid_ticks: float
    """Mid price in ticks; NaN where the book was not valid."""
    valid: bool
    columns: Mapping[str, npt.NDArray[Any]]
    """Column of the grid -> (LEVELS,) values."""


@dataclass(frozen=True, slots=True)
class Market:
    """A stretch of one data set: its bins, and of its grid the columns that were asked for."""

    name: str
    bins: Bins
    columns: Mapping[str, npt.NDArray[Any]]
    """Column of grid_clean.parquet -> (n, LEVELS) values, float64 or int8."""
    tick_size: float
    """Price of a tick."""
    bin_s: float
    """Length of a bin, in seconds."""

    def __len__(self) -> int:
        return len(self.bins)

    @property
    def mid_ticks(self) -> Floats:
        """Mid prices in ticks, (n,)."""
        found: Floats = self.bins.mid_price / self.tick_size
        return found

    @property
    def half_spread_ticks(self) -> Floats:
        """Half of best ask less best bid in ticks, (n,); NaN where the book was not valid, or a side has no price."""
        bid, ask = self.bins.best_bid_price_int, self.bins.best_ask_price_int
        known = self.bins.book_valid & (bid != 0) & (ask != 0) & (bid <= ask)
        return np.where(known, (ask - bid) * PRICE / self.tick_size / 2, np.nan)

    def cut(self, start: int, stop: int) -> Market:
        """Return the bins from `start` to before `stop`, numbered as before."""
        columns = {name: values[start:stop] for name, values in self.columns.items()}
        return replace(self, bins=self.bins.cut(start, stop), columns=columns)

    def bin(self, number: int) -> Bin:
        """Return one bin."""
        return Bin(
            number=number,
            ts_ns=int(self.bins.ts_ns[number]),
            mid_ticks=float(self.bins.mid_price[number]) / self.tick_size,
            valid=bool(self.bins.book_valid[number]),
            columns={name: values[number] for name, values in self.columns.items()},
        )


@dataclass(frozen=True, slots=True)
class Trades:
    """What was traded, one entry a trade, in order of entry."""

    market: Integers
    """Number of its market (day), from 0."""
    fold: Integers
    """Test fold from 0; -1: the final block."""
    signal_bin: Integers
    entry_bin: Integers
    exit_bin: Integers
    side: Bytes
    """+1 long, -1 short."""
    outcome: Bytes
    """TP, SL, TIMEOUT, TURNED (closed by an opposite signal) or TRUNCATED."""
    gross_ticks: Floats
    """Signed change of the mid from entry to exit; NaN for what was truncated."""
    cost_ticks: Floats
    """Spread, slippage and fees."""
    threshold: Floats

    def __len__(self) -> int:
        return len(self.entry_bin)

    @property
    def net_ticks(self) -> Floats:
        """What is left, in ticks."""
        found: Floats = self.gross_ticks - self.cost_ticks
        return found


TP, SL, TIMEOUT, TURNED, TRUNCATED = range(5)
OUTCOMES = ("tp", "sl", "timeout", "turned", "truncated")
