"""Location and spread: against numpy and the standard library, at the edges of floating point, group by group."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.errors import FairtrialError
from fairtrial.stats.summary import Groups, mean, median, sd, summarise

SAMPLES = st.lists(st.floats(-1e9, 1e9, allow_nan=False), min_size=1, max_size=30)


@given(SAMPLES)
def test_scalars_agree_with_the_standard_library(values):
    """Mean, sd and median are those of the exact arithmetic of `statistics`."""
    scale = max(1.0, *map(abs, values))
    assert mean(values) == pytest.approx(statistics.mean(values), abs=1e-14 * scale)
    assert median(values) == statistics.median(values)
    if len(values) > 1:
        assert sd(values) == pytest.approx(statistics.stdev(values), rel=1e-12, abs=1e-13 * scale)


def test_too_few_values_are_none():
    """An empty sample has no mean and no median, one value has no spread."""
    assert (mean([]), sd([]), median([])) == (None, None, None)
    assert (mean([3.0]), sd([3.0]), median([3.0])) == (3.0, None, 3.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_undefined_values_are_refused(bad):
    """A scalar function never sees NaN or infinities: its caller counts them first."""
    with pytest.raises(FairtrialError):
        mean([1.0, bad])


def test_a_large_offset_does_not_cancel():
    """The spread of 1, 2, 3 survives an offset of 1e15."""
    assert sd([1e15 + 1, 1e15 + 2, 1e15 + 3]) == 1.0


def test_extreme_magnitudes_do_not_overflow():
    """Sums and squares near the largest and the smallest floats stay finite and right."""
    assert mean([1.5e308, 1.7e308]) == pytest.approx(1.6e308)
    assert sd([1e300, 3e300]) == pytest.approx(math.sqrt(2) * 1e300)
    assert median([1.5e308, 1.7e308]) == pytest.approx(1.6e308)
    assert sd([1e-300, 3e-300]) == pytest.approx(math.sqrt(2) * 1e-300)


def test_a_constant_sample_has_exactly_no_spread():
    """Three times 0.1 has mean 0.1 and sd 0, not rounding error."""
    assert (mean([0.1] * 3), sd([0.1] * 3)) == (0.1, 0.0)


def test_groups_agree_with_one_by_one():
    """Each group of a shuffled column gets what it would get alone; undefined values are left out."""
    rng = np.random.default_rng(0)
    values, codes = rng.normal(5, 2, 4000), rng.integers(0, 37, 4000)
    values[rng.random(4000) < 0.1] = np.nan
    values[0] = np.inf
    summary = summarise(values, codes, 37)
    for group in range(37):
        own = values[(codes == group) & np.isfinite(values)]
        assert summary.n[group] == len(own)
        assert summary.mean[group] == pytest.approx(own.mean(), rel=1e-13)
        assert summary.sd[group] == pytest.approx(own.std(ddof=1), rel=1e-13)
        assert summary.median[group] == np.median(own)
        assert (summary.minimum[group], summary.maximum[group]) == (own.min(), own.max())


def test_groups_without_values_are_nan():
    """A group with nothing measured is counted as zero and has no numbers; a single value has no sd."""
    summary = summarise([1.0, np.nan], [2, 1], 4)
    assert summary.n.tolist() == [0, 0, 1, 0]
    assert summary.mean[2] == 1.0
    assert np.isnan(summary.mean[[0, 1, 3]]).all()
    assert np.isnan(summary.sd).all()


def test_nothing_at_all_is_summarised():
    """No values and no groups give empty arrays."""
    assert len(summarise([], [], 0).mean) == 0
    assert summarise([], [], 2).n.tolist() == [0, 0]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.5, 0.9, 0.95, 1.0])
def test_quantiles_are_values(share):
    """The smallest value with at least that share of the values at or below it, as numpy's inverted_cdf."""
    rng = np.random.default_rng(3)
    values, codes = rng.normal(size=900), rng.integers(0, 30, 900)
    values[rng.random(900) < 0.1] = np.nan
    found = Groups(codes, 30).summarise(values, [share])
    for group in range(30):
        own = values[(codes == group) & np.isfinite(values)]
        assert found.quantiles[0, group] == np.quantile(own, share, method="inverted_cdf")


def test_a_quantile_of_twenty_is_the_nineteenth():
    """0.95 of 20 values are 19, whatever 0.95 is as a float."""
    found = Groups([0] * 20, 2).summarise(np.arange(1.0, 21.0), [0.95, 0.15, 0.55])
    assert found.quantiles[:, 0].tolist() == [19, 3, 11]
    assert np.isnan(found.quantiles[:, 1]).all()


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(-1e6, 1e6) | st.just(math.nan)), max_size=60), st.integers(0, 9))
def test_the_order_of_values_does_not_matter(rows, seed):
    """Groups of any sizes, to the last digit."""
    order = np.random.default_rng(seed).permutation(len(rows))
    codes, values = [row[0] for row in rows], [row[1] for row in rows]
    found = summarise(values, codes, 10)
    moved = summarise([values[place] for place in order], [codes[place] for place in order], 10)
    for name in ("n", "mean", "sd", "median", "minimum", "maximum"):
        np.testing.assert_array_equal(getattr(found, name), getattr(moved, name))


def test_more_groups_than_sixteen_bits():
    """Group numbers beyond 65,535 are sorted whole."""
    codes = np.array([70_000, 4464, 70_000, 4464, 131_072])
    found = summarise([1.0, 2.0, 3.0, 4.0, 5.0], codes, 131_073)
    assert found.mean[[70_000, 4464, 131_072]].tolist() == [2, 3, 5]
    assert found.n.sum() == 5
