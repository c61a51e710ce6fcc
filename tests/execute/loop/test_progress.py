"""How far a run is and when it will end."""

from __future__ import annotations

import random
from statistics import fmean

import pytest

from fairtrial.execute.loop.progress import Meter
from fairtrial.model.progress import Progress
from fairtrial.model.run import History

START = Progress(run=1, study="s", state="running", total=100, done=20, failed=0, running=0, reused=20, jobs=4)


def meter(durations, *, total=100, history=History(), job_s=0.0):
    made = Meter(Progress(**{**START.as_dict(), "total": total}), history)
    for wall_s in durations:
        made.settle(wall_s, failed=False)
    if job_s:
        made.pass_time(job_s / 4, 4)
    return made


def test_the_time_left_is_trials_left_by_mean_by_jobs():
    """80 left after 20, less 10 that ended: 70 of 2 s on 4 jobs are 35 s, without a spread exactly."""
    assert meter([2.0] * 10).eta(running=0, jobs=4) == (35.0, 35.0, 35.0)


def test_running_trials_count_as_half():
    """Four of the 70 left are half done."""
    assert meter([2.0] * 10).eta(running=4, jobs=4)[0] == pytest.approx(34.0)


def test_the_last_trials_do_not_use_more_jobs_than_there_are_trials():
    """With two left on four jobs the time is that of one trial."""
    assert meter([2.0] * 10, total=32).eta(running=0, jobs=4)[0] == pytest.approx(2.0)


def test_what_lies_between_short_trials_counts():
    """Trials of 1 ms that take 10 ms of a job each are 10 ms."""
    assert meter([0.001] * 40, job_s=0.4).eta(running=0, jobs=4)[0] == pytest.approx(40 * 0.01 / 4)


def test_there_is_no_range_before_three_and_no_eta_without_a_total():
    """What is not known is None."""
    assert meter([2.0, 2.0]).eta(running=0, jobs=4) == (39.0, None, None)
    assert meter([2.0] * 5, total=None).eta(running=0, jobs=4) == (None, None, None)
    assert meter([]).eta(running=0, jobs=4) == (None, None, None)


def test_the_book_stands_in_before_the_first_trial_ended():
    """The mean of earlier runs gives a first ETA, without a range."""
    assert meter([], history=History(wall_mean_s=4.0)).eta(running=0, jobs=4) == (80.0, None, None)


def test_the_range_holds_nine_times_in_ten():
    """Over 400 seeded runs with gamma durations on one job the true time lies in the range 90 times of 100."""
    draw = random.Random(0)
    hits = []
    for _ in range(400):
        seen = [draw.gammavariate(4.0, 0.5) for _ in range(30)]
        left = sum(draw.gammavariate(4.0, 0.5) for _ in range(50))
        _, low, high = meter(seen, total=100).eta(running=0, jobs=1)
        hits.append(low <= left <= high)
    assert 0.85 <= fmean(hits) <= 0.95


def test_failures_and_paused_time():
    """Failures are counted apart; a rate is of settled trials over the time in which trials could run."""
    made = meter([1.0] * 3)
    made.settle(1.0, failed=True)
    made.pass_time(2.0, 4)
    moment = made.moment(running=2, jobs=4, state="paused", waits="")
    assert (moment.done, moment.failed, moment.running, moment.rate_per_s) == (23, 1, 2, 2.0)
    assert moment.eta_s is None
