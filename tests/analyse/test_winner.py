"""The winner: the best mean, never a lucky survivor, and none where nothing was measured."""

from __future__ import annotations

import math

import pytest

from fairtrial.analyse.winner import best
from fairtrial.errors import UserError
from fairtrial.model.run import Measurements
from fairtrial.model.study import Direction, Metric

LOSS = Metric("loss", Direction.MINIMIZE)


def measured(levels, losses, status=None):
    """Make measurements of one factor and one metric."""
    n = len(levels)
    status = status or ["done"] * n
    failure = ["" if state == "done" else "crash" for state in status]
    return Measurements(1, range(n), [""] * n, [0] * n, [0] * n, status, failure, {"x": levels}, {"loss": losses})


def test_the_best_mean_wins():
    """Replicates are averaged before anything is compared."""
    winner = best(measured([1, 2, 1, 2], [0.0, 0.4, 1.0, 0.4]), [Metric("size"), LOSS])
    assert winner.assignment == {"x": 2}


def test_a_lucky_survivor_does_not_win_unless_it_may():
    """A condition that mostly crashed is passed over below the declared completeness."""
    data = measured([1, 1, 2, 2], [0.0, math.nan, 0.5, 0.5], ["done", "failed", "done", "done"])
    assert best(data, [LOSS]).assignment == {"x": 2}
    assert best(data, [LOSS], completeness=0.5).assignment == {"x": 1}


def test_nothing_measured_has_no_winner():
    """An empty run and a run that only failed have no best condition, even without a demand for completeness."""
    assert best(measured([], []), [LOSS]) is None
    assert best(measured([1], [0.0], ["failed"]), [LOSS], completeness=0.0) is None


def test_without_a_direction_nothing_is_best():
    """The error says what to declare."""
    with pytest.raises(UserError, match="maximize"):
        best(measured([1], [1.0]), [Metric("loss")])
