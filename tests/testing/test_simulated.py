"""Tests of the engine with virtual time."""

from __future__ import annotations

import pytest

from fairtrial.contract.engine import Ended, EngineSettings, Started, Stepped
from fairtrial.model.outcome import FailureClass, Status
from fairtrial.testing.exams.engine import drive
from fairtrial.testing.fakes import SUBJECT, FakeSystem
from fairtrial.testing.making import member, task
from fairtrial.testing.simulated import Simulated


def opened(engine, tmp_path, jobs=2):
    return engine.open(FakeSystem(), SUBJECT, EngineSettings(jobs=jobs, scratch=tmp_path, mark=""))


def fixed(seconds):
    return lambda drawn, task: seconds


def history(engine, tmp_path, tasks, jobs=2):
    session = opened(engine, tmp_path, jobs)
    waiting, seen, left = list(tasks), [], len(tasks)
    while left:
        while waiting and session.room():
            session.submit(waiting.pop(0))
        for report in session.poll(3600.0):
            left -= isinstance(report, Ended)
            seen.append((engine.time_s, report))
    return seen


@pytest.mark.parametrize(("jobs", "takes_s"), [(1, 70.0), (2, 40.0), (7, 10.0)])
def test_jobs_run_side_by_side(tmp_path, jobs, takes_s):
    """Seven tasks of 10 s take as long as the jobs make it."""
    engine = Simulated(duration_s=fixed(10.0))
    history(engine, tmp_path, [task(member(number)) for number in range(1, 8)], jobs)
    assert engine.clock() == takes_s


def test_same_seed_same_history(tmp_path):
    """Durations, crashes and their order follow from the seed."""
    tasks = [task(member(number, x=float(number))) for number in range(1, 30)]
    first, second, other = (history(Simulated(seed=seed, crash_rate=0.3), tmp_path, tasks) for seed in (1, 1, 2))
    assert first == second
    assert first != other


def test_draws_do_not_depend_on_the_order_of_tasks(tmp_path):
    """A resumed run meets the same fates."""
    tasks = [task(member(number, x=float(number))) for number in range(1, 20)]
    fates = [
        {
            report.task: report.outcomes[0].status
            for _, report in history(Simulated(crash_rate=0.5), tmp_path, order)
            if isinstance(report, Ended)
        }
        for order in (tasks, tasks[::-1])
    ]
    assert fates[0] == fates[1]
    assert set(fates[0].values()) == {Status.DONE, Status.FAILED}


def test_a_retry_is_drawn_anew(tmp_path):
    """A crash is not for ever: each try of a trial has its own fate."""
    tasks = [task(member(number, x=1.0)) for number in range(1, 41)]
    ended = [report for _, report in history(Simulated(crash_rate=0.5), tmp_path, tasks) if isinstance(report, Ended)]
    failures = [report.outcomes[0].failure for report in ended]
    crashed = [failure for failure in failures if failure]
    assert 8 <= len(crashed) <= 32
    assert all(failure.kind is FailureClass.CRASH for failure in crashed)


def test_crash_rate_is_met(tmp_path):
    """Of 2,000 trials about 10 % crash: within 4 standard errors."""
    tasks = [task(member(number, x=float(number))) for number in range(1, 2001)]
    ended = [one for _, one in history(Simulated(crash_rate=0.1), tmp_path, tasks, 100) if isinstance(one, Ended)]
    crashes = sum(report.outcomes[0].status is Status.FAILED for report in ended)
    assert abs(crashes - 200) <= 4 * (2000 * 0.1 * 0.9) ** 0.5


def test_the_wall_clock_of_a_task_is_virtual(tmp_path):
    """A task of an hour with a limit of a minute ends after a minute, at once."""
    engine = Simulated(duration_s=fixed(3600.0))
    (_, _), (at, ended) = history(engine, tmp_path, [task(member(1), wall_s=60.0)])
    assert at == 60.0
    assert ended.outcomes[0].failure.limiter == "wall"


def test_poll_waits_no_longer_than_asked(tmp_path):
    """Without an event the clock moves by the time-out."""
    engine = Simulated(duration_s=fixed(10.0))
    session = opened(engine, tmp_path)
    session.submit(task(member(1)))
    assert [type(report) for report in session.poll(1.0)] == [Started]
    assert (list(session.poll(4.0)), engine.clock()) == ([], 4.0)
    assert (len(session.poll(100.0)), engine.clock()) == (1, 10.0)


def test_steps_are_spread_over_the_duration(tmp_path):
    """Three steps of a task of 8 s come at 2, 4 and 6 s; a watched task waits for its answer meanwhile."""
    steps = task(member(1, behave="steps", steps=3))
    seen = history(Simulated(duration_s=fixed(8.0)), tmp_path, [steps])
    assert [at for at, report in seen if isinstance(report, Stepped)] == [2.0, 4.0, 6.0]
    engine = Simulated(duration_s=fixed(8.0))
    session = opened(engine, tmp_path)
    session.submit(task(member(2, behave="steps", steps=1), watched=True))
    assert [type(report) for report in (*session.poll(9.0), *session.poll(9.0))] == [Started, Stepped]
    assert (list(session.poll(100.0)), engine.clock()) == ([], 104.0)
    session.answer(2, 0, stop=False)
    assert [type(report) for report in session.poll(9.0)] == [Ended]


def test_drawn_durations_have_the_mean_they_should(tmp_path):
    """Exponential with mean 1 s: the mean of 2,000 is within 4 standard errors."""
    session_engine = Simulated(seed=5)
    reports = drive(
        opened(session_engine, tmp_path, 2000), [task(member(number, x=float(number))) for number in range(1, 2001)]
    )
    walls = [report.outcomes[0].usage.wall_s for report in reports if isinstance(report, Ended)]
    assert abs(sum(walls) / 2000 - 1.0) <= 4 / 2000**0.5
