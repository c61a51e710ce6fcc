"""Units: what can be at all, and where an interval is cut."""

from __future__ import annotations

import math

import pytest

from fairtrial.model.unit import cut, possible

ANY = (-math.inf, math.inf)


@pytest.mark.parametrize("unit", ["s", "ms", "bytes", "MiB", "1/s", "requests/s", "count", "requests", "cores"])
def test_times_sizes_counts_and_rates_are_not_negative(unit):
    """Unless a value was: then the unit is of a change, and nothing is impossible."""
    assert possible(unit, 0.0, 1e9) == (0.0, math.inf)
    assert possible(unit, -1e-9, 1.0) == ANY


def test_a_share_lies_between_nothing_and_the_whole():
    """Unless a value did not: a share of a core is more than 1 where several are used."""
    assert possible("share", 0.0, 1.0) == (0.0, 1.0)
    assert possible("share", 0.2, 1.7) == (0.0, math.inf)
    assert possible("share", -0.1, 0.9) == ANY


@pytest.mark.parametrize("unit", ["", "points", "degrees", "bps"])
def test_of_other_units_nothing_is_known(unit):
    """A score may fall below 0 although none did so far."""
    assert possible(unit, 1.0, 2.0) == ANY


def test_an_interval_is_cut_where_it_leaves_what_is_possible():
    """And says at what."""
    assert cut((-0.1, 0.3), (0.0, math.inf)) == (0.0, 0.3, "at 0")
    assert cut((0.9, 1.2), (0.0, 1.0)) == (0.9, 1.0, "at 1")
    assert cut((-1.0, 2.0), (0.0, 1.0)) == (0.0, 1.0, "at 0 and 1")
    assert cut((0.1, 0.3), (0.0, 1.0)) == (0.1, 0.3, "")
