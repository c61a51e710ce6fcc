"""Publication: a data set appears whole and read-only under its id, or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fairtrial.errors import UserError
from fairtrial.systems.signals.lake import parquet
from fairtrial.systems.signals.lake.digest import sha256
from fairtrial.systems.signals.lake.folder import CHECKSUMS, ID, MANIFEST, bin_s, key
from fairtrial.systems.signals.lake.parquet import BINS, EVENTS, FILES, GRID
from fairtrial.systems.signals.record import Bins, Events

READ_ONLY = 0o444


def publish(
    root: Path,
    name: str,
    *,
    bins: Bins,
    grid: Mapping[str, npt.NDArray[Any]],
    manifest: Mapping[str, Any],
    events: Events | None = None,
) -> Path:
    """Write a data set below `root` (a root of a lake) and return its folder.

    The manifest must say `source` and `tick_size`; id, bins, times, bin_s, columns and versions are added. Safe with
    several processes: the same content twice is one data set, whatever the versions that made it. Raises UserError for
    other content under an id that is taken, no bins, a grid of another shape, an id that is no name of a folder.
    """
    if not ID.fullmatch(name):
        raise UserError(f"{name!r} is no id of a data set: letters, digits, and . _ + - after the first of them")
    if not len(bins):
        raise UserError(f"data set {name}: there are no bins")
    if not manifest.get("source") or not manifest.get("tick_size"):
        raise ValueError("a manifest says source and tick_size")
    table = parquet.laid_out(grid, bins)
    making = _room(root, name)
    try:
        parquet.write(making / BINS, parquet.columns_of(bins))
        parquet.write(making / GRID, table)
        if events is not None:
            parquet.write(making / EVENTS, parquet.columns_of(events))
        said = dict(manifest) | described(name, bins, [column for column in table if column not in parquet.PLACE])
        seal(making, said)
        return _place(making, root / name)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _room(root: Path, name: str) -> Path:
    """Make a folder to write in. Raises UserError where that cannot be: a lake that is a file, or read-only."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{name}.", dir=root))
    except OSError as problem:
        raise UserError(f"cannot write {root}: {problem.strerror}", hint="give another --lake") from problem


def described(name: str, bins: Bins, columns: list[str]) -> dict[str, Any]:
    """Return what a manifest says of every data set."""
    return {
        "id": name,
        "bins": len(bins),
        "bin_s": bin_s(bins),
        "first": _iso(int(bins.bin_start_ns[0])),
        "last": _iso(int(bins.bin_end_ns[-1])),
        "columns": columns,
        "versions": {package: version(package) for package in ("fairtrial", "numpy", "polars")},
    }


def seal(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write manifest and checksums beside the files, and make all of them read-only."""
    there = [name for name in FILES if (folder / name).is_file()]
    _write(folder / MANIFEST, manifest)
    for name in (*there, MANIFEST):
        (folder / name).chmod(READ_ONLY)
    _write(folder / CHECKSUMS, {key(name): sha256(folder / name) for name in there})
    (folder / CHECKSUMS).chmod(READ_ONLY)


def _place(made: Path, target: Path) -> Path:
    """Give a finished folder its name. Raises UserError where other content has it."""
    made.chmod(0o755)
    try:
        made.rename(target)
    except OSError as problem:
        if not target.is_dir():
            raise UserError(f"cannot write {target}: {problem.strerror}") from problem
        if _content(made) != _content(target):
            raise UserError(
                f"{target} is there already, with other content: a data set is never overwritten",
                hint="give another id",
            ) from problem
    return target


def _content(folder: Path) -> list[Any]:
    """Return what makes two data sets the same: files and manifest, but for the versions that wrote them."""
    try:
        found = [json.loads((folder / name).read_text(encoding="utf-8")) for name in (CHECKSUMS, MANIFEST)]
    except (OSError, ValueError):
        return []
    found[1].pop("versions", None)
    return found


def _write(path: Path, said: Mapping[str, Any]) -> None:
    text = json.dumps(said, indent=2, sort_keys=True, ensure_ascii=False, default=_plain, allow_nan=False)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(path)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in a manifest")


def _iso(time_ns: int) -> str:
    whole, rest = divmod(time_ns, 10**9)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
