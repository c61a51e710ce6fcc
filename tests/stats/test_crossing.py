"""Where curves cross: interpolated over the logarithm, and beyond the end that they point to."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fairtrial.stats.crossing import changes_sign, crossing, reached

X = np.array([1.0, 10.0, 100.0])


def test_a_crossing_is_interpolated_over_the_logarithm():
    """Half-way between 10 and 100 is their geometric mean."""
    assert crossing(X, np.array([[2.0, 1.0, -1.0]]))[0] == pytest.approx(math.sqrt(1000))


def test_without_a_crossing_it_lies_beyond_an_end():
    """Above 0 to the end: beyond it; below from the start: before it."""
    found = crossing(X, np.array([[3.0, 2.0, 1.0], [-1.0, -2.0, -3.0], [-1.0, 1.0, 2.0]]))
    assert found.tolist() == [math.inf, -math.inf, math.inf]


def test_the_first_of_several_counts():
    """A curve that comes down twice crosses where it first does."""
    x = np.array([1.0, 2.0, 4.0, 8.0])
    assert crossing(x, np.array([[1.0, -1.0, 1.0, -1.0]]))[0] == pytest.approx(math.sqrt(2))


def test_what_touches_does_not_change_sign():
    """Zero is neither above nor below."""
    assert changes_sign(np.array([[1.0, 0.0, 2.0], [1.0, 0.0, -2.0], [0.0, 0.0, 0.0]])).tolist() == [False, True, False]


def test_a_height_is_reached():
    """Before the range, at its start, within it, or never."""
    margin = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 2.0], [-1.0, 1.0, 2.0], [-3.0, -2.0, -1.0]])
    assert reached(X, margin).tolist() == pytest.approx([-math.inf, 1.0, math.sqrt(10), math.inf])
