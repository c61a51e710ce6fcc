"""Which features a signal reads: weighted sums over cells of the grid, their past, and the mid's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from fairtrial.systems.signals.record import REACH

INNER, MID, OUTER = range(1, 4), range(4, 12), range(12, 24)
BANDS = {"inner": INNER, "mid": MID, "outer": OUTER}
"""Cells from the spot: k 1-3, 4-11 and 12-23."""
SIDE = range(1, REACH + 1)
WINDOWS = (50, 200, 600)
"""Bins that means and deviations are taken over."""
LAGS = (1, 2, 5, 10, 20, 50)
"""Bins back from which the mid's changes are taken."""


class Part(NamedTuple):
    """One cell in a weighted sum."""

    column: str
    k: int
    weight: float


@dataclass(frozen=True, slots=True)
class Probe:
    """A weighted sum over cells of one bin."""

    name: str
    parts: tuple[Part, ...]


Field = dict[str, float]
"""Column of the grid -> its weight."""
NET: Field = {"pressure_variant": 1.0, "vacuum_variant": -1.0}
"""Pressure less vacuum, P - V."""


def cell(name: str, field: Field, k: int) -> Probe:
    """Return the value of a field at one cell."""
    return Probe(f"{name}[{k:+d}]", tuple(Part(column, k, weight) for column, weight in field.items()))


def lean(name: str, field: Field, cells: range) -> Probe:
    """Return the mean below the spot less the mean above it."""
    return _sides(f"{name} lean", field, cells, above=-1.0)


def level(name: str, field: Field, cells: range) -> Probe:
    """Return the mean below the spot plus the mean above it."""
    return _sides(f"{name} level", field, cells, above=1.0)


def leans(name: str, field: Field) -> tuple[Probe, ...]:
    """Return how a field leans in each of the three bands."""
    return tuple(lean(f"{name} {band}", field, cells) for band, cells in BANDS.items())


def levels(name: str, field: Field) -> tuple[Probe, ...]:
    """Return how high a field is in each of the three bands."""
    return tuple(level(f"{name} {band}", field, cells) for band, cells in BANDS.items())


def _sides(name: str, field: Field, cells: range, *, above: float) -> Probe:
    share = 1.0 / len(cells)
    parts = [
        Part(column, side * k, weight * share * (1.0 if side < 0 else above))
        for column, weight in field.items()
        for side in (-1, 1)
        for k in cells
    ]
    return Probe(name, tuple(parts))


@dataclass(frozen=True, slots=True)
class Layout:
    """The features of a signal, in this order."""

    shown: tuple[Probe, ...] = ()
    """Of the bin itself."""
    rolled: tuple[Probe, ...] = ()
    """Their means over each of WINDOWS, this bin included."""
    spread: bool = True
    """And, after each mean, the standard deviation."""
    lags: tuple[int, ...] = LAGS
    """The mid's change, in ticks, since so many bins before."""
    volatility: bool = False
    """The standard deviation of the mid's change from bin to bin, over each of WINDOWS."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the features."""
        kinds = ("mean", "sd") if self.spread else ("mean",)
        rolled = [f"{one.name} {kind} {window}" for one in self.rolled for window in WINDOWS for kind in kinds]
        changes = [f"return {lag}" for lag in self.lags]
        swings = [f"volatility {window}" for window in WINDOWS] if self.volatility else []
        return (*(one.name for one in self.shown), *rolled, *changes, *swings)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the grid that are read."""
        return tuple(dict.fromkeys(part.column for one in (*self.shown, *self.rolled) for part in one.parts))

    @property
    def reach(self) -> int:
        """Bins before this one that are read."""
        windows = WINDOWS if self.volatility else tuple(window - 1 for window in WINDOWS) if self.rolled else ()
        return max((*self.lags, *windows, 0))
