"""What this gate makes of an unchanged system here: stored differences of the same thing against itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fairtrial.compare.cells import cells
from fairtrial.compare.change import Draft
from fairtrial.compare.gauge import gauges
from fairtrial.compare.sample import Sample
from fairtrial.model.comparison import FalseAlarms, Null
from fairtrial.model.finding import Interval
from fairtrial.stats.gate import band, fails, redrawn
from fairtrial.stats.interval import rate_interval
from fairtrial.stats.resample import generator

REPEATS = 1000
FEWEST = 5
"""Stored differences below which nothing is said."""


@dataclass(frozen=True, slots=True)
class Nulls:
    """The stored differences that fit a comparison: same machine, same system."""

    by_metric: Mapping[tuple[str, bool], tuple[float, ...]]
    """(metric, absolute) -> differences, + is worse; empty where all of them are exactly 0."""

    @classmethod
    def fitting(cls, stored: Iterable[Null], *, machine: str, system: str) -> Nulls:
        """Pick what was measured on that machine with that system."""
        found: dict[tuple[str, bool], tuple[float, ...]] = {}
        for null in stored:
            if (null.machine, null.system) == (machine, system) and any(null.differences):
                key = (null.metric, null.absolute)
                found[key] = found.get(key, ()) + tuple(null.differences)
        return cls(found)

    def of(self, metric: str, *, absolute: bool) -> tuple[float, ...]:
        """Return the differences of a metric; none where there are too few."""
        known = self.by_metric.get((metric, absolute), ())
        return known if len(known) >= FEWEST else ()

    def band(self, metric: str, rounds: int, *, absolute: bool) -> float:
        """Return how far the mean of so many rounds of an unchanged system goes; 0 where it is not known."""
        known = self.of(metric, absolute=absolute)
        return band(known, rounds, rng=generator(0, "band", metric)) if known and rounds else 0.0

    def false_alarms(self, drafts: Sequence[Draft], *, alpha: float) -> FalseAlarms | None:
        """Say how often the gate fails an unchanged system, by drawing rounds anew; None where too little is known."""
        judged = [(item.change, item.scale) for item in drafts if item.change.gating and item.scale is not None]
        known = [self.of(change.metric, absolute=not scale.log) for change, scale in judged]
        if not judged or not all(known):
            return None
        rounds = min(change.rounds for change, _ in judged)
        if rounds < 2:
            return None
        names = [repr((change.variant, dict(change.assignment))) for change, _ in judged]
        drawn = _drawn(list(zip(names, known, strict=True)), rounds)
        alarms = int(fails(drawn, [scale.margin for _, scale in judged], alpha=alpha).sum())
        ends = rate_interval(alarms, REPEATS)
        shares = [scale.back(self.band(change.metric, rounds, absolute=False)) for change, scale in judged if scale.log]
        return FalseAlarms(
            alarms=alarms,
            repeats=REPEATS,
            interval=Interval(*ends, 0.95, "Clopper-Pearson"),
            pairs=min(map(len, known)),
            band=max(shares, default=None),
        )


def _drawn(columns: Sequence[tuple[str, Sequence[float]]], rounds: int) -> Any:
    """Draw the rounds of every column: those of one condition together, each condition on its own."""
    rng = generator(0, "false alarms")
    conditions = list(dict.fromkeys(condition for condition, _ in columns))
    made: list[Any] = [None] * len(columns)
    for condition in conditions:
        places = [place for place, (name, _) in enumerate(columns) if name == condition]
        drawn = redrawn([columns[place][1] for place in places], rounds, repeats=REPEATS, rng=rng)
        for index, place in enumerate(places):
            made[place] = drawn[:, :, index]
    return np.stack(made, axis=2)


def differences(first: Sample, second: Sample) -> tuple[Null, ...]:
    """Return the differences of two interleaved runs of the same thing, metric by metric, + is worse.

    They stand condition after condition, round after round; a round without a value on either side is left out.
    """
    found: dict[tuple[str, bool], list[float]] = {}
    for cell in cells(first, second):
        for gauge in gauges(first.study, second.study):
            name = gauge.metric.name
            if name not in cell.baseline.metrics or name not in cell.current.metrics:
                continue
            before, after = cell.baseline.metrics[name], cell.current.metrics[name]
            both = np.isfinite(before) & np.isfinite(after)
            scale = gauge.scale(before[both], after[both])
            if scale is not None:
                gaps = (scale.of(after[both]) - scale.of(before[both])).tolist()
                found.setdefault((name, not scale.log), []).extend(gaps)
    machine, system, run = second.side.machine, second.system, second.side.run
    return tuple(Null(machine, system, name, absolute, tuple(gaps), run) for (name, absolute), gaps in found.items())
