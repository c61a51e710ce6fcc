"""Which threshold training teaches: the best of those with enough trades, ties, too few, none."""

from __future__ import annotations

import math

import pytest

from fairtrial.systems.signals.judge.choose import Tried, best


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([(0.5, 9, 1.0), (1.0, 7, 2.0), (1.5, 4, 9.0)], 1.0),  # the last has too few trades
        ([(0.5, 9, 1.0), (1.0, 5, 1.0)], 0.5),  # equal: the smallest
        ([(0.5, 9, -3.0), (1.0, 5, -2.0)], 1.0),  # a loss may be the best
        ([(0.5, 2, 1.0), (1.0, 4, -2.0), (1.5, 3, 5.0)], 1.0),  # none has enough: the most trades
        ([(0.5, 0, math.nan), (1.0, 0, math.nan)], 0.5),  # nothing was traded: the smallest
        ([(0.5, 0, math.nan), (1.0, 1, -9.0)], 1.0),
    ],
)
def test_best(found, expected):
    """At least five trades are enough."""
    assert best([Tried(*one) for one in found], 5).threshold == expected


def test_nothing_to_choose_from():
    """No thresholds, no choice."""
    assert best([], 1) is None
