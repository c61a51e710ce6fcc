"""The measured window and its bins."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.errors import Invalid
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.measure.window import (
    Answers,
    Window,
    answers,
    backlog,
    bins_for,
    declared,
    in_flight_mean,
)
from fairtrial.systems.services.record import Outcome

S = 1_000_000_000
TEN = Window(0, 10 * S)


def test_ramp_and_warmup_come_before_the_window(made):
    """The window of a closed loop begins after both, and ends with the load."""
    records = made([0.0], [0.1], end_s=10)
    assert declared(records, Load(ramp_s=1, warmup_s=2)) == Window(3 * S, 10 * S)


def test_a_load_that_ends_in_its_warmup_is_invalid(made):
    """One line says how long it lasted, how long the warm-up is, and what to do."""
    with pytest.raises(Invalid, match=r"ended after 1 s, within ramp and warm-up of 2 s \(give the load a longer"):
        declared(made([0.0], [0.1], end_s=1), Load(warmup_s=2))


def test_the_window_holds_its_begin_and_not_its_end():
    """A request due at the end belongs to the next window."""
    assert Window(10, 20).holds(np.array([9, 10, 19, 20])).tolist() == [False, True, True, False]


def test_bins_are_equal_and_begin_at_their_edges():
    """Every time lies in the bin whose edges enclose it, also where the width is no whole number."""
    window = Window(7, 107)
    times = np.arange(7, 107)
    at = window.bin(times, 7)
    edges = np.array([window.edge_ns(place, 7) for place in range(8)])
    assert (edges[at] <= times + 1).all()
    assert (times < edges[at + 1] + 1).all()
    assert np.bincount(at).tolist() == [15, 14, 14, 15, 14, 14, 14]
    assert (edges[0], edges[-1]) == (7, 107)


def test_answers_are_successes_by_due_time_and_by_end(made):
    """A success counts in the bin in which it was due and in that in which it ended; a failure is kept apart."""
    records = made([0.5, 1.5, 2.5, 2.6, 3.5], [0.1, 1.0, 0.2, 0.1, 0], end_s=10, outcome=[0, 0, 0, 1, 3])
    found = answers(records, TEN, 10)
    assert found.due[:4].tolist() == [1, 1, 1, 0]
    assert found.ended[:4].tolist() == [1, 0, 3, 0]
    assert found.failed[:4].tolist() == [0, 0, 1, 1]
    assert found.time_ns[:3].tolist() == [0.1 * S, 1.0 * S, 0.2 * S]


def test_grouped_answers_add_up():
    """Joining bins adds them; what does not fill a group is dropped."""
    ones = np.ones(11)
    joined = Answers(ones, 2 * ones, ones, 0 * ones).grouped(5)
    assert joined.due.tolist() == [2] * 5
    assert joined.time_ns.tolist() == [4] * 5
    assert len(Answers(ones, ones, ones, ones).tail(4).failed) == 7


def test_the_backlog_counts_what_was_due_and_not_answered(made):
    """Errors are answers; time-outs, shed and censored requests stay in the backlog for good."""
    records = made(
        [-1.0, 0.5, 1.5, 2.5, 3.5, 4.5],
        [3.2, 0.1, 0.1, 0.1, 0.1, 0.1],
        end_s=10,
        outcome=[Outcome.OK, Outcome.OK, Outcome.ERROR, Outcome.TIMEOUT, Outcome.SHED, Outcome.CENSORED],
    )
    assert backlog(records, TEN, 10).tolist() == [1, 1, 1, 1, 2, 3, 3, 3, 3, 3, 3][:11]


def test_in_flight_is_the_time_spent_in_the_system(made):
    """Mean in flight is the sum of times inside the window over its length; the unfinished last until its end."""
    records = made([-1.0, 2.0, 9.5, 5.0, 6.0], [2.0, 1.0, 9.0, 0.0, 0.0], end_s=10, outcome=[0, 0, 0, 3, 4])
    assert in_flight_mean(records, TEN) == pytest.approx((1.0 + 1.0 + 0.5 + 4.0) / 10)


@pytest.mark.parametrize(
    ("length_s", "requests", "bins"),
    [(10, 10**6, 100), (60, 10**6, 300), (2, 10**6, 100), (0.5, 10**6, 25), (60, 100, 25), (10**6, 10**9, 2000)],
)
def test_bins_are_neither_short_nor_empty(length_s, requests, bins):
    """About 0.1 to 0.2 s each, at least 20 ms and four requests, and never very many."""
    assert bins_for(Window(0, int(length_s * S)), requests, batch=5) == bins
