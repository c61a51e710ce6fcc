"""From what threads noted to records and a tally: windows cut spans, work and workers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fairtrial.systems.threadpool.real.binding import DROPPED, NOT_YET
from fairtrial.systems.threadpool.real.tally import Notes, records

S = 1_000_000_000
START = 100 * S


@pytest.fixture
def given(tasks):
    """Four tasks: done early, done across 2 s, at work since 3 s, dropped; two workers, one added at 1 s."""
    columns = np.array([
        [START, START + S, START + 2 * S, START + 4 * S],
        [START, START + S, START + 3 * S, DROPPED],
        [START + S, START + 3 * S, NOT_YET, NOT_YET],
        [S // 2, S, NOT_YET, NOT_YET],
        [3, 5, NOT_YET, NOT_YET],
        [0, 1, NOT_YET, NOT_YET],
    ])  # fmt: skip
    workers = np.array([[0, 10, NOT_YET], [START + S, START + S + S // 4, START + 3 * S]])

    def make(since_s, *, switches_seen=True):
        notes = Notes(columns, workers, START, START + 5 * S, switches_seen)
        return records(tasks([0.0, 1.0, 2.0, 4.0], blocking_s=1.0), notes, since_s=since_s)

    return make


def test_records(given):
    """Times count from time zero; NaN: dropped, or not yet."""
    found = given(0.0)
    assert np.array_equal(found.begin_s, [0.0, 1.0, 3.0, np.nan], equal_nan=True)
    assert np.array_equal(found.end_s, [1.0, 3.0, np.nan, np.nan], equal_nan=True)
    assert found.dropped.tolist() == [False, False, False, True]


def test_whole_window(given):
    """From the start to the last due time: everything, and of the task at work what lies before it."""
    tally = given(0.0).tally
    assert (tally.since_s, tally.until_s) == (0.0, 4.0)
    assert tally.busy_s == 1 + 2 + 1
    assert tally.worker_s == 4 + 2
    assert tally.core_s == 1.5
    assert tally.switches == 8
    assert (tally.spawned, tally.retired, tally.spawn_s) == (1, 1, 0.25)


def test_window_that_cuts(given):
    """Spans count as far as they lie inside, CPU time in proportion, switches where the task ended."""
    tally = given(2.0).tally
    assert tally.busy_s == 1 + 1
    assert tally.worker_s == 2 + 1
    assert tally.core_s == 0.5
    assert tally.switches == 5
    assert (tally.spawned, tally.retired, tally.spawn_s) == (0, 1, 0.0)


def test_switches_that_are_not_seen(given):
    """Where the system does not count them they are undefined, not none."""
    assert math.isnan(given(0.0, switches_seen=False).tally.switches)
