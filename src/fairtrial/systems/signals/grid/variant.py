"""Another grid of the same data set: made once, named by its content, found again afterwards.

A variant is made of the messages of its data set (events.parquet), whatever differs. Where there are none, what is
made of other columns (c1 .. c7, the spectrum) is made anew of the data set's own v_* and a_*; what needs messages
(the bins, the cells, the decay of masses and derivatives) is refused. A variant of a variant is one of its origin.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
from pydantic import ValidationError

from fairtrial.errors import UserError
from fairtrial.systems.signals.grid.columns import NAMES, PRESSURE, VACUUM
from fairtrial.systems.signals.grid.make import DERIVED, Columns, derived, make, width
from fairtrial.systems.signals.lake.folder import MANIFEST, Found, Lake, tick_size
from fairtrial.systems.signals.lake.parquet import BINS, EVENTS, GRID, names, read_bins
from fairtrial.systems.signals.lake.publish import publish
from fairtrial.systems.signals.record import Bins
from fairtrial.systems.signals.words import Grid

METHOD = 1
"""Of making grids: it enters the id, and is raised when the same parameters give other numbers."""
OF_MESSAGES = (
    "cell_width_ms", "bucket_size", "tau_mass_s", "tau_velocity_s", "tau_acceleration_s", "tau_jerk_s",
)  # fmt: skip
"""What only messages can answer."""


def variant_id(dataset_digests: Mapping[str, str], grid: Grid) -> str:
    """Return the id of a variant: 12 hexadecimal digits of the data set's content and all parameters."""
    said = {"method": METHOD, "digests": dict(dataset_digests), "grid": grid.model_dump(mode="json")}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]


def check(lake: Lake, name: str, grid: Grid) -> str:
    """Return the id that `variant` would return, without making anything.

    Raises UserError where the data set is not there, or cannot have that grid.
    """
    found, full = _origin(lake, name, grid)
    if full == own(found):
        return found.id
    made = variant_id(lake.digests(found.id), full)
    if made not in lake.ids():
        _possible(found, full)
    return made


def variant(lake: Lake, name: str, grid: Grid) -> str:
    """Make a data set's variant with this grid, or find it, and return its id; its own grid is the data set itself.

    Safe with several processes at once. Raises UserError where the data set is not there, was changed, or cannot have
    that grid.
    """
    made = check(lake, name, grid)
    if made not in lake.ids():
        found, full = _origin(lake, name, grid)
        bins, columns = _again(lake, found, full) if EVENTS in found.files else _derived(lake, found, full)
        publish(lake.generated, made, bins=bins, grid=columns, manifest=_manifest(lake, found, full))
    return made


def own(found: Found) -> Grid | None:
    """Return the grid that a data set says it has; None where it says nothing. UserError for what is none."""
    said = found.manifest.get("grid")
    if said is None:
        return None
    try:
        return _plain(Grid.model_validate(said), found)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in ("grid", *first["loc"]))
        raise UserError(f"data set {found.id}: {found.path / MANIFEST}: {where}: {first['msg']}") from problem


def _plain(grid: Grid, found: Found) -> Grid:
    """Return a grid with the width of the data set's cells where it says none; None again where that is a tick."""
    bucket = grid.bucket_size or found.manifest.get("bucket_size")
    if not isinstance(bucket, int | float | None) or bucket == 0:
        raise UserError(f"data set {found.id}: {found.path / MANIFEST}: bucket_size {bucket!r} is no width of a cell")
    return grid.model_copy(update={"bucket_size": None if bucket == tick_size(found) else bucket})


def _origin(lake: Lake, name: str, grid: Grid) -> tuple[Found, Grid]:
    """Return the data set that variants are made of, and the grid with its cells' width filled in."""
    found = lake.find(name)
    parent = found.manifest.get("parent")
    return (lake.find(str(parent)) if parent else found), _plain(grid, found)


def _possible(found: Found, grid: Grid) -> None:
    """Raise UserError where a data set cannot have a grid."""
    width(grid.bucket_size or tick_size(found))
    if EVENTS in found.files:
        return
    bins = read_bins(found.path / BINS)
    has = own(found) or _plain(Grid(cell_width_ms=_milliseconds(bins)), found)
    for field in OF_MESSAGES:
        asked, there = getattr(grid, field), getattr(has, field)
        if asked != there:
            raise UserError(
                f"data set {found.id} has no {EVENTS}, so grid.{field} stays {there}; {asked} is asked for",
                hint="import its messages, or vary c1 to c7, spectrum_*, tanh_scale, state_threshold",
            )
    missing = sorted({*PRESSURE, *VACUUM} - set(names(found.path / GRID)))
    if missing:
        raise UserError(f"data set {found.id} has no {EVENTS}, and its grid lacks {', '.join(missing)}: no variant")


def _milliseconds(bins: Bins) -> int:
    return round(int(bins.bin_end_ns[0] - bins.bin_start_ns[0]) / 1e6) if len(bins) else 100


def _again(lake: Lake, found: Found, grid: Grid) -> tuple[Bins, Columns]:
    """Make all of it of the messages, from the data set's first bin to its last."""
    bins = lake.market(found.id, ()).bins
    made = make(
        lake.events(found.id),
        tick_size=tick_size(found),
        grid=grid,
        start_ns=int(bins.bin_start_ns[0]),
        stop_ns=int(bins.bin_end_ns[-1]),
    )
    return made.bins, made.columns


def _derived(lake: Lake, found: Found, grid: Grid) -> tuple[Bins, Columns]:
    """Make anew what is made of other columns; the others are taken over."""
    there = [name for name in names(found.path / GRID) if name in NAMES]
    market = lake.market(found.id, [name for name in there if name not in DERIVED])
    columns: dict[str, npt.NDArray[Any]] = dict(market.columns)
    return market.bins, columns | derived(columns, DERIVED, grid)


def _manifest(lake: Lake, found: Found, grid: Grid) -> dict[str, Any]:
    """Say where a variant comes from, and with which parameters it was made."""
    tick = tick_size(found)
    return {
        "source": f"variant of {found.id}",
        "parent": found.id,
        "parent_sha256": lake.digests(found.id),
        "method": METHOD,
        "tick_size": tick,
        "bucket_size": grid.bucket_size or tick,
        "grid": grid.model_dump(mode="json"),
    }
