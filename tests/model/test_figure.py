"""Tables as data: how their cells are shown."""

from __future__ import annotations

import pytest

from fairtrial.model.figure import Grid, shown


@pytest.mark.parametrize(
    ("cell", "decimals", "text"),
    [
        (0.123456789, None, "0.12346"),
        (1234567.0, None, "1.2346e+06"),
        (1234567, None, "1234567"),
        (None, None, "–"),
        (float("nan"), None, "–"),
        (float("inf"), 4, "–"),
        ("text", 4, "text"),
        (0.05, 4, "0.0500"),
        (0.00004, 4, "4e-05"),
        (0.0, 4, "0.0000"),
        (-0.25, 4, "-0.2500"),
        (7, 4, "7"),
    ],
)
def test_a_cell_is_shown_without_hiding_its_value(cell, decimals, text):
    """Five significant digits, or decimals where they leave something to see; what is missing is a dash."""
    assert shown(cell, decimals) == text


def test_decimals_belong_to_columns():
    """Levels keep their form beside means with four decimals."""
    grid = Grid(("x", "mean"), ((0.1, 0.1),), decimals={"mean": 4})
    assert grid.shown() == [["0.1", "0.1000"]]
    assert grid.head(0).shown() == []


def test_a_column_is_numeric_where_nothing_in_it_is_text():
    """Missing values do not make it text."""
    grid = Grid(("a", "b", "c"), ((1, "x", None), (None, 2, 3.0)))
    assert grid.numeric() == {"a", "c"}
    assert Grid(("a",), ()).numeric() == set()
