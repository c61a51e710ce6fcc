"""A metric along an ordered factor as a table, with what makes conclusions about it doubtful."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.analyse.data import Data, arm, points
from fairtrial.model.finding import Caution, CautionKind, Point
from fairtrial.stats.summary import Floats

FEW = 3
"""Replicates below which an interval is so wide, and its normality so untested, that it says little."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """A metric at the levels of a factor, lowest first."""

    points: tuple[Point, ...]
    """Every level, also one without a value."""
    x: Floats
    """The levels that have a value: shape (levels,)."""
    values: Floats
    """Shape (levels, replicates), replicates in ascending order; NaN where missing."""
    share: float
    """Share of the trials that gave a value."""

    @property
    def replicates(self) -> int:
        """Return the fewest values of a level that has any; 0 where none has."""
        return min((point.n for point in self.shown), default=0)

    @property
    def shown(self) -> list[Point]:
        """Return the points that have a value."""
        return [point for point in self.points if point.n]


def ladder(found: Data, metric: str, factor: str, *, variant: str | None = None, level: float = 0.95) -> Ladder:
    """Arrange a metric along an ordered factor, in one arm or averaged over arms. Raises UnknownName, UserError."""
    column = found.ordered(factor)
    keep = np.ones(len(found), dtype=np.bool_) if variant is None else arm(found, variant)
    listed = points(found, metric, factor, keep=keep, level=level)
    there = [point for point in listed if point.n]
    trials = int((keep & (column.codes >= 0)).sum())
    width = len(listed[0].values) if listed else 0
    return Ladder(
        points=listed,
        x=np.array([point.x for point in there], dtype=np.float64),
        values=np.array([point.values for point in there], dtype=np.float64).reshape(len(there), width),
        share=1 - sum(point.missing for point in listed) / trials if trials else 0.0,
    )


def doubts(measured: Ladder, completeness: float) -> tuple[Caution, ...]:
    """List why conclusions along a factor may be wrong: too little, or too much missing."""
    return tuple(
        caution for caution in (_incomplete(measured, completeness), _censored(measured), _few(measured)) if caution
    )


def complete(measured: Ladder, completeness: float) -> bool:
    """Say whether the declared share of the trials gave a value; rounding is forgiven."""
    return measured.share >= completeness - 1e-9


def said(value: float) -> str:
    """Write a number for a sentence: four significant digits."""
    return f"{value:.4g}"


def _incomplete(measured: Ladder, completeness: float) -> Caution | None:
    if complete(measured, completeness):
        return None
    return Caution(
        CautionKind.INCOMPLETE,
        f"{measured.share:.1%} of the trials gave a value, {completeness:.1%} was declared",
        "See why with fairtrial show RUN --failed, then fairtrial retry RUN.",
    )


def _censored(measured: Ladder) -> Caution | None:
    lacking = [point for point in measured.points if point.missing]
    if not lacking:
        return None
    trials = sum(point.missing for point in lacking)
    return Caution(
        CautionKind.CENSORED,
        f"{counted(trials, 'trial')} without a value at {_listed([point.level for point in lacking])}",
        "what failed there may have been the worst: read the levels concerned as unknown",
    )


def _few(measured: Ladder) -> Caution | None:
    if measured.replicates >= FEW:
        return None
    return Caution(
        CautionKind.FEW_REPLICATES,
        f"{counted(measured.replicates, 'replicate')} at a level",
        f"set replicates to {FEW} at least, 5 where you can",
    )


def counted(n: int, noun: str) -> str:
    """Write `1 trial`, `2 trials`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _listed(levels: Sequence[object], most: int = 6) -> str:
    return ", ".join(map(str, levels[:most])) + (f" and {len(levels) - most} more" if len(levels) > most else "")
