"""A point of a study's space from Optuna's suggestions: variant, then each active factor, in the right order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairtrial.model.identity import is_number
from fairtrial.model.study import Factor, Study
from fairtrial.plan.arm import Arm

VARIANT = "variant"


class Chooser:
    """Asks an Optuna trial for one choice after another (define by run), so that conditional factors need no value."""

    def __init__(self, study: Study) -> None:
        self.arms = {variant.name: Arm(study, variant) for variant in study.variants}
        self._common = {id(factor) for factor in study.factors}

    def point(self, trial: Any) -> tuple[Arm, dict[str, Any]]:
        """Return an arm and an assignment of its active factors."""
        names = list(self.arms)
        arm = self.arms[names[0] if len(names) == 1 else trial.suggest_categorical(VARIANT, names)]
        known: dict[str, Any] = {VARIANT: arm.name}
        for j in arm.order:
            factor = arm.factors[j]
            if factor.when is None or factor.when.holds(known):
                known.update(zip(factor.paths, self._values(trial, arm, factor), strict=True))
        return arm, {path: known[path] for factor in arm.factors for path in factor.paths if path in known}

    def _values(self, trial: Any, arm: Arm, factor: Factor) -> tuple[Any, ...]:
        name = factor.name if id(factor) in self._common else f"{arm.name}: {factor.name}"
        interval, levels = factor.interval, factor.levels
        if interval is not None:
            suggest = trial.suggest_int if interval.integer else trial.suggest_float
            return (suggest(name, interval.low, interval.high, log=interval.log),)
        assert levels is not None
        if is_ordered(factor):
            return levels[trial.suggest_int(name, 0, len(levels) - 1)]
        return levels[trial.suggest_categorical(name, range(len(levels)))]


def is_ordered(factor: Factor) -> bool:
    """Say whether the levels are numbers in order: then their places are suggested, and neighbours are alike."""
    if factor.levels is None or len(factor.paths) != 1 or len(factor.levels) < 3:
        return False
    values = [row[0] for row in factor.levels]
    return all(map(is_number, values)) and sorted(values) in (values, values[::-1])


def outcome(rows: list[Mapping[str, float | None] | None], names: tuple[str, ...], share: float) -> list[float] | None:
    """Return the mean of each metric over the replicates of a condition; None is a replicate without a result.

    There is none where fewer than a share of all replicates have every metric: the mean of those that survived would
    flatter.
    """
    whole = [row for row in rows if row is not None and all(row.get(name) is not None for name in names)]
    if not whole or len(whole) < share * len(rows):
        return None
    return [sum(row[name] or 0.0 for row in whole) / len(whole) for name in names]
