"""A band of a real book, the slow book, and files written by hand."""

from __future__ import annotations

import json
import lzma
import runpy
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest

from fairtrial.systems.signals.record import ASK, BID


@pytest.fixture(scope="session")
def naive():
    """What the module of the slow book has."""
    path = Path(__file__).parents[1] / "orders" / "reference.py"
    return SimpleNamespace(**runpy.run_path(str(path), run_name="reference"))


@pytest.fixture(scope="session")
def band():
    """Paths of the messages, the snapshot before them and the one after them."""
    folder = Path(__file__).with_name("coinbase")
    return SimpleNamespace(
        messages=folder / "messages.jsonl.xz", begin=folder / "begin.json.xz", end=folder / "end.json.xz"
    )


@pytest.fixture(scope="session")
def resting():
    """A level-3 snapshot's text -> name of an order -> (side, price in 1e-9, size)."""

    def of(text: str) -> dict[str, tuple[int, int, float]]:
        said = json.loads(text)
        sides = ((BID, "bids"), (ASK, "asks"))
        return {
            name: (side, int(Decimal(price) * 10**9), float(size))
            for side, key in sides
            for price, size, name in said[key]
        }

    return of


@pytest.fixture(scope="session")
def unpacked():
    """Path of a packed file -> its text."""
    return lambda path: lzma.decompress(path.read_bytes()).decode()


@pytest.fixture(scope="session")
def booked():
    """What was fed and replayed -> name of an order -> (side, price, size), as it rests in the end."""

    def of(fed, book) -> dict[str, tuple[int, int, float]]:
        names = {number: name for name, number in fed.orders.items()}
        rows = zip(book.order.tolist(), book.side.tolist(), book.price.tolist(), book.size.tolist(), strict=True)
        return {names[number]: (side, price, size) for number, side, price, size in rows}

    return of


@pytest.fixture(scope="session")
def compared(naive):
    """Assert that every bin of a replay equals the slow book's."""

    def check(found, events, **how) -> None:
        expected = [row for row, _ in naive.bins(events, **how)]
        assert len(found) == len(expected) > 0
        for name in expected[0]:
            column = [None if value != value else value for value in getattr(found, name).tolist()]
            assert column == [row[name] for row in expected], name

    return check
