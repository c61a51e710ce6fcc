"""Level expressions -> values, the same everywhere."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.spec import levels

ends = st.floats(-1e6, 1e6, allow_nan=False).map(lambda number: round(number, 6))
positive = st.floats(1e-9, 1e9)


def test_linspace_holds_the_points_that_one_would_write():
    """Points are rounded once: 0.3 is 0.3, not 0.30000000000000004."""
    assert levels.linspace(0, 1, 11) == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


def test_logspace_takes_end_points():
    """Decades come out exactly, and both names mean the same."""
    assert levels.expand("logspace", [1e-4, 0.1], 4) == [1e-4, 1e-3, 1e-2, 1e-1]
    assert levels.expand("geomspace", [1, 1000], 4) == [1.0, 10.0, 100.0, 1000.0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([1, 10, 3], [1, 4, 7, 10]),
        ([1, 10, 4], [1, 5, 9]),
        ([0, 3], [0, 1, 2, 3]),
        ([0, 0.3, 0.1], [0.0, 0.1, 0.2, 0.3]),
        ([3, 1, -1], [3, 2, 1]),
        ([5, 5], [5]),
    ],
)
def test_range_includes_its_end(value, expected):
    """The stop is included where it is met; integers stay integers."""
    made = levels.expand("range", value, None)
    assert made == expected
    assert [type(item) for item in made] == [type(item) for item in expected]


@given(start=ends, stop=ends, n=st.integers(2, 40))
def test_a_finer_linspace_contains_the_coarser_one(start, stop, n):
    """Doubling the intervals keeps every old point exactly, so an amended study keeps its trials."""
    coarse, fine = levels.linspace(start, stop, n), levels.linspace(start, stop, 2 * n - 1)
    assert fine[::2] == coarse
    assert (coarse[0], coarse[-1]) == (start, stop)
    assert all(isinstance(point, float) for point in coarse)


@given(start=positive, stop=positive, n=st.integers(2, 30))
def test_geomspace_has_one_ratio(start, stop, n):
    """End points are exact, and the logarithms are evenly spaced."""
    made = levels.geomspace(start, stop, n)
    assert (made[0], made[-1]) == (start, stop)
    steps = [math.log(b) - math.log(a) for a, b in pairwise(made)]
    assert max(steps) - min(steps) < 1e-9
    assert levels.geomspace(start, stop, 2 * n - 1)[::2] == made


@pytest.mark.parametrize(
    ("form", "value", "n", "says"),
    [
        ("linspace", [0, 1], None, "needs n"),
        ("linspace", [0, 1], 1, "needs n"),
        ("linspace", [0, 1], True, "needs n"),
        ("linspace", [0, 1], 2.0, "needs n"),
        ("linspace", [0, 1, 5], None, "[first, last]"),
        ("linspace", [0, "1"], 3, "numbers"),
        ("linspace", 3, 3, "numbers"),
        ("logspace", [0, 1], 3, "above 0, not exponents"),
        ("logspace", [-4, -1], 3, "above 0, not exponents"),
        ("range", [1, 5, 0], None, "wrong sign or is 0"),
        ("range", [1, 5, -1], None, "wrong sign"),
        ("range", [1], None, "[start, stop, step]"),
        ("range", [0, 1e12], None, "at most"),
        ("levels", [], None, "no levels"),
        ("levels", 3, None, "[3]"),
        ("levels", "abc", None, "a list"),
    ],
)
def test_bad_forms_say_what_is_wrong(form, value, n, says):
    """Every form says how it is written."""
    with pytest.raises(ValueError) as caught:
        levels.expand(form, value, n)
    assert says in str(caught.value)


def test_intervals():
    """The three kinds of interval, both ends included."""
    assert levels.interval("interval", [0, 1]) == levels.Interval(0, 1)
    assert levels.interval("log_interval", [1e-5, 1]) == levels.Interval(1e-5, 1, log=True)
    assert levels.interval("integers", [1, 9]) == levels.Interval(1, 9, integer=True)
    for form, value in (("interval", [1, 1]), ("log_interval", [0, 1]), ("integers", [1, 2.5]), ("interval", [1])):
        with pytest.raises(ValueError):
            levels.interval(form, value)
