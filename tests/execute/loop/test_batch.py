"""The line of trials to start."""

from __future__ import annotations

from dataclasses import replace
from itertools import count, product
from random import Random

import pytest

from fairtrial.execute.loop.batch import WINDOW, Grouping, Line, grouping
from fairtrial.execute.runner import Runner
from fairtrial.model.identity import digest
from fairtrial.model.study import Order, Stop, Study, SystemRef
from fairtrial.model.trial import Condition, Role, Trial


class Many:
    batchable = frozenset({"lr", "gone.path"})
    batch_limit = 3

    def run_many(self, parameters, contexts):
        raise AssertionError


def trial(**parameters):
    return Trial(Condition("", parameters, parameters, digest(parameters)), 0, 1, b"s", b"i")


def numbers(group, name="lr"):
    return [ticket.trial.condition.parameters[name] for ticket in group]


def taken(trials, limit=100, share=None, **words):
    line = Line(trials, Grouping(Many(), share, **words))
    while not line.empty:
        yield line.take(limit)


def groups(*args, **words):
    return [numbers(group) for group in taken(*args, **words)]


def grid(lrs, depths):
    return [trial(lr=lr, depth=depth) for lr, depth in product(lrs, depths)]


def test_neighbours_that_differ_in_batchable_paths_go_together_up_to_the_limit():
    """Four that differ in lr alone are three and one; another depth starts a new group."""
    trials = [trial(lr=lr, depth=1) for lr in (1, 2, 3, 4)] + [trial(lr=5, depth=2)]
    assert groups(trials) == [[1, 2, 3], [4], [5]]
    assert groups(trials, limit=2) == [[1, 2], [3, 4], [5]]


def test_replicates_of_a_condition_go_together():
    """A seed is always batchable."""
    one = trial(lr=1, depth=1)
    assert groups([one, replace(one, replicate=1, seed=2, digest=b"")]) == [[1, 1]]


def test_types_are_not_confused():
    """1, 1.0 and true are three values."""
    assert groups([trial(lr=1, depth=1), trial(lr=2, depth=True), trial(lr=3, depth=1.0)]) == [[1], [2], [3]]


def test_trials_of_different_shared_resources_stay_apart():
    """Neighbours go together only when they share the same thing."""
    trials = [trial(lr=lr, depth=1) for lr in (1, 2, 3)]
    share = {trials[0].digest: "a", trials[1].digest: "a", trials[2].digest: "b"}
    assert groups(trials, share=lambda one: (share[one.digest], "condition")) == [[1, 2], [3]]


def test_a_system_that_runs_one_at_a_time_is_not_grouped():
    """Without the power there is no grouping."""
    assert grouping(object(), None, Study("s", SystemRef("s"))) is None
    assert len(Line([trial(lr=1), trial(lr=2)]).take(10)) == 1


def test_what_runs_again_goes_first_alone_and_in_the_order_given():
    """Tickets put back precede new ones, earliest first."""
    line = Line([trial(lr=lr, depth=1) for lr in range(6)], Grouping(Many(), None))
    first = line.take(3)
    line.again(first[2])
    line.again(first[0])
    assert line.returned
    assert [numbers(line.take(3)) for _ in range(3)] == [[0], [2], [3, 4, 5]]
    assert line.empty
    assert line.take(3) == []


def test_a_grid_whose_last_factor_is_not_batchable_batches_all_the_same():
    """Those that may go together are found ahead; groups come in the order of their first trials."""
    found = list(taken(grid((1, 2, 3, 4), ("a", "b"))))
    assert [numbers(group, "depth") for group in found] == [["a"] * 3, ["b"] * 3, ["a"], ["b"]]
    assert [numbers(group) for group in found] == [[1, 2, 3], [1, 2, 3], [4], [4]]
    assert [[ticket.place for ticket in group] for group in found] == [[0, 2, 4], [1, 3, 5], [6], [7]]


@pytest.mark.parametrize("ahead", [True, False])
def test_every_trial_is_given_out_once(ahead):
    """Whatever the order and the room, nothing is lost or doubled, groups are alike, and firsts are in order."""
    random = Random(0)
    for _ in range(100):
        trials = [trial(lr=random.randrange(3), depth=random.randrange(4)) for _ in range(random.randrange(200))]
        line, found = Line(trials, Grouping(Many(), None, ahead=ahead)), []
        while not line.empty:
            found.append(line.take(random.randrange(5)))
        places = [[ticket.place for ticket in group] for group in found]
        assert sorted(place for group in places for place in group) == list(range(len(trials)))
        assert [group[0] for group in places] == sorted(group[0] for group in places)
        assert all(group == sorted(group) for group in places)
        assert all(len(set(numbers(group, "depth"))) == 1 for group in found)
        assert ahead or all(group == list(range(group[0], group[-1] + 1)) for group in places)


def test_only_a_window_is_pulled():
    """Of an endless source at most 16 batches are pulled ahead, and as many again as were given out."""
    pulled = []

    def source():
        for lr in count():
            pulled.append(lr)
            yield trial(lr=lr, depth=lr % 10)

    line = Line(source(), Grouping(Many(), None))
    assert not line.empty
    assert len(pulled) == 1
    given = sum(len(line.take(100)) for _ in range(50))
    assert given > 100
    assert len(pulled) <= given + WINDOW * Many.batch_limit


def test_beyond_the_window_nothing_is_looked_for():
    """Two that are further apart than the window run apart."""
    far = [trial(lr=1, depth=0), *(trial(lr=1, depth=n) for n in range(1, WINDOW * 3)), trial(lr=2, depth=0)]
    assert max(map(len, groups(far))) == 1
    assert max(map(len, groups([*far[:1], *far[2:]]))) == 2


@pytest.mark.parametrize(
    ("changes", "sizes"),
    [
        ({}, [3, 3]),
        ({"timing": True}, [1] * 6),
        ({"order": Order(randomise="blocked")}, [1] * 6),
        ({"order": Order(randomise="full")}, [1] * 6),
        ({"order": Order(warmup=1)}, [3, 3]),
    ],
)
def test_an_order_that_is_part_of_the_design_is_kept(changes, sizes):
    """Random orders and timed trials are grouped with neighbours alone."""
    groups = grouping(Many(), None, Study("s", SystemRef("s"), **changes))
    line = Line(grid((1, 2, 3), ("a", "b")), groups)
    assert [len(line.take(100)) for _ in sizes] == sizes
    assert line.empty


class Stacks:
    batchable = frozenset({"x"})
    batch_limit = 4

    def run_many(self, parameters, contexts):
        raise AssertionError


def interleaved(stage, number):
    """Trials whose neighbours may not go together: `fixed` alternates."""
    for one in stage.trials(number):
        parameters = {**one.condition.parameters, "fixed": one.position % 2}
        yield replace(one, condition=replace(one.condition, parameters=parameters, digest=digest(parameters)))


def test_what_is_told_keeps_the_order_of_the_trials(stage):
    """Trials run grouped; the caller hears of them in the order it gave."""
    stage.system = Stacks()
    with Runner(stage.setup(stage.study())) as runner:
        end = runner.run(interleaved(stage, 16), collect=True)
    assert [told.trial.position for told in end.told] == list(range(16))
    assert [len(task.members) for task in stage.session.tasks] == [4] * 4


@pytest.mark.parametrize("budget", [1, 3, 5, 6, 13])
def test_a_budget_of_trials_holds_for_what_is_found_ahead(stage, budget):
    """No more trials start than the budget has; the others are left for the next session."""
    stage.system = Stacks()
    with Runner(stage.setup(stage.study(stop=Stop(trials=budget)))) as runner:
        end = runner.run(interleaved(stage, 20))
    assert (end.state, end.done) == ("budget", budget)
    assert len(stage.journal.started) == budget
    assert sum(len(task.members) for task in stage.session.tasks) == budget


def test_warm_up_trials_are_grouped_and_cost_no_budget(stage):
    """The line of another role has a window of its own."""
    stage.system = Stacks()
    with Runner(stage.setup(stage.study(stop=Stop(trials=8)))) as runner:
        runner.run(interleaved(stage, 4), role=Role.WARMUP)
        end = runner.run(interleaved(stage, 8))
    assert (end.state, end.done) == ("complete", 8)


def test_trials_that_run_alone_are_never_grouped():
    """Not with others, and not with replicates of their own condition."""

    class Some(Many):
        def alone(self, parameters):
            return parameters["depth"] == 2

    one = trial(lr=1, depth=2)
    trials = [trial(lr=1, depth=1), trial(lr=2, depth=1), one, replace(one, replicate=1, seed=2, digest=b"")]
    line = Line(trials, Grouping(Some(), None))
    assert [numbers(line.take(9)) for _ in range(3)] == [[1, 2], [1], [1]]
    assert line.empty
