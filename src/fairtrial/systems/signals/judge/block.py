"""Results by blocks of time, the same blocks for every configuration of a data set: what is paired and resampled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fairtrial.stats.series import merged
from fairtrial.systems.signals.judge.fold import Stretch
from fairtrial.systems.signals.record import Floats, Integers, Trades

LATTICE = 600
"""Bins of a block: a minute of 100 ms. Block b of a market is its bins from 600 b to before 600 (b + 1), whatever the
configuration, so that any two are paired by (market, block); blocks as long as the longest trade are made of whole ones
(`joined`)."""

Columns = Mapping[str, Floats | Integers]


def blocks(trades: Trades, tested: Sequence[Stretch]) -> Columns:
    """Return the columns market, block, start_bin, stop_bin, net_ticks (sum), trades: a row for each tested block.

    `tested` are stretches that follow each other within a market; a block is cut to what of it was tested. A trade
    that ended counts where it was entered.
    """
    market, block, start, stop = _rows(tested)
    ended = np.isfinite(trades.net_ticks)
    width = int(block.max(initial=0)) + 2
    places = np.searchsorted(market * width + block, trades.market[ended] * width + trades.entry_bin[ended] // LATTICE)
    net = np.bincount(places, weights=trades.net_ticks[ended], minlength=len(block)).astype(np.float64)
    count = np.bincount(places, minlength=len(block)).astype(np.int64)
    return {"market": market, "block": block, "start_bin": start, "stop_bin": stop, "net_ticks": net, "trades": count}


def joined(columns: Columns, name: str, hold_bins: int) -> Floats:
    """Return a column summed over neighbouring blocks of a market, together at least `hold_bins` long."""
    size = -(-hold_bins // LATTICE)
    values, market = np.asarray(columns[name], dtype=np.float64), columns["market"]
    parts = [merged(values[market == number], size) for number in np.unique(market)]
    return np.concatenate([np.empty(0), *parts])


def _rows(tested: Sequence[Stretch]) -> tuple[Integers, Integers, Integers, Integers]:
    """Return market, block, first bin and bin after the last of each block."""
    rows: list[tuple[int, int, int, int]] = []
    for market in sorted({part.market for part in tested}):
        mine = [part for part in tested if part.market == market and len(part)]
        first, last = min((part.start for part in mine), default=0), max((part.stop for part in mine), default=0)
        rows += [
            (market, block, max(first, block * LATTICE), min(last, (block + 1) * LATTICE))
            for block in range(first // LATTICE, -(-last // LATTICE))
        ]
    found = np.array(rows, dtype=np.int64).reshape(len(rows), 4)
    return found[:, 0], found[:, 1], found[:, 2], found[:, 3]
