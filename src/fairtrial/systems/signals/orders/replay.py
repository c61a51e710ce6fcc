"""Messages to a book, order by order, and the book to bins."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fairtrial.errors import UserError
from fairtrial.systems.signals.orders import kernel
from fairtrial.systems.signals.orders.lots import lots, sizes
from fairtrial.systems.signals.orders.record import Book, Replayed, Touches
from fairtrial.systems.signals.record import ADD, ASK, BID, CLEAR, MODIFY, Bins, Events, Integers

FARTHEST = 2**63 - 2
"""Prices beyond it, in PRICE, are out of range: the largest integer is how feeds say "no price"."""
MOST_BINS = 20_000_000
"""More bins than this (23 days of 100 ms) are a mistake in a time or in a bin's length."""


def replay(
    events: Events, *, cell: int, bin_ns: int, start_ns: int | None = None, stop_ns: int | None = None
) -> Replayed:
    """Replay messages to a book, and say what it was at the end of each bin of `bin_ns`.

    Bin b lies from start_ns + b * bin_ns to before start_ns + (b + 1) * bin_ns; a bin without messages has the book of
    the one before. `start_ns`: by default the first message's time, rounded down to a whole bin; what precedes it only
    builds the book. `stop_ns`: bins go on until then, and later messages are not read; by default the last message's
    bin is the last. `cell`: width of a cell, in PRICE.

    Raises UserError for no messages, one of an unknown action or side, time that runs backwards, too many bins.
    """
    if cell < 1 or bin_ns < 1:
        raise UserError(f"a cell of {cell} x 1e-9 and a bin of {bin_ns} ns: both must be at least 1")
    _check(events)
    bounds = _bounds(events.ts_ns, bin_ns, start_ns, stop_ns)
    stops = np.searchsorted(events.ts_ns, bounds, side="left")
    messages, orders, prices, cells, digits = _numbered(events, int(stops[-1]), cell)
    state, out = _empty(messages, len(orders), len(prices), len(cells))
    first, best = np.zeros(len(stops), np.int64), np.full((len(stops) - 1, 2), -1, np.int64)
    kernel.run(messages, state, out, stops, first, best)
    touches = _touches(out, events, first=first, cells=cells, digits=digits)
    rests = np.flatnonzero(state.level >= 0)
    book = Book(orders[rests], state.side[rests], prices[state.level[rests]], sizes(state.lots[rests], digits))
    odd = {kind: int(count) for kind, count in zip(kernel.ODD, state.odd, strict=True) if count}
    return Replayed(_bins(bounds, stops, prices, best, cell), touches, book, odd, cell)


def _check(events: Events) -> None:
    if not len(events):
        raise UserError("no messages: nothing to replay")
    backwards = np.flatnonzero(np.diff(events.ts_ns) < 0)
    if len(backwards):
        at = int(backwards[0]) + 1
        was, now = (str(np.datetime64(int(events.ts_ns[i]), "ns")) for i in (at - 1, at))
        raise UserError(f"message {at}: time runs backwards, from {was} to {now}", hint="sort the messages")
    wrong = (events.action < ADD) | (events.action > CLEAR)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise UserError(f"message {at}: {int(events.action[at])} is no action: 0 to {CLEAR}")
    wrong = (events.side != BID) & (events.side != ASK)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise UserError(f"message {at}: {int(events.side[at])} is no side: {BID} (bid) or {ASK} (ask)")


def _bounds(times: Integers, bin_ns: int, start_ns: int | None, stop_ns: int | None) -> Integers:
    """Return where bins begin and end, (n + 1,)."""
    start = int(times[0]) // bin_ns * bin_ns if start_ns is None else start_ns
    stop = int(times[-1]) + 1 if stop_ns is None else stop_ns
    count = -(-(stop - start) // bin_ns)
    if count < 1:
        raise UserError(f"no bins: they would begin at {_iso(start)} and end at {_iso(stop)}")
    if count > MOST_BINS:
        raise UserError(
            f"{count} bins of {bin_ns} ns from {_iso(start)} to {_iso(stop)}: at most {MOST_BINS}",
            hint="is a time wrong? otherwise give longer bins, or a start and an end",
        )
    return start + np.arange(count + 1, dtype=np.int64) * bin_ns


def _iso(time_ns: int) -> str:
    return str(np.datetime64(time_ns, "ns"))


def _numbered(events: Events, count: int, cell: int) -> tuple[kernel.Messages, Integers, Integers, Integers, int]:
    """Number orders, prices and cells, so that the kernel needs arrays only."""
    orders, order = np.unique(events.order[:count], return_inverse=True)
    action, price = events.action[:count], events.price[:count]
    priced = ((action == ADD) | (action == MODIFY)) & (price <= FARTHEST) & (price >= -FARTHEST)
    prices, rank = np.unique(price[priced], return_inverse=True)
    level = np.full(count, -1, np.int32)
    level[priced] = rank
    cells, place = np.unique(prices // cell, return_inverse=True)
    whole, digits = lots(events.size[:count])
    messages = kernel.Messages(
        ts_ns=np.ascontiguousarray(events.ts_ns[:count]),
        action=np.ascontiguousarray(action),
        side=np.ascontiguousarray(events.side[:count]),
        order=order.astype(np.int32),
        level=level,
        lots=whole,
        place=place.astype(np.int32),
    )
    return messages, orders, prices, cells, digits


def _empty(messages: kernel.Messages, orders: int, levels: int, cells: int) -> tuple[kernel.State, kernel.Out]:
    """Return an empty book, and room for as many touches as there can be."""
    moves = int((messages.action == MODIFY).sum())
    adds = int((messages.action == ADD).sum()) + moves
    cleared = adds if (messages.action == CLEAR).any() else 0
    room = len(messages.action) + adds + cleared
    state = kernel.State(
        level=np.full(orders, -1, np.int32),
        side=np.zeros(orders, np.int8),
        lots=np.zeros(orders, np.int64),
        depth=np.zeros((2, levels), np.int64),
        blocks=np.zeros((2, (levels >> kernel.BLOCK) + 1), np.int64),
        best=np.full(2, -1, np.int64),
        cells=np.zeros((2, cells), np.int64),
        since=np.zeros(adds, np.int32),
        counts=np.zeros(3, np.int64),
        odd=np.zeros(len(kernel.ODD), np.int64),
    )
    out = kernel.Out(
        message=np.empty(room, np.int64),
        place=np.empty(room, np.int32),
        kind=np.empty(room, np.int8),
        amount=np.empty(room, np.int64),
        bid=np.empty(room, np.int64),
        ask=np.empty(room, np.int64),
    )
    return state, out


def _touches(out: kernel.Out, events: Events, *, first: Integers, cells: Integers, digits: int) -> Touches:
    count = int(first[-1])
    message = out.message[:count].copy()
    return Touches(
        ts_ns=events.ts_ns[message],
        message=message,
        place=out.place[:count].copy(),
        kind=out.kind[:count].copy(),
        amount=sizes(out.amount[:count], digits),
        bid=sizes(out.bid[:count], digits),
        ask=sizes(out.ask[:count], digits),
        cells=cells,
        first=first,
    )


def _bins(bounds: Integers, stops: Integers, prices: Integers, best: npt.NDArray[Any], cell: int) -> Bins:
    there = best >= 0
    bid, ask = (np.where(there[:, side], prices[best[:, side]] if len(prices) else 0, 0) for side in (BID, ASK))
    valid = there.all(axis=1) & (bid <= ask)
    half = (bid >> 1) + (ask >> 1) + (bid & ask & 1)  # their sum may not fit
    newest = np.maximum.accumulate(np.where(valid, np.arange(len(valid)), -1))
    spot = np.where(newest >= 0, (half // cell * cell)[newest], 0)
    return Bins(
        bin_seq=np.arange(len(valid), dtype=np.int64),
        ts_ns=bounds[1:].copy(),
        bin_start_ns=bounds[:-1].copy(),
        bin_end_ns=bounds[1:].copy(),
        mid_price=np.where(valid, (half + 0.5 * ((bid ^ ask) & 1)) / 1e9, np.nan),
        event_id=stops[1:] - 1,
        bin_event_count=np.diff(stops),
        book_valid=valid,
        best_bid_price_int=bid,
        best_ask_price_int=ask,
        spot_ref_price_int=spot,
    )
