"""Claims on a factor whose values were drawn, so that its levels met no settings twice: conditions are the units."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from fairtrial.analyse.claim.weighing import Case
from fairtrial.analyse.crossed import twins
from fairtrial.analyse.effect.drawn import Adjusted, adjusted, conditions_of
from fairtrial.analyse.effect.term import Asked
from fairtrial.model.words import count
from fairtrial.stats.difference import Difference, student
from fairtrial.stats.summary import Floats

METHOD = "Student's t over conditions, the other factors held"


@dataclass(frozen=True, slots=True)
class Drawn:
    """The means of groups of neighbouring values of a factor, the other factors held, by the additive model."""

    means: Adjusted
    replicates: int
    conditions: int
    level: float
    mean: float
    """Of all conditions: the model's means are differences from it."""

    @property
    def groups(self) -> int:
        """Return the number of groups."""
        return len(self.means.means)

    @property
    def rests(self) -> str:
        """Say what the evidence rests on."""
        return f"{count(self.conditions, 'condition')} x {count(self.replicates, 'replicate')}"

    def contrast(self, weights: Floats) -> Difference:
        """Return a contrast of the means, with Student's t over conditions."""
        variance = float(weights @ self.means.covariance @ weights)
        se = self.means.residual_sd * math.sqrt(max(variance, 0.0))
        return student(float(weights @ self.means.means), se, self.means.error_df, self.level)

    def rise(self) -> Difference:
        """Return the trend over the places of the groups, from the lowest to the highest."""
        places = np.arange(self.groups, dtype=np.float64) - (self.groups - 1) / 2
        weights: Floats = (self.groups - 1) * places / float((places**2).sum())
        return self.contrast(weights)

    def pairs(self) -> Iterator[Difference]:
        """Yield each difference of two groups, the higher one less the lower one."""
        for low, high in combinations(range(self.groups), 2):
            weights = np.zeros(self.groups)
            weights[low], weights[high] = -1.0, 1.0
            yield self.contrast(weights)


def drawn(case: Case) -> Drawn | None:
    """Fit the additive model of the conditions; None where they are too few, or do not tell the factor."""
    found, factor, study = case.found, case.claim.factor, case.study
    varying = {name: column for name, column in found.factors.items() if len(column.levels) > 1}
    ordered = {factor: varying[factor], **varying}
    names = [name for name in ordered if name not in twins(ordered)]
    units = conditions_of(found, case.values)
    asked = Asked(study.alpha, 1, None, study.seed, case.claim.metric)
    means = adjusted(found, units, factor, names, asked) if len(units.values) else None
    if means is None or len(means.means) < 2:
        return None
    return Drawn(means, units.replicates, len(units.values), case.level, float(units.values.mean()))
