"""The evidence on one claim of a study, before the claims are judged together."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fairtrial.analyse.crossed import ENOUGH, Box, box
from fairtrial.analyse.data import Data
from fairtrial.model.claim import Claim
from fairtrial.model.finding import Interval
from fairtrial.model.study import Study, unit_of
from fairtrial.model.words import count, quantity
from fairtrial.stats.difference import Difference
from fairtrial.stats.summary import Floats, Mask


@dataclass(frozen=True, slots=True)
class Weighed:
    """What speaks for a claim and against it."""

    said: str
    """What was seen, in words."""
    p: float | None = None
    """One-sided: for the claim. None: it cannot be tested."""
    against: float | None = None
    """One-sided: for its contrary."""
    estimate: float | None = None
    interval: Interval | None = None
    sd: float | None = None
    """Of the number that is tested, between replicates."""
    gap: float = 0.0
    """How far that number lies inside (+) or outside (-) what is claimed."""
    n: int = 0
    """Replicates, the fewest of a condition."""
    share: float = 1.0
    """Share of the trials that gave a value."""
    veto: bool = False
    """It is shown to be wrong somewhere, whatever p says."""
    rests: str = ""
    """What the evidence rests on: '5 replicates'."""
    unit: str = ""
    """Of the metric."""
    turned: bool = False
    """The sentence says the number without its sign, 'falls by', so its interval is said the other way round."""
    df: float | None = None
    """Degrees of freedom of `sd`, where it is that of the number itself, over conditions instead of replicates."""
    there: int = 0
    """Replicates that there are, those with missing values included."""
    replicable: bool = True
    """More replicates could settle it."""


@dataclass(frozen=True, slots=True)
class Case:
    """A claim, and the data to judge it by."""

    found: Data
    study: Study
    claim: Claim

    @property
    def values(self) -> Floats:
        """Return the metric."""
        return self.found.metric(self.claim.metric)

    @property
    def level(self) -> float:
        """Return the level of an interval that excludes what a one-sided test at alpha rejects."""
        return 1 - 2 * self.study.alpha

    def shown(self, value: float) -> str:
        """Write a value of the metric."""
        return quantity(value, unit_of(self.study.metrics, self.claim.metric))

    def share(self, rows: Mask) -> float:
        """Return which share of some trials gave a value; 0 of none."""
        return float(np.isfinite(self.values[rows]).mean()) if rows.any() else 0.0

    def interval(self, of: Difference, method: str = "Student's t over replicates") -> Interval | None:
        """Make the interval of a number; None where it is without end."""
        finite = math.isfinite(of.low) and math.isfinite(of.high)
        return Interval(of.low, of.high, of.level, method) if finite else None


def table_of(part: Box | None) -> Floats:
    """Return means (levels, complete replicates), the settings averaged; no replicate where nothing is crossed."""
    return np.empty((2, 0)) if part is None else part.complete.mean(axis=-2)


def crossed(case: Case) -> Box | None:
    """Return the crossed part of the design for the claim's factor; None where it does not stand for the design."""
    part = box(case.found, case.values, (case.claim.factor,))
    return part if part is not None and part.kept >= ENOUGH else None


def open_(case: Case, rows: Mask, why: str) -> Weighed:
    """Return the evidence of a design that cannot speak to the claim, however often it is repeated."""
    return Weighed(why, n=0, share=case.share(rows), rests="nothing", replicable=False)


def thin(case: Case, replicates: int, rows: Mask) -> Weighed:
    """Return the evidence of less than two replicates: none."""
    said = f"{count(replicates, 'complete replicate')} cannot tell {case.claim.metric} from noise"
    return Weighed(said, n=replicates, share=case.share(rows), rests=count(replicates, "replicate"))


def turned(difference: Difference) -> Difference:
    """Return the difference the other way round."""
    one = difference
    return Difference(-one.estimate, -one.high, -one.low, one.df, one.p_two_sided, one.se, one.level)
