"""Replication until an interval is narrow enough, and the level at which its coverage holds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fairtrial.stats.precision import half_width, more, nominal

VALUES = [9.0, 10.0, 11.5, 10.5]


def test_half_of_students_interval():
    """It is that of scipy; fewer than two values have none."""
    low, high = stats.t.interval(0.95, 3, np.mean(VALUES), stats.sem(VALUES))
    assert half_width(VALUES, 0.05) == pytest.approx((high - low) / 2, rel=1e-9)
    assert half_width([1.0], 0.05) is None


def test_nothing_more_once_it_is_narrow():
    """The bound itself is narrow enough; a share is of the mean."""
    half = half_width(VALUES, 0.05)
    assert half is not None
    assert more(VALUES, half, relative=False, alpha=0.05) == 0
    assert more(VALUES, half * 0.999, relative=False, alpha=0.05) > 0
    assert more(VALUES, half / np.mean(VALUES) * 1.001, relative=True, alpha=0.05) == 0
    assert more([-value for value in VALUES], half / np.mean(VALUES) * 1.001, relative=True, alpha=0.05) == 0


def test_what_is_missing_is_added_half_of_what_is_there_at_most():
    """A little too wide: a little more; far too wide, or wanted exactly: half as many again."""
    half = half_width(VALUES, 0.05)
    assert half is not None
    assert more(VALUES, half * 0.95, relative=False, alpha=0.05) == 1
    assert more(VALUES, half / 100, relative=False, alpha=0.05) == 2
    assert more([-1.0, 1.0], 0.05, relative=True, alpha=0.05) == 1
    assert (more([], 1.0, relative=False, alpha=0.05), more([3.0], 1.0, relative=False, alpha=0.05)) == (2, 1)


@given(
    values=st.lists(st.floats(1, 100), min_size=2, max_size=12),
    power=st.integers(-20, 20),
    width=st.floats(0.001, 1),
)
def test_units_change_nothing(values, power, width):
    """A scale by a power of two, which no rounding touches, asks for as many."""
    scale = 2.0**power
    scaled = [value * scale for value in values]
    assert more(scaled, width, relative=True, alpha=0.05) == more(values, width, relative=True, alpha=0.05)
    assert more(scaled, width * scale, relative=False, alpha=0.05) == more(values, width, relative=False, alpha=0.05)


def test_the_level_is_alpha_where_nothing_is_looked_at():
    """A fixed number of replicates needs no correction, and many at the start hardly one."""
    assert nominal(0.05, 5, 5) == 0.05
    assert nominal(0.05, 3, 20) < nominal(0.05, 10, 20) < 0.05
    assert nominal(0.01, 3, 20) < 0.01


@pytest.mark.parametrize(("least", "most", "wanted"), [(2, 30, 1.0), (3, 20, 0.6), (5, 20, 0.8)])
def test_it_keeps_the_coverage_that_the_usual_level_loses(least, most, wanted):
    """Over 1,500 sequences of other random numbers: misses at the nominal level stay at alpha, within three errors."""
    rng = np.random.default_rng(5)
    alpha = nominal(0.05, least, most)
    misses = sum(_misses(rng.standard_normal(most), least, wanted, alpha) for _ in range(1500)) / 1500
    assert misses <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1500)


def test_the_usual_level_does_lose_it():
    """Without the correction, stopping at a narrow interval misses far more often than promised."""
    rng = np.random.default_rng(6)
    misses = sum(_misses(rng.standard_normal(20), 3, 0.6, 0.05) for _ in range(1000)) / 1000
    assert misses > 0.08


def _misses(values, least, wanted, alpha):
    count = least
    while count < len(values) and (step := more(values[:count].tolist(), wanted, relative=False, alpha=alpha)):
        count = min(len(values), count + step)
    half = half_width(values[:count].tolist(), alpha)
    return abs(values[:count].mean()) > half
