"""Messages to a book, order by order, and the book to bins."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fairtrial.errors import UserError
from fairtrial.systems.signals.orders import kernel
from fairtrial.systems.signals.orders.lots import lots, sizes
from fairtrial.systems.signals.orders.record import Book, Replayed, Touches
from fairtrial.systems.signals.record import ADD, ASK, BID, CLEAR, MODIFY, Bins, Events, Integers

FARTHEST = 2**63 - 2
"""Prices beyond it, in PRICE, are out of range: the largest integer is how feeds say "no price"."""
Matrix = npt.NDArray[np.int64]
MOST_BINS = 20_000_000
"""More bins than this (23 days of 100 ms) are a mistake in a time or in a bin's length."""


class Named(NamedTuple):
    """What the numbers in the kernel stand for."""

    orders: Integers
    """Ids, ascending."""
    prices: Integers
    """Price levels in PRICE, ascending."""
    digits: int
    """A lot is 10^-digits."""


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
    messages, named = _numbered(events, int(stops[-1]))
    cells, place = np.unique(named.prices // cell, return_inverse=True)
    work = _empty(messages, named, place.astype(np.int64), len(cells))
    first, best = np.zeros(len(stops), np.int64), np.full((len(stops) - 1, 2), -1, np.int64)
    kernel.run(work, stops, first, best)
    touches = _touches(work.out[: first[-1]], events, first=first, cells=cells, digits=named.digits)
    odd = {kind: int(count) for kind, count in zip(kernel.ODD, work.odd, strict=True) if count}
    return Replayed(_bins(bounds, stops, named.prices, best, cell), touches, _book(work, named), odd, cell)


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


def _numbered(events: Events, count: int) -> tuple[Matrix, Named]:
    """Number orders and prices, so that the kernel needs arrays only; return the messages as it reads them."""
    orders, order = np.unique(events.order[:count], return_inverse=True)
    action, price = events.action[:count], events.price[:count]
    priced = ((action == ADD) | (action == MODIFY)) & (price <= FARTHEST) & (price >= -FARTHEST)
    prices, rank = np.unique(price[priced], return_inverse=True)
    whole, digits = lots(events.size[:count])
    messages = np.full((count, 6), -1, np.int64)
    messages[:, kernel.TIME], messages[:, kernel.ACTION] = events.ts_ns[:count], action
    messages[:, kernel.SIDE], messages[:, kernel.ORDER] = events.side[:count], order
    messages[priced, kernel.LEVEL], messages[:, kernel.LOTS] = rank, whole
    return messages, Named(orders, prices, digits)


def _empty(messages: Matrix, named: Named, place: Integers, cells: int) -> kernel.Work:
    """Return an empty book, and room for as many touches as there can be: two for an order that is added or moves."""
    action, levels = messages[:, kernel.ACTION], len(named.prices)
    adds = int(((action == ADD) | (action == MODIFY)).sum())
    cleared = adds if (action == CLEAR).any() else 0
    orders = np.zeros((len(named.orders), 3), np.int64)
    orders[:, kernel.AT] = -1
    return kernel.Work(
        messages=messages,
        place=place,
        orders=orders,
        depth=np.zeros((2, levels), np.int64),
        blocks=np.zeros((2, (levels >> kernel.BLOCK) + 1), np.int64),
        cells=np.zeros((2, cells), np.int64),
        since=np.zeros(adds, np.int64),
        counts=np.array([0, 0, 0, -1, -1], np.int64),
        odd=np.zeros(len(kernel.ODD), np.int64),
        out=np.empty((len(messages) + adds + cleared, 6), np.int64),
    )


def _touches(out: Matrix, events: Events, *, first: Integers, cells: Integers, digits: int) -> Touches:
    message = out[:, kernel.MESSAGE].copy()
    return Touches(
        ts_ns=events.ts_ns[message],
        message=message,
        place=out[:, kernel.PLACE].astype(np.int32),
        kind=out[:, kernel.KIND].astype(np.int8),
        amount=sizes(out[:, kernel.AMOUNT], digits),
        bid=sizes(out[:, kernel.BID_DEPTH], digits),
        ask=sizes(out[:, kernel.ASK_DEPTH], digits),
        cells=cells,
        first=first,
    )


def _book(work: kernel.Work, named: Named) -> Book:
    """Return the orders that rest."""
    rests = np.flatnonzero(work.orders[:, kernel.AT] >= 0)
    level, side, left = work.orders[rests].T
    return Book(named.orders[rests], side.astype(np.int8), named.prices[level], sizes(left, named.digits))


def _bins(bounds: Integers, stops: Integers, prices: Integers, best: Matrix, cell: int) -> Bins:
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
