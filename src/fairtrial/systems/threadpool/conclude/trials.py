"""The settled trials of a run, by what they have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from fairtrial.model.run import Measurements
from fairtrial.model.study import ABSENT
from fairtrial.stats.summary import Floats

Ints = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Trials:
    """Columns of the trials that are done."""

    variant: tuple[str, ...]
    replicate: Ints
    factors: Mapping[str, tuple[object, ...]]
    metrics: Mapping[str, Floats]

    def metric(self, name: str) -> Floats:
        """Return a metric of every trial; NaN where it is undefined or was never measured."""
        return self.metrics.get(name, np.full(len(self.replicate), np.nan))

    def groups(self, *, apart: tuple[str, ...] = (), arms: bool = True) -> Mapping[str, Ints]:
        """Return name -> places of the trials that share variant and factors, those `apart` left out; in order met.

        Without `arms` the variant may differ too.
        """
        names = [name for name in self.factors if name not in apart]
        found: dict[str, list[int]] = {}
        for place in range(len(self.replicate)):
            words = [_worded(name, self.factors[name][place]) for name in names if self._has(name, place)]
            arm = [self.variant[place]] if arms else []
            found.setdefault(", ".join(filter(None, [*arm, *words])) or "all", []).append(place)
        return {label: np.array(places, np.int64) for label, places in found.items()}

    def arms(self, places: Ints) -> Iterator[tuple[str, Ints]]:
        """Yield each variant, in the order met, with the places of its trials."""
        for name in dict.fromkeys(self.variant[place] for place in places.tolist()):
            yield name, np.array([place for place in places.tolist() if self.variant[place] == name], np.int64)

    def by(self, factor: str, places: Ints) -> Iterator[tuple[object, Ints]]:
        """Yield each level of a factor, ascending, with the places of its trials."""
        column = self.factors[factor]
        levels = sorted({column[place] for place in places.tolist() if self._has(factor, place)}, key=_order)
        for level in levels:
            yield level, np.array([place for place in places if column[place] == level], np.int64)

    def _has(self, name: str, place: int) -> bool:
        return self.factors[name][place] is not ABSENT


def trials(measured: Measurements) -> Trials:
    """Return what is done of a run."""
    done = [place for place, status in enumerate(measured.status) if status == "done"]

    def kept(column: object) -> tuple[object, ...]:
        return tuple(column[place] for place in done)  # type: ignore[index]

    return Trials(
        tuple(str(value) for value in kept(measured.variant)),
        np.array(kept(measured.replicate), np.int64),
        {name: kept(values) for name, values in measured.factors.items()},
        {name: np.asarray(values, np.float64)[done] for name, values in measured.metrics.items()},
    )


def aligned(found: Trials, name: str, places: Ints, replicates: Ints) -> Floats:
    """Return a metric of a condition, one value for each of the replicates; NaN where one is missing."""
    values = np.full(len(replicates), np.nan)
    for place in places:
        values[np.searchsorted(replicates, found.replicate[place])] = found.metric(name)[place]
    return values


def _worded(path: str, value: object) -> str:
    """Write a level briefly: words speak for themselves, means say of what, and one of 0 says that it is not there."""
    *above, name = path.split(".")
    if isinstance(value, str):
        return value
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    if name == "mean_us" and above:
        return f"{above[-1]} {shown} us" if value else ""
    return f"{name if len(above) < 2 else f'{above[-1]}.{name}'} {shown}"


def _order(value: object) -> tuple[bool, float, str]:
    number = isinstance(value, int | float)
    return (not number, float(value) if isinstance(value, int | float) else 0.0, str(value))
