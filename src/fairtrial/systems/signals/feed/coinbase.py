"""Coinbase's full channel, order by order: JSON messages after a level-3 snapshot of the book.

A file of messages is a JSON array, or one message after the other; the snapshot is what the product's order book
answers at level 3: {"sequence": …, "bids": [[price, size, id], …], "asks": …}. Of the messages, as the exchange
describes them: `open` puts what is left of an order into the book; `match` fills its maker; `done` takes what is left
of an order out (one that never rested changes nothing); `change` gives it a new size, or a new price; `received` and
`activate` change nothing. Each message has the number after that of the one before it. Source: the exchange's own
description, as at https://bennycode.com/coinbase-pro-node/enums/WebSocketResponseType.html.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fairtrial.errors import UserError, nearest
from fairtrial.systems.signals.feed.record import Fed
from fairtrial.systems.signals.feed.text import content, line
from fairtrial.systems.signals.record import ADD, ASK, BID, CANCEL, CLEAR, FILL, MODIFY, Events

SIDES = {"buy": BID, "sell": ASK}
FULL = ("received", "open", "done", "match", "change", "activate")
"""The types that are numbered; others are of other channels, and passed over."""
UNITS = 10**9
"""PRICE as a whole number: so many to 1."""
FARTHEST = 2**63 - 1
BETWEEN = re.compile(r"[\s,\[\]]*")


@dataclass(slots=True)
class Order:
    """An order in the book."""

    number: int
    side: int
    price: int
    left: Decimal


@dataclass(slots=True)
class Reading:
    """A feed being read: what rests, and the messages so far."""

    gaps_allowed: bool
    orders: dict[str, Order] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    rows: list[tuple[int, int, int, int, float, int]] = field(default_factory=list)
    odd: Counter[str] = field(default_factory=Counter)
    resting: list[tuple[str, int, int, Decimal]] = field(default_factory=list)
    """The snapshot's orders: (id, side, price, size)."""
    product: str | None = None
    sequence: int = 0
    time_ns: int = 0
    first_ns: int = 0
    messages: int = 0
    gaps: int = 0

    def add(self, name: str, side: int, price: int, size: Decimal) -> None:
        """Put an order into the book; a price that no whole number of 1e-9 holds is left out, and counted."""
        if abs(price) > FARTHEST:
            self.odd["price beyond 9.2e9"] += 1
            return
        number = self.numbers.setdefault(name, len(self.numbers) + 1)
        self.orders[name] = Order(number, side, price, size)
        self.say(ADD, self.orders[name], size)

    def say(self, action: int, order: Order, size: Decimal) -> None:
        """Add a message of the book."""
        self.rows.append((self.time_ns, action, order.side, order.price, float(size), order.number))


def read(files: Sequence[Path], *, snapshot: Path, symbol: str | None = None, gaps: bool = False) -> Fed:
    """Read messages after a snapshot; those that it knows already are passed over.

    Raises UserError, with file and line, for what is no message, for messages of several products (unless `symbol`
    says which), for a gap in their numbers (unless `gaps`), and for numbers or times that run backwards.
    """
    reading = Reading(gaps_allowed=gaps)
    reading.resting = _snapshot(snapshot, reading)
    for path in files:
        text = content(path)
        for at, message in _values(path, text):
            if _ours(message, symbol):
                _placed(reading, message, partial(_place, path, text, at))
    if not reading.messages:
        raise UserError(f"{', '.join(map(str, files))}: no message after the snapshot's {reading.sequence}")
    return Fed(
        events=_events(reading),
        messages=reading.messages,
        odd=dict(reading.odd),
        gaps=reading.gaps,
        first_ns=reading.first_ns,
        symbol=reading.product,
        orders=reading.numbers,
    )


def _ours(message: Mapping[str, Any], symbol: str | None) -> bool:
    """Say whether a message is of the channel, and of what is asked for; an `activate` need not be numbered."""
    kind = message.get("type")
    numbered = kind in FULL and (kind != "activate" or "sequence" in message)
    return numbered and symbol in (None, message.get("product_id"))


def _place(path: Path, text: str, at: int) -> str:
    return f"{path}:{line(text, at)}"


def _placed(reading: Reading, message: Mapping[str, Any], place: Callable[[], str]) -> None:
    """Take one message; what is wrong with it is said with its place."""
    try:
        _numbered(reading, message)
    except UserError as problem:
        raise UserError(f"{place()}: {problem.message}", hint=problem.hint) from problem
    except (KeyError, ValueError, InvalidOperation, TypeError) as problem:
        raise UserError(f"{place()}: {_wrong(message, problem)}") from problem


def _snapshot(path: Path, reading: Reading) -> list[tuple[str, int, int, Decimal]]:
    """Return the orders of a snapshot as (id, side, price, size), and set the number that it was taken at."""
    text = content(path)
    try:
        said = json.loads(text, parse_float=Decimal)
        reading.sequence = int(said["sequence"])
        return [
            (str(one[2]), side, _price(one[0]), Decimal(one[1]))
            for side, name in ((BID, "bids"), (ASK, "asks"))
            for one in said[name]
        ]
    except json.JSONDecodeError as problem:
        raise UserError(f"{path}:{problem.lineno}: not JSON: {problem.msg}") from problem
    except (KeyError, IndexError, TypeError, ValueError, InvalidOperation) as problem:
        raise UserError(
            f"{path}: not a level-3 snapshot: {type(problem).__name__} {problem}",
            hint='it is {"sequence": …, "bids": [[price, size, id], …], "asks": …}',
        ) from problem


def _numbered(reading: Reading, message: Mapping[str, Any]) -> None:
    """Take one message, if it is the next."""
    sequence, product = int(message["sequence"]), str(message["product_id"])
    if reading.product not in (None, product):
        raise UserError(f"messages of {reading.product} and {product}: one book each", hint="give --symbol")
    reading.product = product
    if sequence <= reading.sequence:
        if reading.messages:
            raise UserError(f"message {sequence} after {reading.sequence}: the numbers run backwards", hint="sort them")
        return
    if sequence > reading.sequence + 1:
        if not reading.gaps_allowed:
            missing = f"messages {reading.sequence + 1} to {sequence - 1} are missing"
            raise UserError(
                missing, hint="--gaps accepts it; the book is wrong from there on, and the manifest says so"
            )
        reading.gaps += 1
    time_ns = _time(message)
    if not reading.messages:
        _begin(reading, time_ns)
    if time_ns < reading.time_ns:
        raise UserError(f"time runs backwards: {message['time']}")
    reading.sequence, reading.time_ns = sequence, time_ns
    reading.messages += 1
    _TAKE[message["type"]](reading, message)


def _begin(reading: Reading, first_ns: int) -> None:
    """Put the snapshot before the first message: it has no time of its own."""
    reading.first_ns, reading.time_ns = first_ns, first_ns - 1
    reading.rows.append((reading.time_ns, CLEAR, BID, 0, 0.0, 0))
    for name, side, price, size in reading.resting:
        reading.add(name, side, price, size)


def _nothing(reading: Reading, message: Mapping[str, Any]) -> None:
    """An order that does not rest yet."""


def _open(reading: Reading, message: Mapping[str, Any]) -> None:
    side = message["side"]
    if side not in SIDES:
        raise ValueError(f"side is {side!r}, neither buy nor sell")
    reading.add(message["order_id"], SIDES[side], _price(message["price"]), Decimal(message["remaining_size"]))


def _match(reading: Reading, message: Mapping[str, Any]) -> None:
    size, order = Decimal(message["size"]), reading.orders.get(message["maker_order_id"])
    if order is None:
        reading.odd["match of an unknown order"] += 1
        return
    reading.say(FILL, order, size)
    order.left -= size
    if order.left < 0:
        reading.odd["match of more than there is"] += 1
    if order.left <= 0:
        del reading.orders[message["maker_order_id"]]


def _done(reading: Reading, message: Mapping[str, Any]) -> None:
    order = reading.orders.pop(message["order_id"], None)
    if order is None:
        return
    if message.get("remaining_size") is not None and Decimal(message["remaining_size"]) != order.left:
        reading.odd["done with another size than was left"] += 1
    reading.say(CANCEL, order, order.left)


def _change(reading: Reading, message: Mapping[str, Any]) -> None:
    order = reading.orders.get(message["order_id"])
    if order is None:
        return
    if message.get("new_price") is not None:
        order.price = _price(message["new_price"])
    if message.get("new_size") is not None:
        order.left = Decimal(message["new_size"])
    reading.say(MODIFY, order, order.left)
    if order.left <= 0:
        del reading.orders[message["order_id"]]


_TAKE = {
    "received": _nothing,
    "activate": _nothing,
    "open": _open,
    "match": _match,
    "done": _done,
    "change": _change,
}


def _price(said: Any) -> int:
    """Return a price in PRICE. Raises ValueError where it is finer than that."""
    exact = Decimal(said) * UNITS
    if exact != exact.to_integral_value():
        raise ValueError(f"price {said} is finer than 1e-9")
    return int(exact)


def _time(message: Mapping[str, Any]) -> int:
    """Return the time of a message in Unix nanoseconds."""
    return int(np.datetime64(str(message["time"]).removesuffix("Z"), "ns").astype(np.int64))


def _wrong(message: Mapping[str, Any], problem: Exception) -> str:
    kind = message.get("type")
    if isinstance(problem, KeyError):
        name = str(problem.args[0])
        near = nearest(name, [str(key) for key in message])
        return f"a message of type {kind} has no {name!r}" + (f" ({near})" if near.startswith("did") else "")
    return f"a message of type {kind}: {problem or type(problem).__name__}"


def _values(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield each message with where it begins."""
    decode = json.JSONDecoder(parse_float=Decimal).raw_decode
    at = _skip(text, 0)
    while at < len(text):
        try:
            message, end = decode(text, at)
        except json.JSONDecodeError as problem:
            raise UserError(f"{path}:{problem.lineno}: not JSON: {problem.msg}") from problem
        if not isinstance(message, dict):
            raise UserError(f"{path}:{line(text, at)}: {str(message)[:40]!r} is no message: a JSON object is")
        yield at, message
        at = _skip(text, end)


def _skip(text: str, at: int) -> int:
    found = BETWEEN.match(text, at)
    return found.end() if found else at


def _events(reading: Reading) -> Events:
    kinds = (np.int64, np.int8, np.int8, np.int64, np.float64, np.int64)
    columns = zip(*reading.rows, strict=True)
    return Events(*(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)))
