"""Points along a factor: which axis shows them best."""

from __future__ import annotations

import pytest

from fairtrial.model.finding import Point
from fairtrial.report.sections.points import along, geometric, middle, positive


@pytest.mark.parametrize(
    ("values", "log"),
    [
        ([1, 2, 4, 8, 16], True),
        ([1e-5, 1e-4, 1e-3], True),
        ([1, 2, 3, 4, 5], False),
        ([1, 4, 8, 16], True),
        ([0, 1, 10, 100], False),
        ([1, 100], False),
        ([10, 20, 30, 50], False),
    ],
)
def test_levels_that_grow_by_a_factor_stand_on_a_log_axis(values, log):
    """Where the ratios vary less than the steps, and all is positive."""
    assert geometric(values) is log


def points(levels, values=(1.0, 2.0)):
    """Make points at levels."""
    return [
        Point(level, float(place if isinstance(level, str) else level), tuple(values), 2, 0, 1.5, 0.5)
        for place, level in enumerate(levels)
    ]


def test_tested_levels_are_the_ticks():
    """A few levels on a log axis are named as they were tested; texts always are."""
    assert along("n", points([1, 4, 16])).ticks == ((1.0, "1"), (4.0, "4"), (16.0, "16"))
    assert along("n", points(["b", "a"])).ticks == ((0.0, "b"), (1.0, "a"))
    assert along("n", points([1, 2, 3])).ticks == ()
    assert along("n", points([2**n for n in range(20)])).ticks == ()


def test_the_middle_of_two_levels_is_as_it_looks():
    """Geometric on a log axis, arithmetic on a plain one."""
    assert middle("n", points([1, 4, 16]), (4.0, 16.0)) == 8.0
    assert middle("n", points([1, 2, 3]), (2.0, 3.0)) == 2.5


def test_a_metric_is_on_a_log_axis_only_where_it_can_be():
    """Zero and negative values have no logarithm; a narrow range gains nothing by one."""
    assert positive(points([1, 2], (0.1, 2.0)))
    assert not positive(points([1, 2], (0.0, 2.0)))
    assert not positive(points([1, 2], (1.4, 1.6)))
