"""Choices against labels: shares with intervals, regrets, the confusion of sizes."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.threadpool.label.agreement import NONE, agreement, alike, chosen, distribution, smallest
from fairtrial.systems.threadpool.label.judge import judge

SIZES = (1, 2, 4)


@pytest.fixture
def study(made):
    """Row 0: 2 is best. Row 1: 2 and 4 are alike, 1 is unstable. Row 2: none is stable. Row 3: 4 failed, 1 is best."""
    logs = np.zeros((4, 3, 5)) + 0.3 * np.arange(5)
    logs += 0.001 * np.random.default_rng(0).normal(size=logs.shape)
    logs[0, [0, 2]] += np.log(1.5)
    logs[1, 2] = logs[1, 1]
    logs[3, 1] += np.log(2)
    logs[3, 2] = np.nan
    unstable = np.zeros((4, 3), bool)
    unstable[1, 0] = unstable[2] = True
    found = made(logs, sizes=SIZES, unstable=unstable)
    return found, judge(found)


def test_labels_of_the_study(study):
    """What the other tests rest on."""
    assert [label.best for label in study[1]] == [(2,), (2, 4), (), (1,)]


def test_agreement(study):
    """Rows without a label are left out; shares, regrets and the confusion are over the rest."""
    found = agreement(*study, np.array([1, 4, 1, 2]))
    assert (found.rows, found.in_best, found.unstable, found.unknown) == (3, 1, 0, 0)
    assert found.share == pytest.approx(1 / 3)
    assert found.low < 1 / 3 < found.high
    assert found.regret_mean == pytest.approx((0.5 + 0 + 1) / 3, rel=0.01)
    assert found.confusion.tolist() == [[0, 1, 0], [1, 0, 1], [0, 0, 0]]


def test_what_was_not_measured(study):
    """An unstable choice has no finite regret, a size that failed or was not tried none at all; both are counted."""
    found = agreement(*study, np.array([3, 1, 1, 4]))
    assert (found.in_best, found.unstable, found.unknown) == (0, 1, 2)
    assert np.isnan(found.regret_mean)
    assert found.confusion.sum() == 2


def test_no_labels(made):
    """Without labels nothing is said."""
    none = made(np.full((2, 3, 5), np.nan), sizes=SIZES)
    found = agreement(none, judge(none), np.array([1, 2]))
    assert (found.rows, found.low, found.high, np.isnan(found.share)) == (0, 0.0, 1.0, True)


class Told:
    """A chooser with these costs."""

    sizes = SIZES

    def __init__(self, costs) -> None:
        self.cost = np.array(costs)

    def costs(self, features):
        return self.cost

    def inside(self, features):
        return np.isfinite(features).all(axis=1)


def test_chosen(study):
    """The first of the lowest costs; a size whose cost is not known is never taken, and no size where none is known."""
    nan = np.nan
    chooser = Told([[3.0, 1.0, 2.0], [1.0, 1.0, 1.0], [nan, nan, nan], [nan, 5.0, np.inf]])
    assert chosen(chooser, study[0]).tolist() == [2, 1, NONE, 2]


def test_alike():
    """Two choosers agree in a share of the rows in which both choose."""
    share, low, high = alike(np.array([1, 2, 4, 0, 4]), np.array([1, 2, 2, 1, 0]))
    assert share == pytest.approx(2 / 3)
    assert low < share < high
    assert alike(np.array([NONE]), np.array([1]))[1:] == (0.0, 1.0)


def test_distribution(study):
    """How often each size is the label, and how often there is none."""
    assert distribution(*study) == {1: 1, 2: 2, 4: 0, NONE: 1}
    np.testing.assert_array_equal(smallest(study[1]), [2, 2, np.nan, 1])
