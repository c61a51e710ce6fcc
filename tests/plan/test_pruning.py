"""Designs that stop trials early by their series."""

from __future__ import annotations

import optuna
import pytest

from fairtrial.contract.strategy import Watches
from fairtrial.errors import SpecError
from fairtrial.model.study import Design, Direction, Metric
from fairtrial.plan.pruning import Asha, AshaRule, Median, MedianRule
from fairtrial.plan.space import open_space

LOSS = (Metric("loss", Direction.MINIMIZE), Metric("accuracy", Direction.MAXIMIZE))


def opened(small, strategy, **options):
    declared = small.study({"a": list(range(9))}, metrics=LOSS, design=Design(strategy.name))
    return strategy.open(open_space(declared, small.Base(), identity=small.IDENTITY), options)


def test_the_median_rule_stops_the_worse_half(small):
    """Trials that report after `startup` others are compared with their median at the same step, from min_steps on."""
    design = opened(small, Median(), startup=3, min_steps=2)
    assert isinstance(design, Watches)
    trials = small.trials(design.ask())
    assert [design.judge(trial, 1, {"loss": float(k)}) for k, trial in enumerate(trials)] == [False] * 9
    stopped = [design.judge(trial, 2, {"loss": float(k)}) for k, trial in enumerate(trials)]
    assert stopped == [False] * 3 + [True] * 6


def test_the_best_so_far_counts(small):
    """A trial that was good once is not stopped for one bad step."""
    rule = MedianRule(maximise=False, startup=1, min_steps=0)
    for step, value in enumerate((5.0, 5.0)):
        assert not rule.stops(b"a", step, value)
    assert not rule.stops(b"b", 0, 1.0)
    assert not rule.stops(b"b", 1, 9.0)
    assert rule.stops(b"c", 1, 9.0)


def test_the_median_rule_is_that_of_optuna():
    """Where trials come one after another, both stop the same ones."""
    ours = MedianRule(maximise=True, startup=4, min_steps=1)
    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.MedianPruner(4, 0))
    rng = __import__("random").Random(4)
    for number in range(30):
        trial = study.ask()
        series = [rng.random() + number % 3 for _ in range(5)]
        seen = []
        for step, value in enumerate(series, 1):
            trial.report(value, step)
            seen.append((ours.stops(bytes([number]), step, value), trial.should_prune()))
        assert all(one == other for one, other in seen)
        study.tell(trial, series[-1])


def test_asha_lets_the_best_of_each_rung_go_on(small):
    """Of those that reached a rung, one in `reduction`; between rungs nothing is judged."""
    design = opened(small, Asha(), metric="accuracy", reduction=3, min_steps=2)
    trials = small.trials(design.ask())
    assert not any(design.judge(trial, 1, {"accuracy": 0.0}) for trial in trials)
    stopped = [design.judge(trial, 2, {"accuracy": float(k)}) for k, trial in enumerate(trials)]
    assert stopped == [False] * 9  # each is the best so far
    again = opened(small, Asha(), metric="accuracy", reduction=3, min_steps=2)
    stopped = [again.judge(trial, 2, {"accuracy": -float(k)}) for k, trial in enumerate(trials)]
    assert stopped == [False, *[True] * 8]
    assert not again.judge(trials[8], 3, {"accuracy": -100.0})


def test_asha_judges_once_at_each_rung():
    """A trial that is started again is not counted twice, and one that skips a rung is judged at the next."""
    rule = AshaRule(maximise=True, reduction=2, min_steps=1)
    assert not rule.stops(b"a", 1, 5.0)
    assert rule.stops(b"b", 1, 4.0)
    assert not rule.stops(b"b", 1, 4.0)
    assert not rule.stops(b"c", 4, 1.0)
    assert rule.stops(b"d", 5, 0.5)


def test_a_step_without_the_metric_says_nothing(small):
    """Undefined values and other metrics stop nobody."""
    design = opened(small, Median(), startup=1)
    trials = small.trials(design.ask())
    assert not any(design.judge(trial, 1, {"loss": None, "accuracy": 0.0}) for trial in trials)


def test_they_ask_for_the_plan_of_the_design_below(small):
    """Once, with a note on what a resume may change."""
    design = opened(small, Asha())
    plan = design.ask()
    assert plan.count().trials == 9
    assert "a run that was interrupted may stop others" in plan.count().note
    design.tell([])
    assert design.ask() is None


@pytest.mark.parametrize(
    ("strategy", "options", "says"),
    [
        (Asha(), {"reduction": 1}, "reduction is a whole number from 2 on"),
        (Asha(), {"startup": 3}, "design asha has no option 'startup'"),
        (Median(), {"startup": 0}, "startup is a whole number from 1 on"),
        (Median(), {"base": "asha"}, "needs a fixed design below it"),
    ],
)
def test_mistakes_are_named(small, strategy, options, says):
    """What is wrong, in one line."""
    with pytest.raises(SpecError, match=says):
        opened(small, strategy, **options)
