"""The design that searches the edge of the service levels along one factor."""

from __future__ import annotations

import pytest

from fairtrial.contract.strategy import Told
from fairtrial.errors import SpecError
from fairtrial.model.claim import Clause
from fairtrial.model.rule import parse
from fairtrial.model.study import Design, Direction, Interval, Metric
from fairtrial.plan.edge import Edge
from fairtrial.plan.space import open_space

METRICS = (Metric("rate", Direction.MAXIMIZE), Metric("late", Direction.MINIMIZE))
SLO = (Clause("late", "max", 10.0),)
LISTED = {"a": [1, 2, 4, 8, 16, 32, 64]}


def opened(small, factors=LISTED, *, options=None, only=None, n=None, **words):
    words = {"metrics": METRICS, "slo": SLO, "replicates": 3, "design": Design("edge", n=n), **words}
    space = open_space(small.study(factors, **words), small.Base(), identity=small.IDENTITY, only=only)
    return Edge().open(space, options or {})


def walked(small, late, factors=LISTED, *, rate=lambda given: 1.0, **words):
    """Walk the design where `late(assignment)` is measured: (variant, level) in the order in which they are tested."""
    at_work, tested = opened(small, factors, **words), []
    while (plan := at_work.ask()) is not None:
        trials = small.trials(plan)
        assert trials
        for trial in trials:
            key = (trial.condition.variant, next(iter(trial.condition.assignment.values())))
            tested += [key] if key not in tested else []
        at_work.tell([_told(trial, late, rate) for trial in trials])
        assert len(tested) < 60
    return tested


def _told(trial, late, rate):
    made = late(trial.condition.assignment)
    if made is None:
        return Told(trial, "failed", {})
    wobble = 1 + (trial.replicate - 1) / 1000
    return Told(trial, "done", {"late": made * wobble, "rate": rate(trial.condition.assignment) * wobble})


def levels(tested):
    return [level for _, level in tested]


def test_listed_levels(small):
    """Up over twice as many levels each time, then the middle of the bracket; every level with all replicates."""
    assert levels(walked(small, lambda given: given["a"])) == [1, 2, 8, 64, 16]
    first = opened(small).ask()
    assert first.count().trials == 3
    assert sorted(trial.replicate for trial in small.trials(first)) == [0, 1, 2]


@pytest.mark.parametrize("log", [True, False])
def test_a_range(small, log):
    """From its lowest end to within 5 %: the edge lies between the two last ends."""
    tested = levels(walked(small, lambda given: given["b"], {"b": Interval(1, 64, log=log)}))
    assert tested[:5] == [1, 2, 4, 8, 16]
    assert all(8 < level < 16 for level in tested[5:])
    safe, unsafe = max(level for level in tested if level < 9.9), min(level for level in tested if level > 9.9)
    assert unsafe <= 1.0501 * safe
    whole = levels(walked(small, lambda given: given["a"], {"a": Interval(1, 64, integer=True)}))
    assert whole == [1, 2, 4, 8, 16, 12, 10, 9]


def test_what_failed_is_not_safe(small):
    """A level of which one trial has no value is as one that breaks its limit."""
    tested = levels(walked(small, lambda given: None if given["a"] >= 8 else 1.0))
    assert tested == [1, 2, 8, 4]


def test_the_lowest_may_be_too_high_and_the_highest_safe(small):
    """Then there is nothing to halve."""
    assert levels(walked(small, lambda given: 99.0)) == [1]
    assert levels(walked(small, lambda given: 1.0)) == [1, 2, 8, 64]


def test_at_most_so_many_levels(small):
    """`n` is the most levels of a variant."""
    assert levels(walked(small, lambda given: given["a"], n=2)) == [1, 2]


def test_other_factors_are_crossed_with_every_level(small):
    """A level is safe where the mean over their settings is; the factor to search is then named."""
    factors = {"a": LISTED["a"], "b": [0.5, 1.5]}
    at_work = opened(small, factors, options={"factor": "a"})
    found = {
        (trial.condition.assignment["a"], trial.condition.assignment["b"]) for trial in small.trials(at_work.ask())
    }
    assert found == {(1, 0.5), (1, 1.5)}
    tested = walked(small, lambda given: given["a"] * given["b"], factors, options={"factor": "a"})
    assert levels(tested) == [1, 2, 8, 64, 16]


def test_each_variant_has_a_search_of_its_own(small):
    """Side by side, until the last one has ended."""
    variants = (small.arm("slow", {"d": True}), small.arm("fast"))
    limit = {"slow": 4.0, "fast": 0.5}
    at_work, tested = opened(small, variants=variants), {"slow": [], "fast": []}
    while (plan := at_work.ask()) is not None:
        made = small.trials(plan)
        for trial in made:
            if trial.replicate == 0:
                tested[trial.condition.variant].append(trial.condition.assignment["a"])
        at_work.tell(
            [
                _told(one, lambda given, one=one: given["a"] * limit[one.condition.variant], lambda given: 1.0)
                for one in made
            ]
        )
    assert tested == {"slow": [1, 2, 8, 4], "fast": [1, 2, 8, 64, 16, 32]}


def test_saturation_ends_the_way_up(small):
    """Where the first metric that is maximised grows by less than 5 % over two steps; service levels need not be."""

    def plateau(given):
        return min(given["a"], 8)

    words = {"rate": plateau, "options": {"until": "saturation"}}
    factors = {"a": Interval(1, 256, integer=True)}
    assert levels(walked(small, lambda given: 1.0, factors, **words)) == [1, 2, 4, 8, 16, 32]
    alone = walked(small, lambda given: 99.0, factors, slo=(), **words)
    assert levels(alone) == [1, 2, 4, 8, 16, 32]
    growing = walked(small, lambda given: 1.0, rate=lambda given: given["a"], options={"until": "saturation"})
    assert levels(growing) == [1, 2, 8, 64]


def test_rules_hold_for_every_level(small):
    """A level that a rule takes out counts as one that is not shown to be safe; included conditions come first."""
    tested = levels(walked(small, lambda given: 1.0, exclude=["a == 8"]))
    assert tested == [1, 2, 4]
    at_work = opened(small, include=[("", {"a": 64})])
    assert {trial.condition.assignment["a"] for trial in small.trials(at_work.ask())} == {1, 64}
    narrowed = opened(small, only=parse("a < 3"))
    assert [trial.condition.assignment["a"] for trial in small.trials(narrowed.ask())] == [1, 1, 1]


def test_a_plan_says_how_it_goes_on(small):
    """Nobody knows which levels it will be."""
    note = opened(small, {"b": Interval(1, 64)}, n=9, options={"until": "saturation"}).ask().count().note
    assert "levels of b from the lowest up, then halves of the bracket until its ends are within 5 %" in note
    assert "none higher once rate grows by less than 5 % over two steps" in note
    assert "9 levels a variant at most; each with 3 replicates, and each test at 0.833 %" in note


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"slo": ()}, "design edge needs service levels"),
        ({"replicates": 1}, "one replicate shows nothing of an edge"),
        ({"factors": {"c": ["x", "y"]}}, "no factor has several levels that are numbers"),
        ({"factors": {"a": [1, 2], "b": [1.0, 2.0]}}, "several factors have an order"),
        ({"options": {"factor": "c"}}, "'c' is no factor whose levels are numbers"),
        ({"factors": {"a": Interval(1, 64)}}, "(a: {integers: [1, 64]})"),
        (
            {"factors": {"a": [1, 2], "b": Interval(0, 1)}, "options": {"factor": "a"}},
            "every other factor needs levels",
        ),
        ({"options": {"resolution": "wide"}}, "resolution lies between 0 and 1, which 'wide' does not"),
        ({"options": {"resolution": 0}}, "resolution lies between 0 and 1"),
        ({"options": {"until": "knee"}}, "until is edge or saturation, not 'knee'"),
        ({"options": {"metric": "rate"}}, "metric says what stops growing"),
        ({"options": {"until": "saturation", "metric": "rte"}}, "did you mean 'rate'?"),
        ({"options": {"until": "saturation"}, "metrics": METRICS[1:]}, "needs a metric that is maximised"),
        ({"options": {"steps": 3}}, "design edge has no option 'steps'"),
    ],
)
def test_what_shows_no_edge_is_refused(small, words, said):
    """Before anything runs."""
    words = {"factors": LISTED, **words}
    with pytest.raises(SpecError) as caught:
        opened(small, words.pop("factors"), **words)
    assert said in str(caught.value)


@pytest.mark.parametrize("said", ["10%", 0.1])
def test_the_resolution_may_be_said_either_way(small, said):
    """As a percentage or as a share; a coarser one ends sooner."""
    factors = {"b": Interval(1, 64, log=True)}
    fine = walked(small, lambda given: given["b"], factors)
    coarse = walked(small, lambda given: given["b"], factors, options={"resolution": said})
    assert len(coarse) < len(fine)
