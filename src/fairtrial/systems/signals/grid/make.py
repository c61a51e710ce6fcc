"""Messages in, bins and the asked columns of the grid out: no stage runs that nothing asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fairtrial.errors import UserError
from fairtrial.systems.signals.grid.columns import Column, asked, needed
from fairtrial.systems.signals.grid.permutation import permutation
from fairtrial.systems.signals.grid.pressure import pressure, vacuum
from fairtrial.systems.signals.grid.spectrum import score, state
from fairtrial.systems.signals.orders.record import Replayed
from fairtrial.systems.signals.record import PRICE, REACH, Bins, Events
from fairtrial.systems.signals.words import Grid

Columns = dict[str, npt.NDArray[Any]]
"""Column of the grid -> (n, LEVELS) values."""


@dataclass(frozen=True, slots=True)
class Made:
    """What messages come to."""

    bins: Bins
    columns: Columns
    """Column of the grid -> (n, LEVELS) values."""
    odd: Mapping[str, int]
    """Kind of an odd message -> how many there were."""


def make(
    events: Events,
    *,
    tick_size: float,
    grid: Grid,
    start_ns: int | None = None,
    stop_ns: int | None = None,
    columns: Collection[str] | None = None,
) -> Made:
    """Return the bins from `start_ns` to `stop_ns` (as `orders.replay` has them), and the columns of these names.

    `columns`: None for all. Raises UnknownName for a column that the grid does not have, UserError for a width of a
    cell that prices cannot have, and what the replay refuses.
    """
    from fairtrial.systems.signals.orders.replay import replay

    wanted = asked(columns)
    cell = width(grid.bucket_size or tick_size)
    bin_ns = grid.cell_width_ms * 1_000_000
    replayed = replay(events, cell=cell, bin_ns=bin_ns, start_ns=start_ns, stop_ns=stop_ns)
    return Made(replayed.bins, fields(replayed, wanted, tick_size=tick_size, grid=grid), replayed.odd)


def fields(replayed: Replayed, wanted: Collection[Column], *, tick_size: float, grid: Grid) -> Columns:
    """Return these columns of a replayed book."""
    names = {column.name for column in wanted}
    reads = needed(wanted)
    found: Columns = permutation(replayed.bins, tick_size, names)
    if "k" in names:
        found["k"] = np.tile(np.arange(-REACH, REACH + 1, dtype=np.int8), (len(replayed.bins), 1))
    if any(column.stage == "chain" for column in asked(reads)):
        from fairtrial.systems.signals.grid.chain import chain

        chained = chain(replayed, grid, reads)
        found |= derived(chained, names, grid) | {name: chained[name] for name in names & chained.keys()}
    return {column.name: found[column.name] for column in wanted}


def derived(columns: Mapping[str, npt.NDArray[Any]], names: Collection[str], grid: Grid) -> Columns:
    """Return those of pressure, vacuum and spectrum that are in `names`, made of the chain's columns."""
    wanted = needed(asked(set(names) & DERIVED))
    found: Columns = {}
    if "pressure_variant" in wanted:
        found["pressure_variant"] = pressure(columns, grid)
    if "vacuum_variant" in wanted:
        found["vacuum_variant"] = vacuum(columns, grid)
    if "spectrum_score" in wanted:
        found["spectrum_score"] = score(found["pressure_variant"], found["vacuum_variant"], grid)
    if "spectrum_state_code" in wanted:
        found["spectrum_state_code"] = state(found["spectrum_score"], grid)
    return {name: found[name] for name in found if name in names}


DERIVED = {"pressure_variant", "vacuum_variant", "spectrum_score", "spectrum_state_code"}
"""What `derived` makes."""


def width(size: float) -> int:
    """Return the width of a cell in PRICE; UserError where it is not a whole number of them, 1 or more."""
    found = round(size / PRICE)
    if found < 1 or abs(size / PRICE - found) > 1e-3:
        raise UserError(
            f"a cell of {size:g} is not a whole multiple of {PRICE:g}", hint="prices are: give a multiple of it"
        )
    return found
