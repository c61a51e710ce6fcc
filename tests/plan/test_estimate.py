"""How long the rest takes: from the book's times, the system's word, or not at all."""

from __future__ import annotations

import random
from statistics import mean, stdev

import pytest

from fairtrial.model.run import History
from fairtrial.plan.estimate import estimate


def test_nothing_is_known():
    """Without times and without the system's word there is no number."""
    made = estimate(History(), left=10, jobs=2)
    assert (made.wall_s, made.low_s, made.high_s, made.peak_bytes) == (None, None, None, None)
    assert made.basis == "no trial of this system was measured yet"


def test_the_mean_is_shared_by_the_jobs_that_have_work():
    """Left over lanes, and no more lanes than trials."""
    history = History(trials=5, wall_mean_s=2.0, wall_sd_s=0.5, peak_bytes=7)
    made = estimate(history, left=10, jobs=4)
    assert (made.wall_s, made.peak_bytes) == (5.0, 7)
    assert 0 < made.low_s < 5 < made.high_s
    assert estimate(history, left=1, jobs=8).wall_s == 2.0
    assert estimate(history, left=0, jobs=4).wall_s == 0.0


def test_one_measurement_gives_no_range():
    """A spread needs two."""
    made = estimate(History(trials=1, wall_mean_s=3.0), left=2, jobs=1)
    assert (made.wall_s, made.low_s, made.high_s) == (6.0, None, None)


def test_the_system_may_say_what_a_trial_costs():
    """Its word goes before the times of the book, which are those of other parameters too."""
    assert estimate(History(), left=10, jobs=2, cost_s=4.0).wall_s == 20.0
    assert estimate(History(trials=3, wall_mean_s=1.0), left=10, jobs=2, cost_s=4.0).wall_s == 20.0


@pytest.mark.parametrize(("n", "left"), [(20, 5), (20, 200), (200, 200)])
def test_the_range_covers(n, left):
    """Nine in ten ranges hold the time that the rest takes (seed 0, 2,000 repeats, normal times, 2 points of slack)."""
    stream = random.Random(0)
    held = 0
    for _ in range(2000):
        seen = [stream.gauss(10, 1) for _ in range(n)]
        made = estimate(History(trials=n, wall_mean_s=mean(seen), wall_sd_s=stdev(seen)), left=left, jobs=1)
        held += made.low_s <= sum(stream.gauss(10, 1) for _ in range(left)) <= made.high_s
    assert 0.87 <= held / 2000 <= 0.93
