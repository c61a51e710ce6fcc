"""Histories of studies: which runs count, what changed, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from fairtrial.compare.history import history
from fairtrial.compare.sample import Sample
from fairtrial.model.study import Direction, Metric
from fairtrial.stats.resample import generator

Make = Callable[..., Sample]
METRICS = (Metric("latency_s", Direction.MINIMIZE, "s"),)


def runs(make: Make, count: int, *, step: float, at: int) -> list[Sample]:
    """Make runs of two conditions, the first of which is `step` times as slow from run `at` on."""
    rng = generator(0, "history")
    made = []
    for run in range(1, count + 1):
        factors = (step if run >= at else 1.0, 2.0)
        values = [(factor * np.exp(rng.normal(0, 0.03, 3))).tolist() for factor in factors]
        made.append(make({"latency_s": values}, run=run, metrics=METRICS))
    return made


def test_a_change_is_dated_and_sized(make: Make) -> None:
    """It lies between two runs, with their times and the relative change."""
    found = history(runs(make, 24, step=1.2, at=13))
    assert found.series == 2
    (shift,) = found.shifts
    assert (shift.metric, shift.assignment) == ("latency_s", {"load": 0})
    assert (shift.before, shift.after) == ((12, 12.0), (13, 13.0))
    assert 0.15 < shift.change < 0.25
    assert shift.p_adjusted <= 0.05
    assert "advisory" in found.answer


def test_no_change_is_an_answer(make: Make) -> None:
    """Noise alone gives none."""
    found = history(runs(make, 24, step=1.0, at=13))
    assert found.shifts == ()
    assert found.answer.startswith("No change over 24 runs")


def test_short_histories_say_nothing(make: Make) -> None:
    """Below 20 runs a series is left alone."""
    found = history(runs(make, 19, step=3.0, at=10))
    assert (found.series, found.shifts) == (0, ())
    assert "needs 20" in found.answer


def test_runs_of_another_study_are_left_out(make: Make) -> None:
    """A changed base is no change of the system."""
    made = runs(make, 26, step=1.0, at=99)
    other = [replace(item, study=replace(item.study, base={"size": 1})) for item in made[:5]]
    found = history([*other, *made[5:]])
    assert found.left_out == (1, 2, 3, 4, 5)
    assert found.runs == tuple(range(6, 27))
