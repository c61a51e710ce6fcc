"""A lake: a folder whose data sets are found by id in two roots, verified and loaded."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairtrial.errors import UserError, nearest
from fairtrial.systems.signals.lake import parquet
from fairtrial.systems.signals.lake.digest import sha256
from fairtrial.systems.signals.lake.parquet import BINS, EVENTS, FILES, GRID
from fairtrial.systems.signals.record import Bins, Events, Market

IMMUTABLE, GENERATED = ROOTS = ("research/vp_immutable", "research/vp_harness/generated_grids")
"""Where data sets lie below a lake, in the order in which they are looked for."""
MANIFEST, CHECKSUMS = "manifest.json", "checksums.json"
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")


@dataclass(frozen=True, slots=True)
class Found:
    """A data set that is there."""

    id: str
    path: Path
    root: str
    """Which of ROOTS."""
    manifest: Mapping[str, Any]
    """Empty where there is none."""
    checksums: Mapping[str, str]
    """File -> its SHA-256 as recorded; empty where nothing is recorded."""

    @property
    def files(self) -> list[str]:
        """The files of it that are there."""
        return [name for name in FILES if (self.path / name).is_file()]

    def changed(self) -> list[str]:
        """Return the files that are not what was recorded: each is read and hashed."""
        return [name for name in FILES if name in self.checksums and not self.same(name)]

    def same(self, name: str) -> bool:
        """Say whether a file is what was recorded."""
        path = self.path / name
        return path.is_file() and sha256(path) == self.checksums[name]

    def verify(self, *names: str) -> None:
        """Raise UserError where one of these files is not what was recorded; what is not recorded passes."""
        for name in names:
            if name in self.checksums and not self.same(name):
                raise UserError(
                    f"data set {self.id}: checksum error: {self.path / name} is not what was published",
                    hint="bring it back from where it came from; a changed data set needs an id of its own",
                )


class Lake:
    """Data sets below a folder."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    @property
    def immutable(self) -> Path:
        """The root of data sets that were published."""
        return self.folder / IMMUTABLE

    @property
    def generated(self) -> Path:
        """The root of variants of the grid."""
        return self.folder / GENERATED

    def ids(self) -> list[str]:
        """Return the ids of the data sets, sorted; one that lies in both roots is named once."""
        found = (path.parent.name for root in ROOTS for path in (self.folder / root).glob(f"*/{BINS}"))
        return sorted({name for name in found if ID.fullmatch(name)})

    def find(self, name: str) -> Found:
        """Return where a data set is. Raises UserError where it is nowhere, or has no grid."""
        folders = [(root, self.folder / root / name) for root in ROOTS]
        here = [(root, path) for root, path in folders if ID.fullmatch(name) and (path / BINS).is_file()]
        if not here:
            where = " or ".join(str(self.folder / root) for root in ROOTS)
            raise UserError(f"no data set {name!r} in {where}", hint=nearest(name, self.ids()))
        root, path = here[0]
        if not (path / GRID).is_file():
            raise UserError(f"data set {name}: {path} has {BINS}, and {GRID} is missing")
        return Found(name, path, root, _json(path / MANIFEST), _recorded(path / CHECKSUMS))

    def check(self, name: str, columns: Collection[str] = ()) -> int:
        """Return how many bins a data set has, from footers alone: nothing is loaded or hashed.

        Raises UserError where it is not there, has a grid of another shape, or lacks one of these columns.
        """
        found = self.find(name)
        parquet.asked(found.path / GRID, columns)
        tick_size(found)
        return parquet.shape(found.path)

    def market(self, name: str, columns: Collection[str]) -> Market:
        """Return a data set with these columns of its grid, verified.

        Raises UserError where it is not there, was changed since it was published, or has not what is asked for.
        """
        found = self.find(name)
        found.verify(BINS, GRID)
        bins = parquet.read_bins(found.path / BINS)
        if not len(bins):
            raise UserError(f"{found.path / BINS}: there are no bins")
        read = parquet.read_grid(found.path / GRID, columns, bins)
        return Market(name, bins, read, tick_size(found), bin_s(bins))

    def digests(self, name: str) -> dict[str, str]:
        """Return file -> SHA-256 of those that are there: as recorded, else as it is."""
        found = self.find(name)
        return {file: found.checksums.get(file) or sha256(found.path / file) for file in found.files}

    def events(self, name: str) -> Events:
        """Return the messages that a data set was made of, verified. Raises UserError where it has none."""
        found = self.find(name)
        if not (found.path / EVENTS).is_file():
            raise UserError(
                f"data set {name}: {found.path} has no {EVENTS}: no other grid can be made of it",
                hint="leave `grid` out, or import its messages",
            )
        found.verify(EVENTS)
        return parquet.read_events(found.path / EVENTS)


def tick_size(found: Found) -> float:
    """Return the price of a tick, as the manifest says. Raises UserError where it does not."""
    said = found.manifest.get("tick_size")
    if not isinstance(said, int | float) or isinstance(said, bool) or not said > 0:
        raise UserError(
            f"data set {found.id}: {found.path / MANIFEST} does not say tick_size",
            hint=f"fairtrial signals datasets --publish {found.id} --tick-size 0.25 writes it",
        )
    return float(said)


def bin_s(bins: Bins) -> float:
    """Return the length of a bin in seconds, from the first one."""
    return float(bins.bin_end_ns[0] - bins.bin_start_ns[0]) / 1e9


def key(name: str) -> str:
    """Return the key of a file in checksums.json."""
    return name.replace(".", "_") + "_sha256"


def _recorded(path: Path) -> dict[str, str]:
    said = _json(path)
    return {name: str(said[key(name)]).lower() for name in FILES if key(name) in said}


def _json(path: Path) -> dict[str, Any]:
    """Return what a file says, {} where there is none. Raises UserError where it is not a JSON object."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as problem:
        raise UserError(f"{path}: cannot be read: {problem}") from problem
    if not isinstance(said, dict):
        raise UserError(f"{path}: not a JSON object")
    return said
