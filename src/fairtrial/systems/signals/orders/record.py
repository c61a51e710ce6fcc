"""What a replay gives: the bins, every change of a cell in order, the book at the end, and what was odd."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fairtrial.systems.signals.record import Bins, Bytes, Floats, Integers

ADDED, PULLED, FILLED, RESET = range(4)
"""Kinds of a touch. RESET: a CLEAR or an order of a snapshot set the depth; nobody added or pulled anything."""


@dataclass(frozen=True, slots=True)
class Touches:
    """Changes of cells, one entry a change (t of them), in order of messages; a moved order makes two of them.

    A message that changes nothing in its cell (a MODIFY within it, to the same size) makes none. The ADDs that follow
    a CLEAR directly, at its very time, are a snapshot: they are RESET, as the cells are that the CLEAR emptied.
    """

    ts_ns: Integers
    """Time of the message."""
    message: Integers
    """Number of the message, from 0."""
    place: npt.NDArray[np.int32]
    """The cell, as an index of `cells`."""
    kind: Bytes
    """ADDED, PULLED (a cancel, what a modify takes away), FILLED or RESET."""
    amount: Floats
    """Size added, pulled or filled, above 0; of a RESET 0."""
    bid: Floats
    """Depth of the cell's bids after it; never less than 0, exactly 0 where no order is left."""
    ask: Floats
    """Depth of the cell's asks after it."""
    cells: Integers
    """Absolute cells that are ever touched, ascending: cell c holds prices from c * width to before (c + 1) * width."""
    first: Integers
    """(n + 1,): those of bin b are first[b] to before first[b + 1]; those before first[0] precede the first bin."""

    def __len__(self) -> int:
        return len(self.ts_ns)

    @property
    def cell(self) -> Integers:
        """The absolute cell of each, (t,)."""
        found: Integers = self.cells[self.place]
        return found


@dataclass(frozen=True, slots=True)
class Book:
    """The orders that rest in a book, one entry an order, by id."""

    order: Integers
    side: Bytes
    price: Integers
    """In PRICE."""
    size: Floats


@dataclass(frozen=True, slots=True)
class Replayed:
    """A replay: what was seen at the end of each bin, and all that led to it."""

    bins: Bins
    touches: Touches
    book: Book
    """After the last message."""
    odd: Mapping[str, int]
    """Kind of an odd message -> how many there were; kinds that did not occur are left out."""
    cell: int
    """Width of a cell, in PRICE."""
