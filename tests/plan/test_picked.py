"""Plans of trials that were chosen one by one."""

from __future__ import annotations

import pytest

from fairtrial.model.rule import parse
from fairtrial.plan.space import open_space


def chosen(small, order="none", system=None, **words):
    """Open a space, and pick replicates 3 and 1 of three conditions."""
    declared = small.study({"a": [1, 2, 3], "c": ["x", "y"]}, order=order, replicates=2)
    space = open_space(declared, system or small.Base(), identity=small.IDENTITY, **words)
    conditions = [space.condition("", {"a": a, "c": "xy"[a % 2]}) for a in (1, 2, 3)]
    return space, [space.trial(condition, k) for k in (3, 1) for condition in conditions]


def places(trials):
    return [(trial.replicate, trial.condition.assignment["a"]) for trial in trials]


def test_a_listed_plan_has_just_the_trials_in_their_order(small):
    """Replicates beyond the study's own are allowed; positions count from 0, digests stay."""
    space, trials = chosen(small)
    plan = space.listed(trials)
    made = small.trials(plan)
    assert places(made) == places(trials)
    assert [trial.position for trial in made] == list(range(6))
    assert small.digests(plan, 4) == [trial.digest for trial in trials]
    assert (plan.count().trials, plan.count().conditions) == (6, 3)
    for outside in (6, -1):
        with pytest.raises(IndexError):
            plan.trial(outside)


def test_blocked_order_shuffles_within_each_replicate(small):
    """Blocks are replicates, in ascending order; the same trials make the same order again."""
    space, trials = chosen(small, order="blocked")
    made = places(small.trials(space.listed(trials)))
    assert [k for k, _ in made] == [1, 1, 1, 3, 3, 3]
    assert sorted(made) == sorted(places(trials))
    assert made == places(small.trials(space.listed(trials)))


def test_full_order_shuffles_over_all(small):
    """Replicates are mixed."""
    space, trials = chosen(small, order="full")
    trials = [space.trial(trial.condition, k) for k in range(9) for trial in trials[:3]]
    made = places(small.trials(space.listed(trials)))
    assert sorted(made) == sorted(places(trials))
    blocks = [k for k, _ in made]
    assert blocks != sorted(blocks)
    assert len(set(blocks[:9])) > 3


def test_only_and_limit_narrow_a_listed_plan(small):
    """As they narrow any plan."""
    space, trials = chosen(small, only=parse("a > 1"), limit=3)
    assert places(small.trials(space.listed(trials))) == [(3, 2), (3, 3), (1, 2)]


def test_trials_of_a_shared_resource_are_brought_together(small):
    """What is set up for a condition serves all of its trials of a replicate in a row."""
    space, trials = chosen(small, system=small.Sharing())
    made = small.trials(space.listed(trials))
    assert [trial.condition.assignment["c"] for trial in made] == ["y", "y", "x"] * 2
