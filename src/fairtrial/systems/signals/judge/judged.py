"""What an evaluation found, and trades put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from fairtrial.systems.signals.record import Trades

Columns = Mapping[str, Any]
KINDS = (np.int64,) * 5 + (np.int8,) * 2 + (np.float64,) * 3
"""Of the columns of `Trades`."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The result for one configuration."""

    metrics: Mapping[str, float | None]
    """Every name of `metrics.measured(protocol)`; None: undefined."""
    trades: Trades
    """honest: of the test folds and of the final block (fold -1); original: of every threshold, fold 0."""
    thresholds: Columns
    """honest: fold, threshold, trades and net_ticks (in training), chosen; original: a row for each threshold."""
    blocks: Columns
    """Outside the final block (original: of the threshold with the best tp_rate), by blocks of time: see `block`."""


def together(parts: Sequence[Trades]) -> Trades:
    """Put trades together, in order of market and entry; none of no parts."""
    columns = []
    for field, kind in zip(fields(Trades), KINDS, strict=True):
        columns.append(np.concatenate([np.empty(0, kind), *(getattr(part, field.name) for part in parts)]))
    found = Trades(*columns)
    order = np.lexsort((found.entry_bin, found.market))
    return Trades(*(column[order] for column in columns))
