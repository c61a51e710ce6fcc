"""The nearest that vectorbt has to the evaluation of `signals.py`, run by an interpreter that has vectorbt.

Usage: positions.py DATA THRESHOLD...

One position at a time, opened where the signal rises through a threshold (long) or falls through its negative (short),
closed by a stop that is a share of the price: no longest time, no cooldown, no trades side by side, no costs. Prints
the CPU seconds of the second run (the first compiles), the trades of each threshold and the version.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version

import numpy as np
import pandas as pd
import vectorbt as vbt

BASE = 100_000
TP, SL = 16 / BASE, 8 / BASE


def main() -> None:
    """Read, run twice, print."""
    with open(sys.argv[1], "rb") as file:
        (n,) = np.fromfile(file, np.int64, 1)
        signal, mid = np.fromfile(file, np.float64, n), np.fromfile(file, np.int32, n)
    close = pd.Series((mid - mid.min() + BASE).astype(float))
    for _ in range(2):
        start = time.process_time()
        counts = [trades(close, signal, float(word)) for word in sys.argv[2:]]
        seconds = time.process_time() - start
    print(json.dumps({"seconds": seconds, "trades": counts, "version": version("vectorbt")}))


def trades(close: pd.Series, signal: np.ndarray, threshold: float) -> int:
    """Return how many positions were opened."""
    state = (signal >= threshold).astype(int) - (signal <= -threshold)
    fresh = np.diff(state, prepend=0) != 0
    book = vbt.Portfolio.from_signals(
        close,
        entries=pd.Series(fresh & (state > 0)),
        short_entries=pd.Series(fresh & (state < 0)),
        sl_stop=SL,
        tp_stop=TP,
        upon_opposite_entry="ignore",
        freq="1s",
    )
    return int(book.trades.count())


if __name__ == "__main__":
    main()
