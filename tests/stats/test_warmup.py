"""The end of the warm-up by MSER-5."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.stats.warmup import BATCH, mser5


def by_definition(values):
    """Return the best cut in batches, term by term as the definition has it."""
    m = len(values) // BATCH
    z = [float(np.mean(values[i * BATCH : (i + 1) * BATCH])) for i in range(m)]

    def error(d):
        rest = z[d:]
        middle = sum(rest) / len(rest)
        return sum((x - middle) ** 2 for x in rest) / len(rest) ** 2

    return min(range(m // 2 + 1), key=error)


@given(st.integers(0, 10**6), st.integers(10, 120))
def test_the_cut_is_that_of_the_definition(seed, n):
    """The sums from the end give the same cut as the definition."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=n) + 3 * np.exp(-np.arange(n) / rng.uniform(1, 40))
    assert mser5(values).batches == by_definition(values)


def test_a_step_is_cut_off_where_it_ends():
    """Twenty values of start-up before a hundred steady ones are cut, no more and no fewer."""
    rng = np.random.default_rng(0)
    values = np.concatenate([np.full(20, 10.0), np.ones(100)]) + rng.normal(0, 0.1, 120)
    cut = mser5(values)
    assert (cut.values, cut.batches, cut.allowed) == (20, 4, 12)
    assert not cut.late


def test_constant_values_are_not_cut():
    """Where every cut is as good, nothing is cut."""
    assert mser5(np.full(100, 0.1)).values == 0


@pytest.mark.parametrize(("length", "late"), [(30, False), (40, True), (50, True)])
def test_a_cut_in_the_last_quarter_is_late(length, late):
    """Of at most half of the batches, a cut from three quarters on is late."""
    values = np.concatenate([np.full(length, 5.0), np.ones(100 - length)])
    assert mser5(values).values == length
    assert mser5(values).late is late


def test_a_ramp_through_the_whole_series_is_late():
    """Where all of it changes, as much is cut as is allowed."""
    cut = mser5(np.arange(100.0))
    assert cut.batches == cut.allowed == 10
    assert cut.late


@pytest.mark.parametrize("n", [0, 4, 9])
def test_too_short_a_series_is_not_cut(n):
    """Below two batches there is nothing to compare."""
    cut = mser5(np.arange(float(n)))
    assert cut.values == 0
    assert not cut.late


def test_units_and_offset_do_not_matter():
    """Other units and another zero give the same cut."""
    values = np.random.default_rng(1).gamma(2, size=200) + np.exp(-np.arange(200) / 20)
    assert mser5(values).values == mser5(1e-9 * values).values == mser5(values + 1e4).values
