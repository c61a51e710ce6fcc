"""The columns of grid_clean.parquet: name, type, the stage that makes each, and what it says."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from fairtrial.errors import UnknownName

Stage = Literal["chain", "pressure", "spectrum", "permutation", "place"]
"""chain: made of messages; pressure: of the chain's columns; spectrum: of those; permutation: of the bins alone."""

FLOWS = ("add", "pull", "fill")
DEPTHS = ("rest_depth", "bid_depth", "ask_depth")
ORDERS = {"v": "velocity", "a": "acceleration", "j": "jerk"}
PRESSURE = ("v_add", "v_rest_depth", "a_add")
"""What pressure_variant is made of."""
VACUUM = ("v_pull", "v_fill", "v_rest_depth", "a_pull")
"""What vacuum_variant is made of."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    stage: Stage
    help: str
    """One line."""
    dtype: npt.DTypeLike = np.float64

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that it is made of."""
        made_of = {
            "pressure_variant": PRESSURE,
            "vacuum_variant": VACUUM,
            "spectrum_score": ("pressure_variant", "vacuum_variant"),
            "spectrum_state_code": ("spectrum_score",),
        }
        return made_of.get(self.name, ())


def _chain() -> list[Column]:
    unit = {"add": "size added", "pull": "size pulled", "fill": "size filled"}
    found = [Column(f"{name}_mass", "chain", f"{unit[name].capitalize()}, decaying.") for name in FLOWS]
    sides = {"rest_depth": "bids and asks", "bid_depth": "bids", "ask_depth": "asks"}
    found += [Column(name, "chain", f"Depth of {sides[name]} at the bin's end.") for name in DEPTHS]
    of = {**unit, **{name: f"depth of {side}" for name, side in sides.items()}}
    for letter, order in ORDERS.items():
        found += [Column(f"{letter}_{name}", "chain", f"Smoothed {order} of {what}.") for name, what in of.items()]
    return found


def _permutation() -> list[Column]:
    code, signs = np.int8, "up 1, down -1"
    return [
        Column("best_ask_move_ticks", "permutation", "Move of the best ask since the valid bin before, in ticks."),
        Column("best_bid_move_ticks", "permutation", "Move of the best bid since the valid bin before, in ticks."),
        Column("ask_reprice_sign", "permutation", f"Sign of the best ask's move: {signs}.", code),
        Column("bid_reprice_sign", "permutation", f"Sign of the best bid's move: {signs}.", code),
        Column("perm_microstate_id", "permutation", "3 (sign of ask + 1) + (sign of bid + 1): 0 to 8.", code),
        Column("perm_state5_code", "permutation", "2 bull vacuum, 1 bull pressure, 0 mixed, -1, -2 bear.", code),
        Column("chase_up_flag", "permutation", "1 where both best prices rose.", code),
        Column("chase_down_flag", "permutation", "1 where both best prices fell.", code),
    ]


COLUMNS: tuple[Column, ...] = (
    *_chain(),
    Column("pressure_variant", "pressure", "c1 v_add + c2 max(v_rest_depth, 0) + c3 max(a_add, 0)."),
    Column("vacuum_variant", "pressure", "c4 v_pull + c5 v_fill + c6 max(-v_rest_depth, 0) + c7 max(a_pull, 0)."),
    Column("spectrum_score", "spectrum", "How unusually (P - V)/(|P| + |V|) changes: -1 to 1."),
    Column("spectrum_state_code", "spectrum", "1 pressure, -1 vacuum, 0 neither.", np.int8),
    *_permutation(),
    Column("last_event_id", "chain", "Number of the last message that touched the cell; -1: none yet.", np.int64),
    Column("k", "place", "The cell: k cells above the spot, -50 to 50.", np.int8),
)
NAMES = tuple(column.name for column in COLUMNS)
BY_NAME = {column.name: column for column in COLUMNS}


def asked(columns: Collection[str] | None) -> tuple[Column, ...]:
    """Return the columns of these names in the order of `COLUMNS`, all for None; UnknownName with the nearest."""
    for name in columns or ():
        if name not in BY_NAME:
            raise UnknownName("column of the grid", name, NAMES)
    return COLUMNS if columns is None else tuple(column for column in COLUMNS if column.name in columns)


def needed(columns: Collection[Column]) -> frozenset[str]:
    """Return the names of these columns and of all that they are made of, however indirectly."""
    found = {column.name for column in columns}
    waiting = list(columns)
    while waiting:
        fresh = set(waiting.pop().reads) - found
        found |= fresh
        waiting += [BY_NAME[name] for name in fresh]
    return frozenset(found)
