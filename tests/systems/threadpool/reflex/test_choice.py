"""What a chooser chooses: the first of the lowest, among sizes that were measured, else the fallback."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.errors import UserError
from fairtrial.systems.threadpool.reflex.choice import choose, lowest


class Priced:
    """Costs that stand in the features; rows of negative ones are out of range."""

    sizes = (1, 8, 64)

    def costs(self, features):
        return features[:, :3]

    def inside(self, features):
        return features[:, 0] >= 0


def test_the_first_of_the_lowest_is_the_choice():
    """NaN and infinite costs are no choice; ties go to the smaller size; where nothing is finite there is none."""
    costs = np.array([[3, 1, 1], [np.nan, 2, np.inf], [np.nan, np.inf, np.nan]])
    assert lowest(costs).tolist() == [1, 1, -1]


def test_out_of_range_falls_back():
    """A row that the chooser does not know gets the fallback, and is marked."""
    rows = np.array([[3.0, 1, 2], [-3, -4, -5], [np.nan, np.nan, np.nan]])
    chosen, lost = choose(Priced(), rows, among=(1, 8, 64), fallback=64)
    assert chosen.tolist() == [8, 64, 64]
    assert lost.tolist() == [False, True, True]


def test_only_measured_sizes_are_chosen():
    """The cheapest of the sizes that the labels have is taken, whatever the others cost."""
    assert choose(Priced(), np.array([[3.0, 1, 2]]), among=(1, 64), fallback=1)[0].tolist() == [64]


def test_sizes_that_were_not_measured_are_refused():
    """Neither the policy's sizes nor the fallback, where it is needed, may be unknown to the labels."""
    with pytest.raises(UserError, match=r"the policy's sizes \(1, 8, 64\) were not measured .*; measured: 2, 4"):
        choose(Priced(), np.ones((1, 3)), among=(2, 4), fallback=2)
    with pytest.raises(UserError, match=r"policy.workers, .* is 12; it was not measured"):
        choose(Priced(), -np.ones((1, 3)), among=(1, 8), fallback=12)
    assert choose(Priced(), np.ones((1, 3)), among=(1, 8), fallback=12)[0].tolist() == [1]
