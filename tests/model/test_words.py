"""How numbers, intervals, levels and conditions are written."""

from __future__ import annotations

import pytest

from fairtrial.model.finding import Interval
from fairtrial.model.words import (
    condition,
    count,
    ends,
    level,
    listed,
    number,
    percent,
    probability,
    quantity,
    span,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.23456, "1.235"), (12345.6, "12346"), (0.000012345, "1.234e-05"), (-8.0, "-8"), (2e12, "2e+12")],
)
def test_a_number_has_four_digits_and_no_power_of_ten_before_a_billion(value, text):
    """Four significant digits; thousands are whole."""
    assert number(value) == text


def test_a_unit_is_written_where_there_is_one():
    """A number without a unit ends with its last digit."""
    assert (quantity(1.5, "s"), quantity(1.5)) == ("1.5 s", "1.5")


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.95, "95 %"), (0.98333, "98.3 %"), (1, "100 %"), (0.9998, "99.98 %"), (1.0004, "100.04 %"), (12.5, "1250 %")],
)
def test_what_lacks_a_little_is_not_rounded_to_the_whole(share, text):
    """A share has three digits, except near the whole."""
    assert percent(share) == text


def test_an_interval_runs_from_low_to_high():
    """The level comes first, the unit last."""
    assert ends(Interval(1.0, 2.5, 0.95, "t"), "s") == "1 to 2.5 s"
    assert span(Interval(1.0, 2.5, 0.975, "t")) == "97.5 % interval 1 to 2.5"


def test_p_is_never_zero():
    """Below a thousandth only that is said."""
    assert (probability(0.0), probability(0.0309)) == ("p < 0.001", "p = 0.031")


def test_one_thing_is_not_many():
    """The noun follows the number."""
    assert (count(1, "replicate"), count(0, "replicate"), count(2000, "trial")) == (
        "1 replicate",
        "0 replicates",
        "2,000 trials",
    )


def test_a_long_list_says_how_many_more_there_are():
    """Commas, then `and`."""
    assert [listed(list("abc"[:size])) for size in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert listed(list("abcdefgh")) == "a, b, c, d, e, f and 2 more"


def test_levels_are_written_as_they_are_declared():
    """Six digits of a number, a text without quotes, the rest as JSON."""
    assert [level(value) for value in (0.123456789, 10**9, "lru", True, None, [1, "ä"])] == [
        "0.123457",
        "1000000000",
        "lru",
        "true",
        "null",
        '[1, "ä"]',
    ]


def test_a_condition_names_its_variant_first():
    """Where there is nothing to say, nothing is said."""
    assert condition({"lr": 0.1, "depth": 3}, "tuned") == "tuned, lr = 0.1, depth = 3"
    assert condition({}) == ""
