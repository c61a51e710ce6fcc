"""From foreign files to a published data set: read, replay, make the grid, publish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from fairtrial.errors import UserError
from fairtrial.systems.signals.feed.record import Fed
from fairtrial.systems.signals.feed.table import NOTHING
from fairtrial.systems.signals.lake.digest import sha256
from fairtrial.systems.signals.lake.folder import Lake
from fairtrial.systems.signals.record import ADD, MODIFY, PRICE, Bins
from fairtrial.systems.signals.words import Grid

SHARE = 0.7
"""Of the memory that is free: a grid that needs more of it is refused."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be imported, and how."""

    files: tuple[Path, ...]
    format: Literal["mbo", "coinbase"]
    id: str
    lake: Path
    tick_size: float
    grid: Grid
    snapshot: Path | None = None
    symbol: str | None = None
    start_ns: int | None = None
    stop_ns: int | None = None
    gaps: bool = False


@dataclass(frozen=True, slots=True)
class Brought:
    """What was imported."""

    path: Path
    fed: Fed
    odd: dict[str, int]
    """Of the feed and of the book."""
    bins: Bins


def bring(wish: Wish) -> Brought:
    """Import files as a data set. Raises UserError for what cannot be read, replayed or published."""
    from fairtrial.systems.signals.grid.make import make
    from fairtrial.systems.signals.lake.publish import publish

    fed = _read(wish)
    bin_ns = wish.grid.cell_width_ms * 1_000_000
    start = fed.first_ns // bin_ns * bin_ns if wish.start_ns is None else wish.start_ns
    _fits(fed, start, wish.stop_ns, bin_ns)
    between = _between(fed, wish.tick_size)
    made = make(fed.events, tick_size=wish.tick_size, grid=wish.grid, start_ns=start, stop_ns=wish.stop_ns)
    odd = dict(fed.odd) | dict(made.odd) | ({"price between ticks": between} if between else {})
    manifest = _manifest(wish, fed, odd)
    root = Lake(wish.lake).immutable
    path = publish(root, wish.id, bins=made.bins, grid=made.columns, manifest=manifest, events=fed.events)
    return Brought(path, fed, odd, made.bins)


def _read(wish: Wish) -> Fed:
    if wish.format == "coinbase":
        from fairtrial.systems.signals.feed.coinbase import read

        if wish.snapshot is None:
            raise UserError("--format coinbase needs --snapshot: the book that the messages begin with")
        return read(wish.files, snapshot=wish.snapshot, symbol=wish.symbol, gaps=wish.gaps)
    from fairtrial.systems.signals.feed.mbo import read_mbo

    if wish.snapshot is not None:
        raise UserError("--snapshot does nothing with --format mbo: its snapshots are records (flag F_SNAPSHOT)")
    return read_mbo(wish.files, symbol=wish.symbol, gaps=wish.gaps)


def _between(fed: Fed, tick_size: float) -> int:
    """Return how many prices are no multiple of a tick. Raises UserError where most are not: the tick is wrong."""
    from fairtrial.systems.signals.grid.make import width

    action = fed.events.action
    prices = fed.events.price[((action == ADD) | (action == MODIFY)) & (fed.events.price < NOTHING)]
    between = np.flatnonzero(prices % width(tick_size))
    if 2 * len(between) > len(prices):
        shown = f"{prices[between[0]] * PRICE:.10g}"
        raise UserError(
            f"{len(between)} of {len(prices)} prices, such as {shown}, are no multiple of a tick of {tick_size:g}",
            hint="is --tick-size right? whole numbers are taken as multiples of 1e-9",
        )
    return len(between)


def _fits(fed: Fed, start_ns: int, stop_ns: int | None, bin_ns: int) -> None:
    """Raise UserError where the grid would not fit into memory."""
    from psutil import virtual_memory

    from fairtrial.systems.signals.grid.columns import COLUMNS
    from fairtrial.systems.signals.record import LEVELS

    stop = int(fed.events.ts_ns[-1]) if stop_ns is None else stop_ns
    bins = max(0, stop - start_ns) // bin_ns + 1
    row = sum(np.dtype(column.dtype).itemsize for column in COLUMNS)
    needed, free = bins * LEVELS * row, SHARE * virtual_memory().available
    if needed > free:
        raise UserError(
            f"{bins} bins: their grid needs {needed / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB can be used",
            hint="import a part with --start and --end, or longer bins",
        )


def _manifest(wish: Wish, fed: Fed, odd: dict[str, int]) -> dict[str, Any]:
    """Return what is known of the origin; nothing of this machine or of today."""
    said: dict[str, Any] = {
        "format": wish.format,
        "symbol": fed.symbol,
        "files": _digests(wish.files),
        "messages": fed.messages,
        "odd": odd,
        "gaps": fed.gaps,
    }
    if wish.snapshot is not None:
        said["snapshot"] = _digests([wish.snapshot])
    said |= {name: value for name in ("start_ns", "stop_ns") if (value := getattr(wish, name)) is not None}
    return {
        "source": said,
        "tick_size": wish.tick_size,
        "bucket_size": wish.grid.bucket_size or wish.tick_size,
        "grid": wish.grid.model_dump(mode="json"),
    }


def _digests(files: Sequence[Path]) -> list[dict[str, str]]:
    """Return name and SHA-256 of each file."""
    return [{"name": path.name, "sha256": sha256(path)} for path in files]
