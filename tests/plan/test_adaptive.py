"""Designs whose replication adapts: until an interval is narrow, and races."""

from __future__ import annotations

from collections import Counter

import pytest

from fairtrial.contract.strategy import Told
from fairtrial.errors import SpecError
from fairtrial.model.claim import Margin
from fairtrial.model.claim import Until as Rule
from fairtrial.model.study import Design, Direction, Metric
from fairtrial.plan.grid import Grid
from fairtrial.plan.pruning import Median
from fairtrial.plan.race import Race
from fairtrial.plan.space import open_space
from fairtrial.plan.until import Until

SCORE = (Metric("score", Direction.MAXIMIZE),)


def opened(small, strategy, *, options=None, only=None, **words):
    declared = small.study(words.pop("factors", {"a": [1, 2, 3]}), metrics=SCORE, **words)
    space = open_space(declared, small.Base(), identity=small.IDENTITY, only=only)
    return strategy.open(space, options or {})


def walked(small, strategy, value, **words):
    """Walk a strategy whose trials measure `value(a, replicate)`; return the batches as (a, replicate)."""
    at_work, batches = opened(small, strategy, **words), []
    while (plan := at_work.ask()) is not None:
        trials = small.trials(plan)
        batches.append([(trial.condition.assignment["a"], trial.replicate) for trial in trials])
        at_work.tell([told(trial, value) for trial in trials])
        assert len(batches) < 100
    return batches


def told(trial, value):
    made = value(trial.condition.assignment["a"], trial.replicate)
    return Told(trial, "failed" if made is None else "done", {} if made is None else {"score": made})


def noisy(spread):
    """Replicates that alternate around 10, by the spread of their condition."""
    return lambda a, k: 10 + (-1) ** k * spread[a]


def until(least=3, most=12, width=0.5, relative=False):
    return {"replicates": most, "until": Rule(least, most, "score", Margin(width, relative))}


def test_only_what_is_wide_is_repeated(small):
    """All get the least; then each that is too wide gets more, replicate by replicate, up to the most."""
    batches = walked(small, Until(Grid()), noisy({1: 0.001, 2: 0.2, 3: 5.0}), **until())
    assert batches[0] == [(a, k) for k in range(3) for a in (1, 2, 3)]
    asked = Counter(a for batch in batches for a, _ in batch)
    assert asked[1] == 3
    assert 3 < asked[2] < 12
    assert asked[3] == 12
    assert sorted(k for batch in batches for a, k in batch if a == 3) == list(range(12))
    assert all([k for _, k in batch] == sorted(k for _, k in batch) for batch in batches)


def test_a_share_is_of_the_mean(small):
    """5 % of 10 is wide enough for one, and 5 % of a mean near 0 for none."""
    spread = {1: 0.1, 2: 0.1, 3: 0.1}
    batches = walked(
        small,
        Until(Grid()),
        lambda a, k: noisy(spread)(a, k) - (10 if a == 3 else 0),
        **until(width=0.05, relative=True),
    )
    asked = Counter(a for batch in batches for a, _ in batch)
    assert asked[1] == asked[2] < asked[3] == 12


def test_what_never_has_a_value_is_given_up(small):
    """A condition that always fails is not repeated for ever; one that fails now and then is."""
    batches = walked(small, Until(Grid()), lambda a, k: None if a == 1 or (a == 2 and k % 2) else 10 + k, **until())
    asked = Counter(a for batch in batches for a, _ in batch)
    assert (asked[1], asked[2], asked[3]) == (3, 12, 12)


def test_a_plan_says_how_far_it_may_go(small):
    """Nobody knows how many trials it will be, so the first plan says the most and until when."""
    at_work = opened(small, Until(Grid()), **until(width=0.05, relative=True))
    count = at_work.ask().count()
    assert count.trials == 9
    assert "up to 12 replicates of each, until half of the interval of score is 0.05 of the mean" in count.note


def test_rules_of_the_study_hold_for_every_batch(small):
    """What `exclude` takes out is never asked for, whichever replicate it names."""
    batches = walked(
        small,
        Until(Grid()),
        noisy({1: 5, 2: 5, 3: 5}),
        exclude=["a == 2 and replicate == 1", "a == 3"],
        **until(most=4),
    )
    asked = [pair for batch in batches for pair in batch]
    assert sorted(asked) == [(1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (2, 2), (2, 3)]


@pytest.mark.parametrize("base", [Race(), Median()])
def test_only_fixed_designs_are_repeated_until_they_are_precise(small, base):
    """A design that chooses its trials itself, or stops them, and a rule on replicates do not go together."""
    with pytest.raises(SpecError, match="adaptive replication goes with a fixed design"):
        opened(small, Until(base), **until())


def test_a_study_that_does_not_say_until_when(small):
    """The hint shows the form."""
    with pytest.raises(SpecError, match="nothing says until when to replicate"):
        opened(small, Until(Grid()))


def race(**words):
    return {"design": Design("race"), "replicates": 10, **words}


def test_losers_are_not_repeated(small):
    """What is far behind stops early; what cannot be told from the best goes on to the end."""
    jitter = [0.3, -0.4, 0.1, 0.5, -0.2, 0.6, -0.7, 0.2, -0.1, 0.35]
    spread = lambda a, k: {1: 0.0, 2: -0.01, 3: -50.0}[a] + jitter[(k + 3 * a) % 10]  # noqa: E731
    batches = walked(small, Race(), spread, **race())
    asked = Counter(a for batch in batches for a, _ in batch)
    assert asked[1] == asked[2] == 10
    assert 3 <= asked[3] <= 5
    assert len(batches[0]) == 9


def test_a_race_ends_with_one_left(small):
    """The winner needs no further replicates either."""
    batches = walked(small, Race(), lambda a, k: 100.0 * a + (k % 2) * 0.1 * a, **race())
    assert sum(map(len, batches)) <= 12


def test_what_always_fails_loses(small):
    """Failures never improve a result, and a race without any value ends."""
    batches = walked(small, Race(), lambda a, k: None if a == 3 else [0.0, 1.0][k % 2], **race())
    asked = Counter(a for batch in batches for a, _ in batch)
    assert asked == {1: 10, 2: 10, 3: 3}
    assert sum(map(len, walked(small, Race(), lambda a, k: None, **race()))) == 9


def test_min_alpha_and_base_are_options(small):
    """The first batch has `min` replicates of the base's conditions."""
    options = {"min": 2, "alpha": 0.2, "base": "random", "metric": "score"}
    factors = {"a": list(range(50))}
    first = opened(small, Race(), options=options, factors=factors, design=Design("race", 4), replicates=5).ask()
    assert (first.count().trials, first.count().conditions) == (8, 4)
    assert "up to 5 replicates of each that can still win" in first.count().note


@pytest.mark.parametrize(
    ("options", "words", "says"),
    [
        ({"min": 1}, {}, "min is a whole number from 2 on, not 1"),
        ({"min": 10}, {}, "a race of 10 replicates has nothing to save after the first 10"),
        ({"alpha": 2}, {}, "alpha lies between 0 and 1, which 2 does not"),
        ({"metric": "scor"}, {}, "no metric 'scor' with a direction .did you mean 'score'"),
        ({"base": "race"}, {}, "design race needs a fixed design below it, and race chooses its trials itself"),
        ({"base": "gird"}, {}, "unknown strategy 'gird' .did you mean 'grid'"),
        ({"mni": 3}, {}, "design race has no option 'mni' .did you mean 'min'"),
    ],
)
def test_mistakes_are_named(small, options, words, says):
    """What is wrong and the nearest valid thing."""
    with pytest.raises(SpecError, match=says):
        opened(small, Race(), options=options, **race(**words))


def test_a_race_needs_a_direction(small):
    """Without one nobody wins."""
    declared = small.study({"a": [1, 2]}, replicates=9, metrics=(Metric("score"),), design=Design("race"))
    with pytest.raises(SpecError, match="design race needs a metric with a direction"):
        Race().open(open_space(declared, small.Base(), identity=small.IDENTITY), {})
