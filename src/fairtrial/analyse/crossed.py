"""What of a design is crossed: the part in which every level of a factor met the same settings of all others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fairtrial.analyse.coding import joined
from fairtrial.analyse.data import Column, Data
from fairtrial.model.identity import canonical_json
from fairtrial.stats.summary import Floats, Integers, Mask

WIDE = 10
"""Codes that reach no farther than this many times their number are renumbered by counting, not by sorting."""
SPARSE = 50
"""Cells a trial from which a crossing of levels and settings is a random design, not a grid with gaps."""
GLANCE = 20_000
"""Trials of a large run that are looked at first: they mostly show that a factor does something."""
ENOUGH = 0.5
"""Share of the trials that the crossed part of a design must keep to stand for all of it."""
PAIRED = 8
"""Levels up to which two factors that pair up were varied together, whatever their order."""


@dataclass(frozen=True, slots=True)
class Box:
    """A metric over the crossed part of a design, for one or two factors."""

    levels: tuple[Integers, ...]
    """Codes of the levels kept, one array a factor."""
    values: Floats
    """(levels, … , settings of the other factors, replicates); NaN where a trial has no value."""
    kept: float
    """Share of the measured cells that the box keeps."""
    absent: tuple[tuple[str, Any], ...] = ()
    """Factors with the levels that the box leaves out."""

    @property
    def complete(self) -> Floats:
        """Return the values of the replicates in which nothing is missing."""
        gaps = np.isnan(self.values).any(axis=tuple(range(self.values.ndim - 1)))
        found: Floats = self.values[..., ~gaps]
        return found


def box(found: Data, values: Floats, factors: Sequence[str], *, keep: Mask | None = None) -> Box | None:
    """Return the crossed part of a design for the factors; None where less than two levels of each are crossed.

    Factors that only some levels have (an arm's own) are averaged, so are factors that move with one of them. What
    keeps the rest from being crossed is left out greedily: the level or the setting with the largest share of gaps.
    """
    columns = [found.factors[name] for name in factors]
    rows = np.logical_and.reduce([column.codes >= 0 for column in columns], axis=0)
    rows = rows if keep is None else rows & keep
    if not rows.any():
        return None
    orders = [canonical_order(column) for column in columns]
    places = [np.argsort(order)[column.codes[rows]] for order, column in zip(orders, columns, strict=True)]
    setting = settings(found, factors, rows)
    sizes = (*(len(order) for order in orders), int(setting.max(initial=-1)) + 1)
    cell = np.ravel_multi_index((*places, setting), sizes) if np.prod(sizes, dtype=np.float64) < 2**62 else None
    if cell is None or np.prod(sizes) > SPARSE * (int(dense(cell).max()) + 1):
        return None
    whole = _cube(found.replicate[rows], values[rows], cell, sizes)
    return _trimmed(whole, factors, columns, orders)


def changed_nothing(found: Data, name: str, *, first: str | None = None) -> bool:
    """Say whether no metric differed between two levels that met the same settings and the same seed.

    `first` is the metric to look at first; a part of a large run is looked at before all of it.
    """
    part = np.arange(len(found)) < GLANCE
    if not part.all() and _changed(found, name, first, keep=part):
        return False
    return _changed(found, name, first, keep=None) is False


def _changed(found: Data, name: str, first: str | None, *, keep: Mask | None) -> bool | None:
    """Say whether a metric differed; None where no two levels met."""
    compared = False
    for metric in sorted(found.metrics, key=lambda other: other != first):
        cube = box(found, found.metrics[metric], (name,), keep=keep)
        if cube is None:
            continue
        both = np.isfinite(cube.values).sum(axis=0) > 1
        high, low = np.fmax.reduce(cube.values, axis=0), np.fmin.reduce(cube.values, axis=0)
        if (high != low)[both].any():
            return True
        compared |= bool(both.any())
    return False if compared else None


def canonical_order(column: Column) -> Integers:
    """Return the codes of a factor in an order that does not depend on the order of the trials."""
    if column.ordered:
        return np.arange(len(column.levels))
    texts = [canonical_json(level) for level in column.levels]
    return np.array(sorted(range(len(texts)), key=texts.__getitem__), dtype=np.int64)


def twins(factors: Mapping[str, Column]) -> dict[str, str]:
    """Return, for each factor that moves together with an earlier one, that one's name."""
    seen: list[str] = []
    found: dict[str, str] = {}
    for name, column in factors.items():
        twin = next((other for other in seen if _same(column, factors[other])), None)
        if twin is None:
            seen.append(name)
        else:
            found[name] = twin
    return found


def _same(one: Column, other: Column) -> bool:
    """Say whether each level of one factor stands for one of the other: they were varied together."""
    if not 2 <= len(one.levels) == len(other.levels):
        return False
    partner = np.full(len(one.levels) + 1, -2)
    partner[one.codes] = other.codes  # code -1, for an absent level, is the last place
    known = partner[partner > -2]
    if len(np.unique(known)) < len(known) or (partner[one.codes] != other.codes).any():
        return False
    # values drawn at random are all different, so that they pair up too, but in no order
    turns = np.sign(np.diff(partner[:-1]))
    return len(one.levels) <= PAIRED or bool((turns == turns[0]).all())


def dense(code: Integers) -> Integers:
    """Renumber codes from 0 without gaps, in ascending order."""
    if int(code.max(initial=0)) > WIDE * (len(code) + 1):
        return np.unique(code, return_inverse=True)[1].astype(np.int64)
    seen = np.zeros(int(code.max(initial=0)) + 1, dtype=np.int64)
    seen[code] = 1
    renumbered: Integers = (np.cumsum(seen) - 1)[code]
    return renumbered


def settings(found: Data, factors: Sequence[str], rows: Mask) -> Integers:
    """Number the settings of all other factors, in an order that does not depend on the order of the trials."""
    chosen = [found.factors[name] for name in factors]
    code = np.zeros(int(rows.sum()), dtype=np.int64)
    for name, column in found.factors.items():
        if name in factors or any(_same(column, one) or _nested(column, one, rows) for one in chosen):
            continue
        rank = np.concatenate([[0], 1 + np.argsort(canonical_order(column))])
        code = joined(code, rank[column.codes[rows] + 1])
    return dense(code)


def _nested(column: Column, factor: Column, rows: Mask) -> bool:
    """Say whether some levels of the factor have the other one and some have not."""
    has = column.codes[rows] >= 0
    if has.all():
        return False
    levels = len(factor.levels)
    seen = [np.bincount(factor.codes[rows][mask], minlength=levels) > 0 for mask in (has, ~has)]
    present = seen[0] | seen[1]
    return bool((seen[0][present] != seen[1][present]).any())


def _cube(replicate: Integers, values: Floats, cell: Integers, sizes: tuple[int, ...]) -> Floats:
    """Average the trials of each cell and replicate: (levels, …, settings, replicates), NaN where one has no value."""
    replicates, place = np.unique(replicate, return_inverse=True)
    at = cell * len(replicates) + place
    width = int(np.prod(sizes)) * len(replicates)
    count = np.bincount(at, minlength=width)
    if int(count.max()) > 1:  # sums of several do not depend on the order of the trials
        order = np.lexsort((values, at))
        at, values = at[order], values[order]
    total = np.bincount(at, weights=values, minlength=width)
    with np.errstate(invalid="ignore"):
        means: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return means.reshape(*sizes, len(replicates))


def _trimmed(
    whole: Floats, factors: Sequence[str], columns: Sequence[Column], orders: Sequence[Integers]
) -> Box | None:
    measured = np.asarray(np.isfinite(whole).any(axis=-1))
    kept = _complete(measured)
    if min(map(len, kept[:-1])) < 2 or not len(kept[-1]):
        return None
    levels = tuple(order[places] for order, places in zip(orders, kept[:-1], strict=True))
    absent = [
        (name, column.levels[code])
        for name, column, order, inside in zip(factors, columns, orders, levels, strict=True)
        for code in order.tolist()
        if code not in set(inside.tolist())
    ]
    share = math.prod(map(len, kept)) / float(measured.sum())
    return Box(levels, whole[np.ix_(*kept, np.arange(whole.shape[-1]))], share, tuple(absent))


def _complete(present: Mask) -> list[Integers]:
    """Drop levels and settings, those with the most gaps first, until no gap is left; return the places that stay.

    Settings that have as many gaps as the worst one go together, levels one at a time.
    """
    kept = [np.arange(size) for size in present.shape]
    while all(map(len, kept)):
        part = present[np.ix_(*kept)]
        if part.all():
            break
        axes = range(part.ndim)
        shares = [1 - part.mean(axis=tuple(other for other in axes if other != axis)) for axis in axes]
        worst = max(axes, key=lambda axis: float(shares[axis].max()))
        drop = shares[worst] == shares[worst].max()
        if worst < part.ndim - 1:
            drop = np.arange(len(drop)) == int(shares[worst].argmax())
        kept[worst] = kept[worst][~drop]
    return kept
