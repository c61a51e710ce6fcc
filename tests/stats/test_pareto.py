"""The Pareto set: against its definition."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.stats.pareto import pareto

ROWS = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(st.integers(0, 4), min_size=width, max_size=width), min_size=1, max_size=25)
)


@given(ROWS)
def test_it_is_what_nothing_dominates(rows):
    """A row is in the set exactly where no other is at least as good everywhere and better somewhere."""
    values = np.asarray(rows, dtype=float)
    expected = [not any((other >= row).all() and (other > row).any() for other in values) for row in values]
    assert pareto(values).tolist() == expected


def test_missing_values_are_not_in_it():
    """A row of which one number is unknown beats nothing and is not shown."""
    assert pareto(np.array([[np.nan, 9.0], [1.0, 1.0]])).tolist() == [False, True]
    assert pareto(np.empty((0, 2))).tolist() == []
