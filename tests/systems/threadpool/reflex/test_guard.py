"""The guard: no change without gain, none too soon, none out of range; the start when that lasts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.errors import UserError
from fairtrial.systems.threadpool.parameters import Control
from fairtrial.systems.threadpool.reflex.guard import Guard, gain

SIZES = (1, 8, 64)
AWAY = np.full(10, np.nan)
"""A row that is out of range."""


class Told:
    """A chooser whose costs stand in the first features; a row with a missing number is out of range."""

    sizes = SIZES

    def costs(self, features):
        return np.asarray(features)[:, :3]

    def inside(self, features):
        return ~np.isnan(features[:, 9])


def row(*costs):
    return np.array([*costs, *[0.0] * 7])


def guard(start=8, **words):
    return Guard(Told(), Control(**{"hold_s": 1, "gain": 0.1, "telemetry_s": 1, **words}), start=start)


def test_a_change_needs_a_gain():
    """A quarter is asked for: 25 % is not more than that, 26 % is; the cheapest size is taken."""
    one = guard(gain=0.25)
    assert one.decide(0, row(9, 1.25, 1)) == 8
    assert one.decide(1, row(9, 1.26, 1)) == 64
    assert (one.decisions, one.changes, one.fallbacks) == (2, 1, 0)


def test_a_change_waits_for_the_hold_time():
    """After a change the size stays for hold_s, whatever the gain; then it may change."""
    one = guard()
    assert one.decide(0, row(9, 2, 1)) == 64
    assert one.decide(0.9, row(1, 9, 9)) == 64
    assert one.decide(1.0, row(1, 9, 9)) == 1


def test_sums_of_windows_do_not_prolong_the_hold_time():
    """Ten windows of 0.1 s are 1 s, although their sum in floating point is a little less."""
    one, now = guard(), 0.0
    one.decide(now, row(9, 2, 1))
    for _ in range(10):
        now += 0.1
    assert now < 1
    assert one.decide(now, row(1, 9, 9)) == 1


def test_out_of_range_freezes_then_falls_back():
    """One odd window moves nothing; when it lasts as long as telemetry looks back the start is taken, and kept."""
    one = guard(telemetry_s=2)
    assert one.decide(0, row(9, 2, 1)) == 64
    assert [one.decide(at, AWAY) for at in (5, 6, 6.9)] == [64] * 3
    assert [one.decide(at, AWAY) for at in (7, 8, 50)] == [8] * 3
    assert (one.changes, one.fallbacks) == (2, 6)
    assert one.decide(51, row(1, 9, 9)) == 1


def test_a_return_into_range_starts_the_patience_anew():
    """Odd windows that do not last add up to nothing."""
    one = guard(telemetry_s=2)
    one.decide(0, row(9, 2, 1))
    for at in range(2, 40, 2):
        assert one.decide(at, AWAY) == 64
        assert one.decide(at + 1, row(9, 2, 1)) == 64


def test_costs_that_are_not_known_are_no_reason_to_move():
    """All costs NaN or infinite: as out of range. The present one NaN: stay. Infinite: go."""
    assert guard().decide(0, row(np.nan, np.nan, np.nan)) == 8
    assert guard().decide(0, row(math.inf, math.inf, math.inf)) == 8
    assert guard().decide(0, row(1, np.nan, 2)) == 8
    assert guard().decide(0, row(math.inf, math.inf, 2)) == 64


@pytest.mark.parametrize(
    ("now", "new", "expected"),
    [(1.2, 1, 0.2), (1, 1, 0), (math.inf, 1, math.inf), (1, 0, math.inf), (0, 0, 0), (-1, -2, 0.5), (1, -2, 1.5)],
)
def test_a_gain_is_relative_to_the_new_cost(now, new, expected):
    """Also where formulas reach 0 or below."""
    assert gain(now, new) == pytest.approx(expected)


def test_a_start_that_cannot_be_chosen_is_refused():
    """One line with the nearest size, on the scale of sizes."""
    with pytest.raises(UserError, match=r"policy.workers is 20, .*\(nearest: 8\)"):
        guard(start=20)


costs = st.one_of(
    st.floats(0.1, 100), st.floats(-10, 10), st.just(math.inf), st.just(math.nan), st.sampled_from([1.0, 1.05])
)
windows = st.lists(
    st.tuples(st.floats(0, 3), st.booleans(), st.tuples(costs, costs, costs)), min_size=1, max_size=60
)  # gap, in range, costs


@settings(max_examples=300, deadline=None)
@given(windows, st.sampled_from(SIZES), st.floats(0, 3), st.floats(0, 1), st.floats(0.1, 3))
def test_what_holds_whatever_happens(seen, start, hold_s, least, telemetry_s):
    """Sizes are known ones; changes are hold_s apart, have a gain in range, and lead to the start out of range."""
    one = Guard(Told(), Control(hold_s=hold_s, gain=least, telemetry_s=telemetry_s), start=start)
    now, size, changed, lost_s = 0.0, start, -math.inf, None
    for gap, inside, values in seen:
        now += gap
        features = row(*values)
        features[9] = 0.0 if inside else np.nan
        known = inside and bool(np.isfinite(values).any())
        lost_s = None if known else now if lost_s is None else lost_s
        chosen = one.decide(now, features)
        assert chosen in SIZES
        if chosen != size:
            assert now - changed >= hold_s * (1 - 1e-9)
            if known:
                old, new = (values[SIZES.index(which)] for which in (size, chosen))
                assert new == min(value for value in values if math.isfinite(value))
                assert gain(old, new) > least
            else:
                assert chosen == start
                assert now - lost_s >= max(telemetry_s, hold_s) * (1 - 1e-9)
            size, changed = chosen, now
    assert one.decisions == len(seen)
