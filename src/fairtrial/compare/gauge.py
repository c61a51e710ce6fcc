"""What gates: each metric with its margin, and the scale on which differences of it are taken."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fairtrial.errors import UserError
from fairtrial.model.claim import Margin
from fairtrial.model.study import Direction, Metric, Study
from fairtrial.stats.summary import Floats

DEFAULT = Margin(0.10, relative=True)
"""Where a study declares no `gate:`, every metric with a direction gates with this margin."""
RATE = Margin(0.01, relative=False)
"""The same for a rate near 1 (maximised, every value within 0.9 to 1): a share of it would hide any loss."""
NEAR = 0.9


@dataclass(frozen=True, slots=True)
class Gauge:
    """A metric with a direction, and by how much it may be worse."""

    metric: Metric
    margin: Margin
    gating: bool
    declared: bool
    """The study's `gate:` names it."""

    def scale(self, baseline: Floats, current: Floats) -> Scale | None:
        """Choose the scale for the values of a condition (finite ones); None where only an absolute margin would do."""
        margin, sign = self.margin, 1 if self.metric.direction is Direction.MINIMIZE else -1
        if not self.declared and sign < 0 and _near_one(baseline) and _within_one(current):
            margin = RATE
        if not margin.relative:
            return Scale(sign, log=False, size=margin.value)
        if (baseline > 0).all() and (current > 0).all():
            return Scale(sign, log=True, size=margin.value)
        if len(baseline) and np.ptp(np.concatenate([baseline, current])) == 0:
            return Scale(sign, log=False, size=margin.value * float(np.abs(baseline).max()) or math.inf)
        return None


@dataclass(frozen=True, slots=True)
class Scale:
    """Differences on it are signed so that + is worse: of logarithms (ratios), or of the values themselves."""

    sign: int
    """1: larger is worse; -1: smaller is."""
    log: bool
    size: float
    """The margin as declared: a share where `log`, else in the metric's unit."""

    @property
    def margin(self) -> float:
        """Return the margin as a difference on the scale."""
        if not self.log:
            return self.size
        return math.log1p(self.size) if self.sign > 0 else -math.log1p(-self.size)

    def of(self, values: npt.ArrayLike) -> Floats:
        """Put values on the scale."""
        column = np.asarray(values, dtype=np.float64)
        return self.sign * (np.log(column) if self.log else column)

    def back(self, difference: float) -> float:
        """Return a difference as a share of the baseline, or in the metric's unit."""
        if not self.log:
            return difference
        return math.expm1(min(difference, 700.0)) if self.sign > 0 else -math.expm1(min(-difference, 700.0))

    def noise(self, baseline: Floats, current: Floats) -> float:
        """Return the size of the numbers that are subtracted: differences far below it are rounding."""
        if self.log:
            return 1.0
        return float(max(np.abs(baseline).max(initial=0.0), np.abs(current).max(initial=0.0)))


def gauges(baseline: Study, current: Study) -> list[Gauge]:
    """List what is judged: the metrics of `gate:` (the current study's, else the baseline's), then the others.

    Without a `gate:` every metric with a direction gates. Raises UserError where none has one, or a margin that
    nothing could miss.
    """
    said = {item.metric: item.worse_by for item in (current.gate or baseline.gate)}
    able = directed(current)
    known = {metric.name for metric in able}
    for name, margin in said.items():
        if name not in known:
            raise UserError(f"gate: {name} has no direction", hint=f"metrics: {{{name}: minimize}}")
        _refuse_idle(next(metric for metric in able if metric.name == name), margin)
    if not able:
        raise UserError("no metric says which way is better, so none can be worse", hint="metrics: {NAME: minimize}")
    found = [
        Gauge(metric, said.get(metric.name, DEFAULT), not said or metric.name in said, metric.name in said)
        for metric in able
    ]
    return sorted(found, key=lambda gauge: not gauge.gating)


def directed(study: Study) -> list[Metric]:
    """List the metrics of which one value can be worse than another."""
    return [metric for metric in study.metrics if metric.direction is not Direction.NONE]


def _refuse_idle(metric: Metric, margin: Margin) -> None:
    if margin.relative and metric.direction is Direction.MAXIMIZE and margin.value >= 1:
        share = f"{100 * margin.value:g} %"
        raise UserError(f"gate: {metric.name} may be worse by {share}: nothing could fail that", hint="worse_by: 10%")


def _near_one(values: Floats) -> bool:
    return _within_one(values) and bool(len(values)) and float(values.min()) >= NEAR


def _within_one(values: Floats) -> bool:
    return bool(((values >= 0) & (values <= 1)).all())
