"""When signals fire: changes of state, cooldown, probabilities, confidences, NaN."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.signals.judge.fire import fire

NAN = np.nan


def fired(values, threshold, mode="state", cooldown=1):
    """Return the signals as pairs of bin and side."""
    found = fire(np.array(values), threshold, mode=mode, cooldown_bins=cooldown)
    return list(zip(found.bins.tolist(), found.sides.tolist(), strict=True))


def test_a_state_fires_when_it_changes():
    """Up at the threshold itself, not while it stays, again after flat, straight from up to down."""
    values = [0, 1, 2, 1, 0.9, 1, -1, -1, 0, -3, NAN, -3]
    assert fired(values, 1) == [(1, 1), (5, 1), (6, -1), (9, -1), (11, -1)]


def test_the_first_bin_follows_flat():
    """A state that is there from the start is a change."""
    assert fired([2, 2], 1) == [(0, 1)]


def test_a_change_within_the_cooldown_is_lost():
    """The state is updated all the same, so that its later bins are no change; the cooldown's end is inclusive."""
    assert fired([1, 0, 1, 1, 1, 1], 1, cooldown=3) == [(0, 1)]
    assert fired([1, 0, 0, 1, 0, 1, 1, -1], 1, cooldown=3) == [(0, 1), (3, 1), (7, -1)]


def test_a_higher_threshold_may_fire_more():
    """One long stay above a low threshold is several above a high one."""
    values = [1, 2, 1, 2, 1, 2]
    assert len(fired(values, 2)) == 3
    assert len(fired(values, 1)) == 1


def test_a_probability_fires_while_it_holds():
    """Up at p >= threshold, down at p <= 1 - threshold, each time that the cooldown is over; both ends included."""
    values = [0.6, 0.7, 0.5, 0.4, 0.3, NAN, 0.6]
    assert fired(values, 0.6, "probability") == [(0, 1), (1, 1), (3, -1), (4, -1), (6, 1)]
    assert fired(values, 0.6, "probability", cooldown=3) == [(0, 1), (3, -1), (6, 1)]


def test_a_confidence_fires_on_the_side_of_its_sign():
    """|d| >= threshold; 0 has no side, even at threshold 0."""
    assert fired([0.2, -0.2, 0.1, 0.0], 0.2, "confidence") == [(0, 1), (1, -1)]
    assert fired([0.2, 0.0, -0.1, NAN], 0.0, "confidence") == [(0, 1), (2, -1)]


@pytest.mark.parametrize("mode", ["state", "probability", "confidence"])
def test_nothing_fires_from_nothing(mode):
    """Neither no values nor NaN alone."""
    assert fired([], 0.5, mode) == []
    assert fired([NAN] * 4, 0.0, mode) == []


def test_no_cooldown():
    """0 and 1 bins are the same: two signals never share a bin."""
    values = [1, -1, 1, -1]
    assert fired(values, 1, cooldown=0) == fired(values, 1, cooldown=1) == [(0, 1), (1, -1), (2, 1), (3, -1)]
