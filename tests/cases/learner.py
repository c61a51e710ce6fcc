"""A strategy that learns across trials: it narrows an interval around the best level seen so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from fairtrial.contract.strategy import Plan, Space, Told
from fairtrial.errors import SpecError, UnknownName
from fairtrial.model.study import Direction


class Narrow:
    """Asks three points of one interval factor a batch, and halves the interval around the best of all it knows."""

    name = "narrow"
    asynchronous = False
    learns = True

    def open(self, space: Space, options: Mapping[str, Any]) -> OpenNarrow:
        """Start. Raises UnknownName for options other than `batches`, SpecError without an interval factor."""
        for option in options.keys() - {"batches"}:
            raise UnknownName("option of narrow", option, ["batches"])
        if not space.study.factors or space.study.factors[0].interval is None:
            raise SpecError("narrow needs an interval as its first factor", hint="x: {interval: [0, 1]}")
        return OpenNarrow(space, int(options.get("batches", 4)))


class OpenNarrow:
    """The strategy at work."""

    def __init__(self, space: Space, batches: int) -> None:
        factor = space.study.factors[0]
        assert factor.interval is not None
        self._space, self._batches, self._path = space, batches, factor.paths[0]
        self._ends = self._low, self._high = factor.interval.low, factor.interval.high
        metric = space.study.metrics[0]
        self._metric, self._sign = metric.name, -1.0 if metric.direction is Direction.MINIMIZE else 1.0
        self._seen: dict[float, list[float]] = {}
        self.asked: list[list[float]] = []

    def ask(self) -> Plan | None:
        """Ask for the ends and the middle of the interval, as far as they are new; None after the last batch."""
        if len(self.asked) == self._batches:
            return None
        middle = (self._low + self._high) / 2
        points = [point for point in (self._low, middle, self._high) if point not in self._seen]
        self.asked.append(points)
        variant = self._space.study.variants[0].name
        return self._space.fixed([self._space.condition(variant, {self._path: point}) for point in points])

    def tell(self, told: Sequence[Told]) -> None:
        """Halve the interval around the best mean; a batch of failures halves it around the middle."""
        for one in told:
            values = self._seen.setdefault(one.trial.condition.assignment[self._path], [])
            value = one.metrics.get(self._metric) if one.status == "done" else None
            values += [] if value is None else [self._sign * value]
        best = max((point for point in self._seen if self._seen[point]), key=self._mean, default=None)
        centre = (self._low + self._high) / 2 if best is None else best
        quarter = (self._high - self._low) / 4
        low, high = self._ends
        self._low, self._high = max(low, centre - quarter), min(high, centre + quarter)

    def _mean(self, point: float) -> float:
        return fmean(self._seen[point])
