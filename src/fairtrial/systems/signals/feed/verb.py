"""The verb `fairtrial signals import`: messages of a feed become a data set."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fairtrial.errors import UserError
from fairtrial.model.figure import Grid as Shown
from fairtrial.model.figure import Section
from fairtrial.systems.signals.words import Grid


class ImportArguments(BaseModel):
    """What `import` takes."""

    model_config = ConfigDict(extra="forbid")
    files: list[Path] = Field(min_length=1, description="Files of messages, in order of time.")
    format: Literal["mbo", "coinbase"] | None = Field(
        default=None,
        description="mbo: market by order as Databento writes it (.csv, .parquet); coinbase: its full channel (.json).",
    )
    snapshot: Path | None = Field(default=None, description="The book before the first message (coinbase).")
    id: str | None = Field(default=None, description="Id of the data set; by default the first file's name.")
    lake: Path = Field(default=Path("lake"), description="Folder that holds data sets.")
    tick_size: float | None = Field(default=None, gt=0, description="Price of a tick, such as 0.25; must be given.")
    bucket_size: float | None = Field(default=None, gt=0, description="Price width of a cell; by default a tick.")
    bin_ms: int = Field(default=100, ge=1, le=3_600_000, description="Length of a bin.")
    symbol: str | None = Field(default=None, description="What is traded, where a file holds several.")
    start: str | None = Field(
        default=None, description="Begin of the first bin (ISO 8601); before it the book is built."
    )
    end: str | None = Field(default=None, description="End of the last bin (ISO 8601).")
    gaps: bool = Field(default=False, description="Accept that messages are missing; the manifest says how often.")


class Import:
    """Replays messages to a book, makes bins and grid of it, and publishes them."""

    name = "import"
    help = "Import messages of a feed (market by order, level 3) as a data set: bins, grid, manifest, checksums."
    Arguments = ImportArguments

    def run(self, arguments: ImportArguments, ledger: Any) -> Section:
        """Import the files and say what was found.

        Raises UserError, with file and line, for what cannot be read, and for an id that other content has.
        """
        from fairtrial.systems.signals.feed.bring import Wish, bring

        if arguments.tick_size is None:
            raise UserError("--tick-size is missing: the price of a tick", hint="such as --tick-size 0.25")
        missing = [path for path in (*arguments.files, arguments.snapshot) if path is not None and not path.is_file()]
        if missing:
            raise UserError(f"there is no file {missing[0]}")
        start, stop = (_ns(name, getattr(arguments, name)) for name in ("start", "end"))
        if start is not None and stop is not None and stop <= start:
            raise UserError("--end is not after --start")
        brought = bring(
            Wish(
                files=tuple(arguments.files),
                format=arguments.format or _format(arguments.files[0]),
                id=arguments.id or _id(arguments.files[0]),
                lake=arguments.lake,
                tick_size=arguments.tick_size,
                grid=Grid(cell_width_ms=arguments.bin_ms, bucket_size=arguments.bucket_size),
                snapshot=arguments.snapshot,
                symbol=arguments.symbol,
                start_ns=start,
                stop_ns=stop,
                gaps=arguments.gaps,
            )
        )
        return _told(brought)


def _told(brought: Any) -> Section:
    bins, fed = brought.bins, brought.fed
    seconds = (int(bins.bin_end_ns[-1]) - int(bins.bin_start_ns[0])) / 1e9
    first = datetime.fromtimestamp(int(bins.bin_start_ns[0]) / 1e9, UTC)
    symbol = f" of {fed.symbol}" if fed.symbol else ""
    span = f"{len(bins)} bins, {seconds:g} s from {first:%Y-%m-%d %H:%M:%S} UTC"
    valid = f"the book was valid in {bins.book_valid.mean():.2%} of the bins"
    said = [f"{brought.path}: {span}, of {fed.messages} messages{symbol}; {valid}."]
    if fed.gaps:
        said.append(f"Caution: messages are missing, gaps: {fed.gaps}; the book may be wrong after the first.")
    if not brought.odd:
        return Section("Imported", (*said, "No message was odd."))
    rows = tuple((kind, count) for kind, count in sorted(brought.odd.items(), key=lambda one: (-one[1], one[0])))
    return Section("Imported", tuple(said), (Shown(("odd messages", "count"), rows),))


def _format(path: Path) -> Literal["mbo", "coinbase"]:
    if {".csv", ".parquet"} & set(path.suffixes):
        return "mbo"
    if {".json", ".jsonl", ".ndjson"} & set(path.suffixes):
        return "coinbase"
    raise UserError(f"{path}: its name does not say what it is", hint="give --format mbo or --format coinbase")


def _id(path: Path) -> str:
    """Return a file's name as an id."""
    name = path.name
    for suffix in reversed(path.suffixes):
        if suffix in (".csv", ".parquet", ".json", ".jsonl", ".ndjson", ".gz", ".xz", ".zst"):
            name = name.removesuffix(suffix)
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", name).strip("._+-")


def _ns(name: str, said: str | None) -> int | None:
    """Return a time in Unix nanoseconds; UTC where it names no zone."""
    if said is None:
        return None
    try:
        time = datetime.fromisoformat(said)
    except ValueError as problem:
        raise UserError(f"--{name}: {said!r} is no time", hint="such as 2026-02-06T14:25:00Z") from problem
    whole = time if time.tzinfo else time.replace(tzinfo=UTC)
    return int(whole.replace(microsecond=0).timestamp()) * 10**9 + whole.microsecond * 1000
