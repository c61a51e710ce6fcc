"""A metric along an ordered factor as a table, with what makes conclusions about it doubtful."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fairtrial.analyse.crossed import ENOUGH, box
from fairtrial.analyse.data import Data, arm, points
from fairtrial.analyse.doubts import few, incomplete
from fairtrial.model.finding import Caution, CautionKind, Point
from fairtrial.model.words import count, level, listed
from fairtrial.stats.summary import Floats, Mask


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
    factor: str = ""
    comparable: bool = True
    """Its levels met the same settings of the other factors, so that they can be compared."""

    @property
    def replicates(self) -> int:
        """Return the fewest values of a level that has any; 0 where none has."""
        return min((point.n for point in self.shown), default=0)

    @property
    def shown(self) -> list[Point]:
        """Return the points that have a value."""
        return [point for point in self.points if point.n]


def ladder(
    found: Data,
    metric: str,
    factor: str,
    *,
    variant: str | None = None,
    level: float = 0.95,
    below: float = math.inf,
) -> Ladder:
    """Arrange a metric along an ordered factor, in one arm or averaged over arms, at its levels below a place.

    Raises UnknownName, UserError.
    """
    column = found.ordered(factor)
    keep = np.ones(len(found), dtype=np.bool_) if variant is None else arm(found, variant)
    keep = keep & (np.asarray(column.x)[column.codes] < below)
    listed = points(found, metric, factor, keep=keep, level=level)
    there = [point for point in listed if point.n]
    trials = int((keep & (column.codes >= 0)).sum())
    width = len(listed[0].values) if listed else 0
    return Ladder(
        points=listed,
        x=np.array([point.x for point in there], dtype=np.float64),
        values=np.array([point.values for point in there], dtype=np.float64).reshape(len(there), width),
        share=1 - sum(point.missing for point in listed) / trials if trials else 0.0,
        factor=factor,
        comparable=len(there) < 2 or _met(found, factor, keep),
    )


def _met(found: Data, factor: str, keep: Mask) -> bool:
    """Say whether most of the trials at the levels of a factor are crossed with the other factors."""
    part = box(found, np.zeros(len(found)), (factor,), keep=keep)
    return part is not None and part.kept >= ENOUGH


def doubts(measured: Ladder, completeness: float) -> Iterator[Caution]:
    """List why conclusions along a factor may be wrong: too little, or too much missing."""
    yield from incomplete(measured.share, completeness)
    if not measured.comparable:
        text = (
            f"The levels of {measured.factor} met different settings of the other factors, whose effects look like its."
        )
        yield Caution(CautionKind.UNBALANCED, text, f"Use a grid over {measured.factor}, or ask for its effect.")
    lacking = [point for point in measured.points if point.missing]
    if lacking:
        trials = count(sum(point.missing for point in lacking), "trial")
        text = f"{trials} gave no value at {listed([level(point.level) for point in lacking])}."
        advice = "What failed there may have been the worst: read these levels as unknown."
        yield Caution(CautionKind.CENSORED, text, advice)
    yield from few(measured.replicates, f"A level has only {count(measured.replicates, 'replicate')}.")


def design(measured: Ladder, noun: str = "level") -> str:
    """Say what was measured: `8 levels x 5 replicates`."""
    return f"{count(len(measured.x), noun)} x {count(measured.replicates, 'replicate')}"
