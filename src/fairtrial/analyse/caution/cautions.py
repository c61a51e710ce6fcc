"""Cautions: every reason to doubt what a run seems to say, each with advice."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from fairtrial.analyse.caution.machine import machine, residuals, timeline
from fairtrial.analyse.caution.missing import missing
from fairtrial.analyse.crossed import box, changed_nothing, twins
from fairtrial.analyse.data import Data
from fairtrial.model.finding import Caution, CautionKind
from fairtrial.model.run import AttemptRow
from fairtrial.model.study import Direction, Metric, Study, unit_of
from fairtrial.model.words import count, level, number, quantity
from fairtrial.stats.difference import one_sided, paired
from fairtrial.stats.summary import Summary, summarise

FEWEST, HEAVY = 20, 8.0
"""Heavy tails: residuals needed, and the largest over the typical one (a normal sample of a million stays below 6)."""
FLOOR = 5.0
"""Times the harness's own floor below which more than a fifth of a measurement is the harness."""
MANY = 10
"""Conditions from which the best mean of pure noise lies 1.5 standard errors above the truth."""
ALPHA = 0.05
"""Chance of a false caution that the best lies at the edge, shared among factors."""


def cautions(
    found: Data,
    study: Study,
    attempts: Sequence[AttemptRow],
    *,
    planned: int | None,
    floor: Mapping[str, float] | None = None,
) -> tuple[Caution, ...]:
    """List the reasons to doubt a run: what is missing, the machine, the values, the design.

    `attempts` are those of the run (sentinels too), `planned` its planned trials where they are counted, `floor` what
    the harness itself measures of a metric. Metrics with a direction are looked at, all of them where none has one.
    Each kind that rests on a test is raised without cause in at most 5 % of runs. Raises nothing.
    """
    metrics = _metrics(found, study)
    line = timeline(found, attempts)
    return (
        *missing(found, study, metrics, planned),
        *machine(found, study, metrics, line),
        *_values(found, study, metrics, floor or {}),
        *_design(found, study),
        *_choice(found, study),
    )


def _metrics(found: Data, study: Study) -> list[str]:
    directed = [one.name for one in study.metrics if one.direction is not Direction.NONE and one.name in found.metrics]
    return directed or sorted(found.metrics)


def _values(found: Data, study: Study, metrics: Sequence[str], floor: Mapping[str, float]) -> Iterator[Caution]:
    for metric in metrics:
        values = found.metric(metric)
        numbers = values[np.isfinite(values)]
        if len(numbers) > 1 and (numbers == numbers[0]).all():
            text = f"All {len(numbers):,} values of {metric} are {number(numbers[0])}."
            yield Caution(
                CautionKind.DEGENERATE, text, "Check that the system measures it; drop it where it is constant."
            )
            continue
        yield from _tails(found, metric)
        if metric in floor:
            yield from _near(found, study, metric, floor[metric])


def _tails(found: Data, metric: str) -> Iterator[Caution]:
    """Doubt a value far from its condition's mean, by what is typical of all and by the others of its condition."""
    left = residuals(found, metric)
    rows = np.flatnonzero(np.isfinite(left))
    typical = 1.4826 * float(np.median(np.abs(left[rows]))) if len(rows) >= FEWEST else 0.0
    if not typical:
        return
    worst = int(rows[np.abs(left[rows]).argmax()])
    others = left[rows][(found.condition[rows] == found.condition[worst]) & (rows != worst)]
    beside = float(others.std(ddof=1)) if len(others) > 1 else 0.0
    times = abs(float(left[worst])) / max(typical, beside)
    if times > HEAVY:
        number_ = found.measured.number[worst]
        text = f"One value of {metric} lies {number(times, 2)} typical deviations from its condition's mean."
        advice = f"Look at it with fairtrial show {found.measured.run}.{number_}; report medians, or replicate more."
        yield Caution(CautionKind.HEAVY_TAILS, text, advice)


def _near(found: Data, study: Study, metric: str, floor: float) -> Iterator[Caution]:
    """Compare the conditions with what the harness alone measures; the null arm itself is not counted."""
    means = summarise(found.metric(metric), found.condition, int(found.condition.max()) + 1).mean
    means = means[np.isfinite(means) & (np.abs(means - floor) > 1e-9 * abs(floor))]
    grows = next((one.direction for one in study.metrics if one.name == metric), Direction.NONE) is Direction.MAXIMIZE
    near = int(((means > floor / FLOOR) if grows else (means < FLOOR * floor)).sum())
    if near and floor > 0:
        limit = quantity(floor, unit_of(study.metrics, metric))
        text = f"{metric} of {count(near, 'condition')} lies within {FLOOR:g} times the harness's own {limit}."
        yield Caution(CautionKind.NEAR_FLOOR, text, "Measure more work in each trial, or read these as bounds.")


def _design(found: Data, study: Study) -> Iterator[Caution]:
    together = twins(found.factors)
    for name, column in found.factors.items():
        if len(column.levels) > 1 and changed_nothing(found, name):
            text = f"{name} changed no measurement: equal seeds gave equal values at all its levels."
            yield Caution(CautionKind.INERT_FACTOR, text, f"Check that the system reads {name}, or drop it.")
    for name, twin in together.items():
        text = f"{name} and {twin} move together, so their effects cannot be told apart."
        yield Caution(CautionKind.UNBALANCED, text, f"Vary {name} on its own.")
    trials = np.bincount(found.condition)
    if study.until is None and trials.min() != trials.max():
        text = f"Conditions have between {trials.min():,} and {trials.max():,} trials."
        yield Caution(CautionKind.UNBALANCED, text, "fairtrial run continues the run until all have as many.")
    for claim in study.expect:
        levels = found.factors[claim.factor].x if claim.near is not None and claim.factor in found.factors else ()
        if claim.near is not None and levels and not min(levels) <= claim.near <= max(levels):
            text = (
                f"{claim.text} names a place outside the levels tested, {level(min(levels))} to {level(max(levels))}."
            )
            yield Caution(CautionKind.EXTRAPOLATION, text, f"Add levels of {claim.factor} around {level(claim.near)}.")


def _choice(found: Data, study: Study) -> Iterator[Caution]:
    """Doubt the best of many, and a best that lies at the end of what was tried."""
    metric = next((one for one in study.metrics if one.direction is not Direction.NONE), None)
    if metric is None or metric.name not in found.metrics:
        return
    seen = summarise(found.metric(metric.name), found.condition, int(found.condition.max()) + 1)
    conditions = int((seen.n > 0).sum())
    if conditions >= MANY:
        curse = _curse(seen, conditions)
        too_good = "" if curse is None else f"; among equal ones it would look {quantity(curse, metric.unit)} too good"
        text = f"The best of {conditions:,} conditions in {metric.name} is chosen by the values that rank it{too_good}."
        advice = f"Measure the best again on fresh seeds: fairtrial confirm {found.measured.run}."
        yield Caution(CautionKind.SELECTION, text, advice)
    yield from _edges(found, metric)


def _curse(seen: Summary, conditions: int) -> float | None:
    """Return by how much the largest of so many equal means lies above them on average; None without replicates.

    Source: Blom (1958), Statistical Estimates and Transformed Beta-Variables (expected normal order statistics).
    """
    from statistics import NormalDist

    several = seen.n > 1
    if not several.any():
        return None
    variance = float((seen.sd[several] ** 2 / seen.n[several]).mean())
    return NormalDist().inv_cdf((conditions - 0.375) / (conditions + 0.25)) * math.sqrt(variance)


def _edges(found: Data, metric: Metric) -> Iterator[Caution]:
    ordered = [name for name, column in found.factors.items() if column.ordered and len(column.levels) > 2]
    sign = -1.0 if metric.direction is Direction.MINIMIZE else 1.0
    for name in ordered:
        part = box(found, found.metric(metric.name), (name,))
        table = np.empty((0, 0)) if part is None else sign * part.complete.mean(axis=-2)
        if part is None or table.shape[0] < 3 or table.shape[1] < 2:
            continue
        best = int(table.mean(axis=1).argmax())
        inner = {0: 1, len(table) - 1: len(table) - 2}.get(best)
        gain = None if inner is None else paired((table[best] - table[inner]).tolist())
        if gain is not None and one_sided(gain) * 2 * len(ordered) <= ALPHA:
            last = found.factors[name].levels[int(part.levels[0][best])]
            text = f"{metric.name} is still getting better at {name} = {level(last)}, the last level tried."
            yield Caution(CautionKind.EDGE, text, f"Add levels of {name} beyond it; the same run is amended.")
