"""Optuna as a sampler: told means at batch barriers, asked for new and allowed points only, resumed by replay."""

from __future__ import annotations

import importlib.util
from collections import Counter

import pytest

from fairtrial.contract.strategy import Told, Watches
from fairtrial.errors import MissingPart, SpecError
from fairtrial.model.study import Design, Direction, Interval, Metric
from fairtrial.plan.search import Optuna
from fairtrial.plan.space import open_space

METRICS = (Metric("score", Direction.MAXIMIZE), Metric("cost", Direction.MINIMIZE), Metric("size"))
FACTORS = {"b": Interval(-2.0, 2.0), "a": Interval(1, 64, log=True, integer=True), "load.rate": [0.5, 1.0, 2.0, 4.0]}


def opened(small, options=None, *, n=12, factors=None, metrics=METRICS, **words):
    declared = small.study(
        FACTORS if factors is None else factors, metrics=metrics, design=Design("optuna", n), **words
    )
    return Optuna().open(open_space(declared, small.Base(), identity=small.IDENTITY), options or {})


def measure(trial):
    """Peak at b = 1; the seed adds a little noise."""
    values = trial.condition.parameters
    score = -((values["b"] - 1) ** 2) + (trial.seed % 97) / 1e4
    return Told(trial, "done", {"score": score, "cost": values["load"]["rate"]})


def walked(small, search, tell=measure):
    """Walk a search; return its trials, batch by batch."""
    batches = []
    while (plan := search.ask()) is not None:
        batches.append(small.trials(plan))
        search.tell([tell(trial) for trial in batches[-1]])
        assert len(batches) < 1000
    return batches


def points(batches):
    return [
        tuple(sorted(trial.condition.assignment.items())) for batch in batches for trial in batch if not trial.replicate
    ]


def test_factors_keep_their_kind(small):
    """Ranges, whole numbers on a logarithmic scale, and levels."""
    batches = walked(small, opened(small, n=30))
    made = [dict(point) for point in points(batches)]
    assert len(made) == 30
    assert all(-2 <= one["b"] <= 2 and isinstance(one["a"], int) and 1 <= one["a"] <= 64 for one in made)
    assert {one["load.rate"] for one in made} <= {0.5, 1.0, 2.0, 4.0}


@pytest.mark.parametrize(
    "options", [{}, {"sampler": "cmaes"}, {"sampler": "nsgaii", "metric": "score", "population": 8}]
)
def test_it_learns(small, options):
    """The last third of the search lies nearer to the peak than the first."""
    made = [dict(point)["b"] for point in points(walked(small, opened(small, options, n=120)))]
    miss = [abs(value - 1) for value in made]
    assert sum(miss[-40:]) < 0.7 * sum(miss[:40])


@pytest.mark.parametrize("options", [{"batch": 4}, {"sampler": "cmaes", "batch": 4}, {"sampler": "nsgaii", "batch": 6}])
def test_what_is_told_decides_what_is_asked(small, options):
    """The same answers give the same asks, whoever measured them; other answers give others."""
    first, again = (
        points(walked(small, opened(small, options, n=40))),
        points(walked(small, opened(small, options, n=40))),
    )
    assert first == again
    assert points(walked(small, opened(small, options, n=60)))[:40] == first

    def turned(trial):
        told = measure(trial)
        return Told(trial, "done", {"score": -told.metrics["score"], "cost": -told.metrics["cost"]})

    assert points(walked(small, opened(small, options, n=40), turned)) != first


def test_another_seed_is_another_search(small):
    """Of the study, from which those of the batches are derived."""
    first = points(walked(small, opened(small, seed=0)))
    assert not set(first) & set(points(walked(small, opened(small, seed=1))))


def test_a_batch_repeats_no_point(small):
    """Asked for together, also where levels leave few points, and at the end where hardly any is left."""
    factors = {"a": [1, 2, 3], "c": ["x", "y"], "d": [True, False]}
    batches = walked(
        small, opened(small, {"batch": 5}, n=12, factors=factors), lambda trial: Told(trial, "done", {"score": 1.0})
    )
    found = points(batches)
    assert len(found) == len(set(found)) == 12


def test_more_than_there_is_ends_with_what_there_is(small):
    """A search of a small space ends when every point was measured."""
    batches = walked(
        small,
        opened(small, n=50, factors={"a": [1, 2, 3], "d": [True, False]}),
        lambda trial: Told(trial, "done", {"score": 1.0}),
    )
    assert len(points(batches)) == 6


def test_excluded_points_are_asked_for_again(small):
    """Rules hold, and cost none of the n."""
    batches = walked(small, opened(small, n=15, exclude=["b < 0 or a > 32"]))
    assert len(points(batches)) == 15
    assert all(dict(point)["b"] >= 0 and dict(point)["a"] <= 32 for point in points(batches))


def test_conditional_factors_are_chosen_where_they_exist(small):
    """A factor with `when` has a value exactly there, and arms have factors of their own."""
    factors = [small.factor("c", ["x", "y"]), small.factor("b", Interval(0.0, 1.0), when="c == 'y'")]
    variants = (small.arm("p"), small.arm("q", factors={"a": [1, 2, 3, 4]}))
    batches = walked(small, opened(small, n=24, factors=factors, variants=variants))
    conditions = [trial.condition for batch in batches for trial in batch]
    assert Counter(condition.variant for condition in conditions).keys() == {"p", "q"}
    for condition in conditions:
        made = condition.assignment
        assert ("b" in made) == (made["c"] == "y")
        assert ("a" in made) == (condition.variant == "q")


def test_included_conditions_come_first(small):
    """Beside the n that the search chooses."""
    batches = walked(small, opened(small, n=5, include=[("", {"b": 0.25, "a": 7, "load.rate": 1.0})]))
    assert points(batches[:1]) == [(("a", 7), ("b", 0.25), ("load.rate", 1.0))]
    assert len(points(batches)) == 6


def test_replicates_are_told_as_means(small, monkeypatch):
    """A condition is one value to the sampler; one that failed has none, and one that was stopped says so."""
    heard = []
    search = opened(small, n=4, replicates=3)
    monkeypatch.setattr(search._study, "tell", lambda trial, values=None, state=None: heard.append((values, state)))
    states = iter([["done"] * 3, ["done", "failed", "done"], ["done", "pruned", "done"], ["done"] * 3])
    values = iter([[1.0, 2.0, 6.0], [9.0, None, 9.0], [9.0, 9.0, 9.0], [1.0, None, 1.0]])
    while (plan := search.ask()) is not None:
        rows = zip(small.trials(plan), next(states), next(values), strict=True)
        search.tell([Told(trial, state, {"score": value}) for trial, state, value in rows])
    assert [values for values, _ in heard] == [[3.0], None, None, None]
    assert [getattr(state, "name", None) for _, state in heard] == [None, "FAIL", "PRUNED", "FAIL"]


def test_completeness_says_how_many_replicates_must_have_a_value(small, monkeypatch):
    """Below the share that the study declares there is no mean: survivors would flatter."""
    heard = []
    search = opened(small, n=2, replicates=4, completeness=0.75)
    monkeypatch.setattr(search._study, "tell", lambda trial, values=None, state=None: heard.append(values))
    for failed in (1, 2):
        trials = small.trials(search.ask())
        search.tell(
            [Told(t, "failed", {}) if t.replicate < failed else Told(t, "done", {"score": 2.0}) for t in trials]
        )
    assert heard == [[2.0], None]


def test_several_objectives(small):
    """NSGA-II takes every metric with a direction, or those that are named."""
    search = opened(small, {"sampler": "nsgaii", "population": 4})
    assert [direction.name for direction in search._study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert len(opened(small, {"sampler": "tpe", "metrics": ["cost", "score"]})._study.directions) == 2
    assert len(opened(small, {"sampler": "nsgaii", "metric": "cost"})._study.directions) == 1
    walked(small, search)


def test_a_pruner_watches(small):
    """A search without one does not slow its trials down by asking at each step."""
    assert not isinstance(opened(small), Watches)
    watched = opened(small, {"pruner": {"kind": "asha", "reduction": 2}})
    assert isinstance(watched, Watches)
    trial = small.trials(watched.ask())[0]
    assert not watched.judge(trial, 1, {"score": 1.0})
    assert isinstance(opened(small, {"pruner": "median"}), Watches)


@pytest.mark.parametrize(
    ("options", "words", "says"),
    [
        ({}, {"n": None}, "design optuna needs n, the number of conditions"),
        ({"sampler": "tpee"}, {}, "unknown sampler 'tpee' .did you mean 'tpe'"),
        ({"samplr": "tpe"}, {}, "no option 'samplr' .did you mean 'sampler'"),
        ({"sampler": "random", "startup": 3}, {}, "sampler random has no startup"),
        ({"population": 3}, {}, "sampler tpe has no population"),
        ({"batch": 0}, {}, "batch is a whole number from 1 on"),
        ({"sampler": "cmaes", "metrics": ["score", "cost"]}, {}, "sampler cmaes takes one metric"),
        ({"metrics": ["size"]}, {}, "no metric 'size' with a direction"),
        ({"metrics": []}, {}, "metrics is a list of names"),
        ({"pruner": "mdian"}, {}, "unknown pruner 'mdian' .did you mean 'median'"),
        ({"pruner": {"kind": "asha", "startup": 3}}, {}, "optuna: pruner asha has no option 'startup'"),
        ({"pruner": "asha", "metrics": ["score", "cost"]}, {}, "this search has several"),
        ({}, {"metrics": (Metric("size"),)}, "design optuna needs a metric with a direction"),
    ],
)
def test_mistakes_are_named(small, options, words, says):
    """What is wrong and the nearest valid thing."""
    with pytest.raises(SpecError, match=says):
        opened(small, options, **words)


def test_what_the_system_always_refuses_is_said(small):
    """Where no point is ever accepted, its words are the error; one that is refused now and then is passed over."""
    with pytest.raises(SpecError, match="refuses the parameters"):
        opened(small, factors={"a": ["no", "number"], "b": Interval(0.0, 1.0)}).ask()


@pytest.mark.parametrize(
    ("sampler", "missing", "hint"),
    [
        ("tpe", "optuna", "pip install 'fairtrial.optuna.'"),
        ("cmaes", "cmaes", "pip install 'fairtrial.optuna.'"),
        ("gp", "torch", "pip install torch"),
    ],
)
def test_what_is_not_installed_is_named(small, monkeypatch, sampler, missing, hint):
    """With the command that brings it."""
    known = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else known(name))
    with pytest.raises(MissingPart, match=f"sampler {sampler} needs {missing} .{hint}"):
        opened(small, {"sampler": sampler})
