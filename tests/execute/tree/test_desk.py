"""The desk of isolated trials: tasks leave together, and each ends once, whatever happens to the parent."""

from __future__ import annotations

import pytest

from fairtrial.contract.engine import Ended, Started
from fairtrial.execute.tree.desk import AHEAD, AHEAD_SHARED, Desk
from fairtrial.execute.tree.ending import Exit
from fairtrial.execute.tree.waiting import Waiting
from fairtrial.model.outcome import FailureClass, Status
from fairtrial.model.trial import Member, Task


class Parent:
    """Keeps what it was sent."""

    def __init__(self):
        self.messages = []

    def send(self, records):
        self.messages.append(records)


class Ready:
    """Keepers that are all ready."""

    state, handle = "ready", None

    def get(self, task, *, busy, most):
        return self


def task(number, **known):
    return Task(number, (Member(number, {"a": number}, 7),), **known)


@pytest.fixture
def waiting():
    """Tasks that wait, with keepers that need no time."""
    return Waiting(Ready())


@pytest.fixture
def desk(waiting):
    """A desk for two jobs."""
    return Desk(waiting, 2, program=False)


def fill(desk, waiting, count, **known):
    for number in range(count):
        waiting.add(task(number, **known))
    parent = Parent()
    desk.dispatch(parent)
    return parent


def outcomes(desk):
    return {report.task: report.outcomes[0] for report in desk.reports if isinstance(report, Ended)}


def test_tasks_leave_in_one_message(desk, waiting):
    """The parent gets what there is room for at once, in order; the rest waits."""
    most = 2 + AHEAD
    assert desk.room() == most
    parent = fill(desk, waiting, most + 3)
    assert [[record[1]["id"] for record in message] for message in parent.messages] == [list(range(most))]
    assert (desk.room(), len(waiting)) == (0, 3)


def test_few_wait_where_each_may_need_a_keeper(desk, waiting):
    """Tasks that share something are taken few at a time: each of them may start a server."""
    waiting.add(task(0, share="key", share_scope="run"))
    assert desk.room() == 2 + AHEAD_SHARED - 1


def test_a_parent_dies(desk, waiting):
    """What ran is infra, what had its result keeps it, what only waited runs under the next parent."""
    fill(desk, waiting, 5)
    assert list(desk.hear([["started", 0, 100, 1.0, "1"], ["started", 1, 101, 1.0, "2"]])) == []
    list(desk.hear([["result", 1, {"r": [{"s": "done", "m": {"x": 1.0}}]}]]))
    desk.lose(Exit(why="infra", message="the parent of trials died"))
    found = outcomes(desk)
    assert sorted(found) == [0, 1]
    assert found[0].failure.kind is FailureClass.INFRA
    assert (found[1].status, found[1].metrics) == (Status.DONE, {"x": 1.0})
    following = Parent()
    desk.dispatch(following)
    assert [record[1]["id"] for record in following.messages[0]] == [2, 3, 4]
    assert sum(isinstance(report, Started) for report in desk.reports) == 2


def test_a_parent_dies_before_it_stops_what_waits(desk, waiting):
    """A task that was to be stopped when its parent died does not run under the next one."""
    parent = fill(desk, waiting, 3)
    desk.stop(1, "cancelled", parent)
    assert parent.messages[-1] == [["stop", 1, "cancelled"]]
    desk.lose(Exit(why="infra", message="the parent of trials died"))
    assert {number: one.status for number, one in outcomes(desk).items()} == {1: Status.CANCELLED}
    following = Parent()
    desk.dispatch(following)
    assert [record[1]["id"] for record in following.messages[0]] == [0, 2]


def test_a_parent_gives_tasks_back(desk, waiting):
    """What a parent returns unstarted goes to the next one, but for what was to be stopped."""
    parent = fill(desk, waiting, 3)
    desk.stop(0, "cancelled", parent)
    assert list(desk.hear([["returned", [0, 1, 2]]])) == []
    assert list(outcomes(desk)) == [0]
    assert len(waiting) == 2
