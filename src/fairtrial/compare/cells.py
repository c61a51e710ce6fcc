"""Two runs put side by side: condition by condition, round by round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fairtrial.compare.sample import Sample
from fairtrial.model.outcome import Status
from fairtrial.model.run import Label, Measurements
from fairtrial.model.study import ABSENT
from fairtrial.stats.summary import Floats


@dataclass(frozen=True, slots=True)
class Half:
    """One run's share of a condition; every array has one entry a round of the condition."""

    metrics: Mapping[str, Floats]
    """NaN where the round was not measured, failed, or left the metric undefined."""
    tried: Floats
    """1 where the round's trial is settled, else 0."""
    failures: tuple[str, ...]
    """Failure class, '' for none."""
    invalid: str = ""
    """Why its first INVALID round is so; '' where there is none."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A condition of two runs; a round is a replicate."""

    variant: str
    assignment: Mapping[str, Any]
    rounds: tuple[int, ...]
    baseline: Half
    current: Half


FIXED = ("grid", "random", "sobol", "lhs", "listed")
"""Designs that measure every condition equally often."""


def cells(baseline: Sample, current: Sample) -> list[Cell]:
    """Match two runs by variant, assignment and replicate; what only one of them has stays, without values.

    Conditions are in the order of the baseline, then of the current run; rounds ascend. Their rounds are those that
    both studies declare; where replication adapts, those that both runs tried.
    """
    before, after = _by_condition(baseline.measured), _by_condition(current.measured)
    declared = _declared(baseline, current)
    made = []
    for key in dict.fromkeys([*before, *after]):
        one, other = before.get(key, {}), after.get(key, {})
        rounds = tuple(range(declared)) if declared else tuple(sorted(one.keys() & other.keys() or one or other))
        measured, rows = (baseline.measured, one) if one else (current.measured, other)
        row = next(iter(rows.values()))
        made.append(
            Cell(
                variant=measured.variant[row],
                assignment=_assignment(measured, row),
                rounds=rounds,
                baseline=_half(baseline, rounds, one),
                current=_half(current, rounds, other),
            )
        )
    return made


def _declared(*samples: Sample) -> int:
    """Return the rounds that every condition should have; 0 where that is not fixed."""
    if any(sample.study.until or sample.study.design.kind not in FIXED for sample in samples):
        return 0
    return min(max(item.study.replicates, 1 + max(item.measured.replicate, default=0)) for item in samples)


def _by_condition(measured: Measurements) -> dict[tuple[str, ...], dict[int, int]]:
    """Return condition -> replicate -> row."""
    paths = sorted(measured.factors)
    columns = [measured.variant, *(measured.factors[path] for path in paths)]
    found: dict[tuple[str, ...], dict[int, int]] = {}
    for row, values in enumerate(zip(*columns, strict=True)):
        key = (values[0], *(f"{path}={value!r}" for path, value in zip(paths, values[1:], strict=True) if _set(value)))
        found.setdefault(key, {})[int(measured.replicate[row])] = row
    return found


def conditions(measured: Measurements) -> dict[tuple[str, ...], tuple[Label, dict[str, list[float]]]]:
    """Return condition -> its label and its values, metric by metric; NaN where a trial has none."""
    return {
        key: ((measured.variant[next(iter(rows.values()))], _assignment(measured, next(iter(rows.values())))), values)
        for key, rows in _by_condition(measured).items()
        for values in [_values(measured, list(rows.values()))]
    }


def _values(measured: Measurements, rows: list[int]) -> dict[str, list[float]]:
    done = [row for row in rows if str(measured.status[row]) == Status.DONE.value]
    return {name: [float(column[row]) for row in done] for name, column in measured.metrics.items()}


def _set(value: Any) -> bool:
    return value is not ABSENT


def _assignment(measured: Measurements, row: int) -> dict[str, Any]:
    return {path: column[row] for path, column in measured.factors.items() if _set(column[row])}


def _half(sample: Sample, rounds: tuple[int, ...], rows: Mapping[int, int]) -> Half:
    measured = sample.measured
    places = [rows.get(number, -1) for number in rounds]
    done = [place >= 0 and str(measured.status[place]) == Status.DONE.value for place in places]

    def column(values: Any) -> Floats:
        picked = [float(values[place]) if ok else np.nan for place, ok in zip(places, done, strict=True)]
        found = np.array(picked, dtype=np.float64)
        return np.where(np.isfinite(found), found, np.nan)

    return Half(
        metrics={name: column(values) for name, values in measured.metrics.items()},
        tried=np.array([float(place >= 0) for place in places]),
        failures=tuple(_failure(measured, place) for place in places),
        invalid=next(filter(None, (sample.invalid.get(int(measured.number[at]), "") for at in places if at >= 0)), ""),
    )


def _failure(measured: Measurements, place: int) -> str:
    if place < 0 or str(measured.status[place]) == Status.DONE.value:
        return ""
    return str(measured.failure[place]) or str(measured.status[place])
