"""Market by order as Databento writes it (schema mbo), as CSV or Parquet: DBN decoded to either.

The documentation says of the actions: A adds an order, C cancels it in whole or in part, M gives it a new price and
size, R clears the book; T (an aggressor traded) and F (a resting order was filled) do not change the book, since a C
that does follows each of them. So a C is a fill as far as F records of its order and event went before it. A snapshot
is an R and an A for each order, marked F_SNAPSHOT, all with the time at which it was taken in `ts_recv`: that column
orders the records, and is the time that counts. Source: https://databento.com/docs/schemas/mbo, the pages on order
tracking and on MBO snapshots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fairtrial.errors import UserError, nearest
from fairtrial.systems.signals.feed.record import Fed
from fairtrial.systems.signals.feed.table import Table
from fairtrial.systems.signals.feed.table import read as table
from fairtrial.systems.signals.record import (
    ADD,
    ASK,
    BID,
    CANCEL,
    CLEAR,
    FILL,
    MODIFY,
    Bytes,
    Events,
    Floats,
    Integers,
    Mask,
)

NEEDED = ("ts_recv", "action", "side", "price", "size", "order_id")
LETTERS = "ACMRFTN"
BECOMES = {"A": ADD, "C": CANCEL, "M": MODIFY, "R": CLEAR, "F": FILL}
SNAPSHOT, LEVELS, TOP, DOUBTFUL = 1 << 5, 1 << 4, 1 << 6, 1 << 2
"""Flags F_SNAPSHOT, F_MBP (a level, no order), F_TOB (the top of a book, no order), F_MAYBE_BAD_BOOK (a gap)."""
INSTRUMENT = ("symbol", "raw_symbol", "instrument_id")
"""Columns that say what is traded, the first that is there counts."""


@dataclass(frozen=True, slots=True)
class Records:
    """Records of the book's own actions and fills, in order."""

    ts_ns: Integers
    event_ns: Integers
    letter: Bytes
    """The code of its letter."""
    side: Bytes
    price: Integers
    size: Floats
    order: Integers
    snapshot: Mask

    def only(self, rows: Mask) -> Records:
        """Return some of them."""
        return Records(*(getattr(self, name)[rows] for name in self.__slots__))


def read_mbo(files: Sequence[Path], *, symbol: str | None = None, gaps: bool = False) -> Fed:
    """Read records of one instrument, file after file.

    Raises UserError, with file and line, for columns and cells that are not what they should be, times that run
    backwards, records of several instruments (unless `symbol` says which) or of price levels, and records that the
    feed marks as doubtful, since some before them are missing (unless `gaps`).
    """
    parts: list[Records] = []
    symbols: set[str | None] = set()
    odd = missing = messages = latest = 0
    for path in files:
        found = table(path)
        found.need(NEEDED)
        found, named = _instrument(found, symbol)
        symbols.add(named)
        if len(symbols) > 1:
            raise UserError(f"{path}: its instrument is {named}, that of the files before {(symbols - {named}).pop()}")
        missing += _flagged(found, gaps=gaps)
        latest = _in_order(found, latest)
        part, sideless = _records(found)
        parts.append(part)
        odd += sideless
        messages += len(found.rows)
    whole = Records(*(np.concatenate([getattr(part, name) for part in parts]) for name in Records.__slots__))
    if not len(whole.ts_ns):
        raise UserError(f"{', '.join(map(str, files))}: there are no messages")
    events, unpaired = _events(whole)
    counted = {"order without a side": odd, "fill without its cancel": unpaired}
    later = whole.ts_ns[~whole.snapshot]
    return Fed(
        events,
        messages,
        {kind: count for kind, count in counted.items() if count},
        missing,
        int(later[0] if len(later) else whole.ts_ns[0]),
        symbols.pop(),
    )


def _instrument(found: Table, symbol: str | None) -> tuple[Table, str | None]:
    """Return the rows of one instrument, and its name. Raises UserError where there are several, or not that one."""
    column = next((name for name in INSTRUMENT if name in found.frame.columns), None)
    if column is None:
        if symbol is not None:
            raise UserError(f"{found.path}: no column says what is traded: --symbol does nothing")
        return found, None
    words = found.words(column)
    known = sorted(set(words.unique().to_list()))
    if symbol is None and len(known) > 1:
        raise UserError(f"{found.path}: {len(known)} instruments: {', '.join(known[:8])}", hint="give --symbol")
    if symbol is not None and symbol not in known:
        raise UserError(f"{found.path}: nothing of {symbol!r} in column {column}", hint=nearest(symbol, known))
    if symbol is None or len(known) < 2:
        return found, known[0] if known else None
    rows = (words == symbol).to_numpy()
    return replace(found, frame=found.frame.filter(rows), rows=found.rows[rows]), symbol


def _flagged(found: Table, *, gaps: bool) -> int:
    """Return how many records the feed marks as doubtful. Raises UserError for them, and for price levels."""
    if "flags" not in found.frame.columns:
        return 0
    flags = found.whole("flags")
    levels = (flags & (LEVELS | TOP)) != 0
    if levels.any():
        raise UserError(f"{found.place(int(levels.argmax()))}: a price level, not an order (flag F_MBP or F_TOB)")
    doubtful = (flags & DOUBTFUL) != 0
    if doubtful.any() and not gaps:
        raise UserError(
            f"{found.place(int(doubtful.argmax()))}: messages before it are missing (flag F_MAYBE_BAD_BOOK)",
            hint="--gaps accepts it; the book may be wrong from there on, and the manifest says so",
        )
    starts = doubtful & ~np.concatenate([[False], doubtful[:-1]])
    return int(starts.sum())


def _records(found: Table) -> tuple[Records, int]:
    """Return the records that change a book or say why it changes, and how many orders had no side."""
    letters = found.words("action").to_numpy().astype("U1")
    unknown = ~np.isin(letters, list(LETTERS))
    if unknown.any():
        row = int(unknown.argmax())
        raise UserError(f"{found.place(row)}: action is {str(letters[row])!r}, not one of {', '.join(LETTERS)}")
    side = found.words("side").to_numpy().astype("U1")
    event = "ts_event" if "ts_event" in found.frame.columns else "ts_recv"
    flags = found.whole("flags") if "flags" in found.frame.columns else np.zeros(len(side), np.int64)
    records = Records(
        ts_ns=found.times("ts_recv"),
        event_ns=found.times(event),
        letter=letters.view(np.int32).reshape(-1).astype(np.int8),
        side=np.where(side == "A", ASK, BID).astype(np.int8),
        price=found.prices("price"),
        size=found.numbers("size"),
        order=found.ids("order_id"),
        snapshot=(flags & SNAPSHOT) != 0,
    )
    placed = np.isin(letters, ["A", "M"])
    sideless = placed & ~np.isin(side, ["A", "B"])
    return records.only(np.isin(letters, list(BECOMES)) & ~sideless), int(sideless.sum())


def _in_order(found: Table, latest: int) -> int:
    """Return the time of a file's last record. Raises UserError where one is earlier than the one before it."""
    times = found.times("ts_recv")
    backwards = np.diff(times, prepend=latest) < 0
    if backwards.any():
        row = int(backwards.argmax())
        raise UserError(f"{found.place(row)}: time runs backwards: ts_recv {times[row]}", hint="sort by ts_recv")
    return int(times[-1]) if len(times) else latest


def _events(records: Records) -> tuple[Events, int]:
    """Return messages of the book, and how many fills no cancel followed."""
    filled, unpaired = _filled(records)
    kept = records.letter != ord("F")
    records, filled = records.only(kept), filled[kept]
    action = np.zeros(len(filled), np.int8)
    for letter, becomes in BECOMES.items():
        action[records.letter == ord(letter)] = becomes
    whole, part = (filled > 0) & (filled >= records.size), (filled > 0) & (filled < records.size)
    action[whole] = FILL
    rows = np.repeat(np.arange(len(action)), 1 + part)  # filled in part, then cancelled: two messages
    second = np.concatenate([[False], rows[1:] == rows[:-1]])
    first = np.concatenate([second[1:], [False]])
    action, size = action[rows], records.size[rows]
    action[first] = FILL
    size[first], size[second] = filled[rows][first], (records.size - filled)[rows][second]
    clear = action == CLEAR
    price, order = (np.where(clear, 0, values[rows]) for values in (records.price, records.order))
    return Events(records.ts_ns[rows], action, records.side[rows], price, size, order), unpaired


def _filled(records: Records) -> tuple[Floats, int]:
    """Return how much of each C was filled (0 elsewhere), and how many fills no C followed.

    Of an order's records in one event, what F said before a C, less what earlier ones took, is what C carries out.
    """
    fill, cancel = records.letter == ord("F"), records.letter == ord("C")
    found = np.zeros(len(fill))
    rows = np.flatnonzero(fill | cancel)
    if not fill.any():
        return found, 0
    rows = rows[np.lexsort((rows, records.event_ns[rows], records.order[rows]))]
    order, event = records.order[rows], records.event_ns[rows]
    starts = np.concatenate([[True], (np.diff(order) != 0) | (np.diff(event) != 0)])
    begins, group = np.flatnonzero(starts), np.cumsum(starts) - 1
    said, taken = (np.where(which[rows], records.size[rows], 0.0) for which in (fill, cancel))
    before = [np.cumsum(one) - one for one in (said, taken)]
    left = sum(sign * (one - one[begins][group]) for sign, one in zip((1, -1), before, strict=True))
    found[rows] = np.where(cancel[rows], np.clip(left, 0, records.size[rows]), 0.0)
    unpaired = np.add.reduceat(said, begins) - np.add.reduceat(found[rows], begins)
    return found, int((unpaired > 0).sum())
