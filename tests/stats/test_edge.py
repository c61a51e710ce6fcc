"""The search for an edge: where it looks, when it ends, and what it takes for shown."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fairtrial.stats.edge import Climb, Listed, Ranged, bound, kept, saturated, share


def climbed(rail, is_safe, most=None):
    """Walk a rail where `is_safe` says the truth."""
    climb = Climb(rail, most)
    while (level := climb.level()) is not None:
        climb.tell(level, safe=is_safe(level))
        assert len(climb.tested) < 50
    return climb


@pytest.mark.parametrize("edge", [1.0, 1.04, 3.0, 37.0, 63.9, 64.0])
@pytest.mark.parametrize("log", [True, False])
def test_a_range_is_searched_to_its_resolution(edge, log):
    """Up by doublings, then by halves: the bracket holds the edge and is narrower than 5 %."""
    rail = Ranged(1.0, 64.0, log=log)
    found = climbed(rail, lambda x: x <= edge)
    assert found.safe <= edge
    if found.unsafe is None:
        assert found.safe == 64.0
    else:
        assert edge < found.unsafe <= found.safe * 1.051
    ups = [level for level in found.tested if math.log2(level) == int(math.log2(level))]
    assert found.tested[: len(ups)] == ups
    assert len(found.tested) - len(ups) <= rail.halvings


@pytest.mark.parametrize("edge", [0.0, 0.3, 3.3, 9.99])
def test_a_range_from_zero_doubles_its_distance(edge):
    """The resolution is then a share of the first step, where the edge lies below it."""
    found = climbed(Ranged(0.0, 10.0), lambda x: x <= edge)
    assert found.safe <= edge < found.unsafe
    assert found.unsafe - found.safe <= 0.05 * max(found.safe, 10 / 16) * 1.001


@pytest.mark.parametrize("edge", range(1, 101))
def test_whole_numbers_are_searched_to_neighbours(edge):
    """Where 5 % is less than one."""
    found = climbed(Ranged(1, 100, integer=True), lambda x: x <= edge)
    if edge == 100:
        assert (found.safe, found.unsafe) == (100, None)
    else:
        assert found.safe <= edge < found.unsafe
        assert found.unsafe - found.safe <= max(1, 0.05 * found.safe)
    assert all(level == int(level) for level in found.tested)


@pytest.mark.parametrize("count", [1, 2, 5, 8, 33])
def test_listed_levels_are_searched_to_neighbours(count):
    """Every edge is found exactly, with no more halvings than are shared the error rate with."""
    levels = [float(10 * place) for place in range(count)]
    for edge in range(-1, count):
        rail = Listed(levels)
        found = climbed(rail, lambda x, edge=edge: x <= 10 * edge)
        assert found.safe == (levels[edge] if edge >= 0 else None)
        assert found.unsafe == (levels[edge + 1] if edge + 1 < count else None)
        assert len(set(found.tested)) == len(found.tested)
        ups = [0]
        while ups[-1] < count - 1:
            ups.append(min(2 * ups[-1] + 1, count - 1))
        halved = [level for level in found.tested if level / 10 not in ups]
        assert len(halved) <= rail.halvings


def test_the_lowest_level_may_be_too_high():
    """Then nothing else is tried."""
    found = climbed(Ranged(1.0, 64.0), lambda x: False)
    assert (found.tested, found.safe, found.unsafe) == ([1.0], None, 1.0)


def test_it_ends_at_so_many_levels_or_where_nothing_grows():
    """Both leave the bracket as it is."""
    assert climbed(Ranged(1.0, 64.0), lambda x: x <= 9, most=5).tested == [1.0, 2.0, 4.0, 8.0, 16.0]
    climb = Climb(Ranged(1.0, 64.0))
    climb.tell(1.0, safe=True)
    climb.tell(2.0, safe=True, full=True)
    assert climb.level() is None


def test_all_tests_share_the_error_rate():
    """The way up has one part of it, each halving another."""
    assert share(0.05, Listed([1.0])) == 0.05
    assert share(0.06, Listed([1.0, 2.0, 4.0, 8.0, 16.0])) == pytest.approx(0.03)
    assert share(0.06, Ranged(1, 64)) == pytest.approx(0.01)


def test_a_limit_is_kept_where_the_bound_keeps_it():
    """The mean alone does not, nor one value, nor values of which one is missing."""
    values = [0.9, 1.0, 1.1]
    end = bound(values, 0.05, upper=True)
    assert end == pytest.approx(1 + 2.9199856 * 0.1 / 3**0.5)
    assert kept(values, end, most=True, alpha=0.05)
    assert not kept(values, end - 1e-9, most=True, alpha=0.05)
    assert kept(values, 2 - end, most=False, alpha=0.05)
    assert not kept([*values, math.nan], 9.0, most=True, alpha=0.05)
    assert not kept([1.0], 9.0, most=True, alpha=0.05)


def test_saturation_is_shown_and_not_supposed():
    """Less than 5 % of growth, by its upper bound, round by round; noise that is common to both cancels."""
    common = np.array([1.0, 1.3, 0.8, 1.1])
    assert saturated(100 * common, 102 * common, 0.05)
    assert not saturated(100 * common, 106 * common, 0.05)
    assert not saturated([100, 130, 80], [150, 90, 95], 0.05)
    assert not saturated([100, 101], [100, math.nan], 0.05)
    assert not saturated([100], [100], 0.05)
