"""A folder of somebody else's becomes a data set: manifest and checksums are written, and nothing may change it."""

from __future__ import annotations

from pathlib import Path

from fairtrial.errors import UserError
from fairtrial.systems.signals.lake import parquet
from fairtrial.systems.signals.lake.folder import CHECKSUMS, Lake
from fairtrial.systems.signals.lake.parquet import BINS, GRID, PLACE
from fairtrial.systems.signals.lake.publish import described, seal


def adopt(lake: Lake, name: str, *, tick_size: float | None = None) -> Path:
    """Publish the folder of this id where it lies; what its manifest says already is kept.

    Raises UserError where it was published before, has a grid of another shape, or nothing says its tick.
    """
    found = lake.find(name)
    if (found.path / CHECKSUMS).exists():
        raise UserError(f"data set {name} was published already: {found.path / CHECKSUMS} is there")
    said = found.manifest.get("tick_size")
    if tick_size is not None and said not in (None, tick_size):
        raise UserError(f"data set {name}: its manifest says tick_size {said}, not {tick_size}")
    if tick_size is None and said is None:
        raise UserError(f"data set {name}: nothing says its tick", hint="give --tick-size")
    bins = parquet.read_bins(found.path / BINS)
    if not len(bins):
        raise UserError(f"{found.path / BINS}: there are no bins")
    parquet.read_grid(found.path / GRID, (), bins)
    columns = [column for column in parquet.names(found.path / GRID) if column not in PLACE]
    manifest = {"source": "found in the lake", "tick_size": tick_size or said} | dict(found.manifest)
    seal(found.path, manifest | described(name, bins, columns))
    return found.path
