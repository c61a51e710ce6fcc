"""The line of trials to start."""

from __future__ import annotations

from dataclasses import replace

from fairtrial.execute.batch import Grouping, Line, grouping
from fairtrial.model.identity import digest
from fairtrial.model.trial import Condition, Trial


class Many:
    batchable = frozenset({"lr", "gone.path"})
    batch_limit = 3

    def run_many(self, parameters, contexts):
        raise AssertionError


def trial(**parameters):
    return Trial(Condition("", parameters, parameters, digest(parameters)), 0, 1, b"s", b"i")


def numbers(group, name="lr"):
    return [ticket.trial.condition.parameters[name] for ticket in group]


def groups(trials, limit=100, share=None):
    line = Line(trials, Grouping(Many(), share))
    found = []
    while not line.empty:
        found.append(numbers(line.take(limit)))
    return found


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
    assert grouping(object(), None) is None
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
