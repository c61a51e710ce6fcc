"""Trials in order of what they gained, and what they are called."""

from __future__ import annotations

import numpy as np

from fairtrial.model.study import ABSENT
from fairtrial.systems.signals.conclude.trials import column, done, leaders, shortened

NAN = float("nan")


def test_trials_without_a_result_are_left_out(run) -> None:
    """Failed ones have no metrics; what is undefined leads nothing."""
    made = run(
        {"signal.name": ["ads", "erd", "jad", "msd"]},
        {"expectancy_net_ticks": [1.0, NAN, NAN, 2.0]},
        status=["done", "failed", "done", "done"],
    )
    assert [trial.number for trial in done(made)] == [1, 3, 4]
    assert [trial.label for trial in leaders(made, "expectancy_net_ticks", 5)] == ["msd", "ads"]


def test_of_each_condition_the_first_replicate_stands(run) -> None:
    """Five lines of one condition would hide all others; the label says which replicate is shown."""
    made = run(
        {"signal.name": ["ads", "ads", "msd", "msd"]},
        {"expectancy_net_ticks": [1.0, 9.0, 2.0, 0.0]},
        replicate=[0, 1, 0, 1],
    )
    assert [trial.label for trial in leaders(made, "expectancy_net_ticks", 5)] == [
        "msd replicate 0",
        "ads replicate 0",
    ]


def test_labels_are_short_and_name_what_varies(run) -> None:
    """Known factors by a word of their own, others by their last; an absent one is not there."""
    made = run(
        {
            "signal.name": ["ads"],
            "evaluation.tp_ticks": [8.0],
            "evaluation.cooldown_bins": [30],
            "signal.parameters.zscore_window": [200],
            "data.grid.c1": [ABSENT],
        },
        {"tp_rate": [0.5]},
    )
    assert done(made)[0].label == "ads tp 8 cooldown 30 zscore_window=200"


def test_a_run_without_factors_has_one_condition(run) -> None:
    """It is called so, and a metric that nobody measured is missing everywhere."""
    made = run({}, {"tp_rate": [0.5]})
    assert done(made)[0].label == "the only condition"
    assert np.isnan(column(made, "expectancy_net_ticks")).all()


def test_long_labels_are_cut() -> None:
    """A legend has room for so many letters."""
    assert shortened(["a" * 60, "b"], most=10) == ["a" * 9 + "…", "b"]
