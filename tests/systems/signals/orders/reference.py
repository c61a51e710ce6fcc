"""The book replayed another way: plain dictionaries, decimal fractions, one bin after the other."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from decimal import Decimal

from fairtrial.systems.signals.record import ADD, ASK, BID, CANCEL, CLEAR, MODIFY, Events

FARTHEST = 2**63 - 2


class Naive:
    """A book as a dictionary of orders, and a sorted list of the prices of each side, one entry an order."""

    def __init__(self) -> None:
        self.orders: dict[int, tuple[int, int, Decimal]] = {}
        self.prices: tuple[list[int], list[int]] = ([], [])
        self.odd: Counter[str] = Counter()

    def apply(self, action: int, side: int, price: int, size: Decimal, order: int) -> None:
        if action == CLEAR:
            self.orders, self.prices = {}, ([], [])
        elif action == ADD:
            self.add(side, price, size, order)
        elif action == MODIFY:
            self.modify(side, price, size, order)
        else:
            self.less("cancel" if action == CANCEL else "fill", size, order)

    def drop(self, order: int) -> tuple[int, int, Decimal]:
        side, price, size = self.orders.pop(order)
        del self.prices[side][bisect_left(self.prices[side], price)]
        return side, price, size

    def put(self, side: int, price: int, size: Decimal, order: int) -> None:
        self.orders[order] = (side, price, size)
        insort(self.prices[side], price)

    def add(self, side: int, price: int, size: Decimal, order: int) -> None:
        if abs(price) > FARTHEST:
            self.odd["price out of range"] += 1
        elif size <= 0:
            self.odd["size out of range"] += 1
        else:
            if order in self.orders:
                self.odd["order added twice"] += 1
                self.drop(order)
            self.put(side, price, size, order)

    def modify(self, side: int, price: int, size: Decimal, order: int) -> None:
        if abs(price) > FARTHEST:
            self.odd["price out of range"] += 1
            return
        if size < 0:
            self.odd["size out of range"] += 1
            return
        if order not in self.orders:
            self.odd["modify of an unknown order"] += 1
        elif self.drop(order)[0] != side:
            self.odd["modify to another side"] += 1
        if size:
            self.put(side, price, size, order)

    def less(self, what: str, size: Decimal, order: int) -> None:
        if size <= 0:
            self.odd["size out of range"] += 1
        elif order not in self.orders:
            self.odd[f"{what} of an unknown order"] += 1
        else:
            side, price, there = self.drop(order)
            if size > there:
                self.odd[f"{what} of more than there is"] += 1
            elif size < there:
                self.put(side, price, there - size, order)

    def best(self, side: int) -> int | None:
        prices = self.prices[side]
        return (prices[-1] if side == BID else prices[0]) if prices else None

    def depth(self, cell: int) -> dict[int, tuple[Decimal, Decimal]]:
        found: dict[int, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
        for side, price, size in self.orders.values():
            found[price // cell][side] += size
        return {place: (both[BID], both[ASK]) for place, both in found.items()}


def messages(events: Events):
    """Yield (time, action, side, price, size, order) of each, as Python's own numbers."""
    for at in range(len(events)):
        size = Decimal(repr(float(events.size[at]))) if events.size[at] == events.size[at] else Decimal(-1)
        yield (
            int(events.ts_ns[at]),
            int(events.action[at]),
            int(events.side[at]),
            int(events.price[at]),
            size,
            int(events.order[at]),
        )


def bins(events: Events, *, cell: int, bin_ns: int, start_ns: int | None = None):
    """Yield a dictionary a bin, the book with it (only good until the next), as bins.parquet has them."""
    book, waiting = Naive(), list(messages(events))[::-1]
    start = waiting[-1][0] - waiting[-1][0] % bin_ns if start_ns is None else start_ns
    last, done, number, spot = waiting[0][0], 0, 0, 0
    while waiting and waiting[-1][0] < start:
        book.apply(*waiting.pop()[1:])
        done += 1
    while start + number * bin_ns <= last:
        begin, end, before = start + number * bin_ns, start + (number + 1) * bin_ns, done
        while waiting and waiting[-1][0] < end:
            book.apply(*waiting.pop()[1:])
            done += 1
        bid, ask = book.best(BID), book.best(ASK)
        valid = bid is not None and ask is not None and not bid > ask
        mid = Decimal(bid + ask) / 2 / 10**9 if valid else None
        if valid:
            spot = (bid + ask) // 2 // cell * cell
        yield (
            {
                "bin_seq": number,
                "ts_ns": end,
                "bin_start_ns": begin,
                "bin_end_ns": end,
                "mid_price": float(mid) if valid else None,
                "event_id": done - 1,
                "bin_event_count": done - before,
                "book_valid": valid,
                "best_bid_price_int": bid or 0,
                "best_ask_price_int": ask or 0,
                "spot_ref_price_int": spot,
            },
            book,
        )
        number += 1
