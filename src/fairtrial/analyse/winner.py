"""The winner of a run: the condition that `base: {winner: RUN}` starts from."""

from __future__ import annotations

from collections.abc import Sequence

from fairtrial.analyse.conditions import conditions, directed
from fairtrial.errors import UserError
from fairtrial.model.finding import ConditionFinding
from fairtrial.model.run import Measurements
from fairtrial.model.study import Metric


def best(
    measurements: Measurements, metrics: Sequence[Metric], *, completeness: float = 1.0
) -> ConditionFinding | None:
    """Return the condition with the best mean of the first metric that has a direction; None where none has a mean.

    Winner's curse: the best of many noisy means is too good on average, the more so the more conditions were tried
    and the fewer replicates each had. The estimate says where to start, never how well the winner will do; measure it
    again on fresh seeds. A condition of which less than the share `completeness` of the trials gave a value is passed
    over, so that one lucky survivor of many crashes does not win. Raises UserError where no metric has a direction.
    """
    metric = directed(metrics)
    if metric is None:
        raise UserError(
            "no metric says which way is better, so no condition is the best", hint="metrics: {NAME: maximize}"
        )
    for finding in conditions(measurements, metrics):
        estimate = finding.estimates[metric.name]
        if estimate.n and estimate.n >= completeness * finding.trials:
            return finding
    return None
