"""Persistent workers: many tasks in one process, each ending once, workers replaced when they die."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from fairtrial.contract.engine import Ended, Started, Stepped
from fairtrial.errors import UserError
from fairtrial.model.outcome import FailureClass, Status


@pytest.fixture
def session(isolating, open_session, subject):
    """Two persistent workers."""
    return open_session(isolating, subject, workers="persistent")


def ended(reports):
    return {report.task: report.outcomes[0] for report in reports if isinstance(report, Ended)}


def test_few_processes_run_many_tasks(session, task, drive):
    """A worker runs one task after the other, each started and ended once."""
    reports = drive(session, [task(number, "pid") for number in range(60)])
    found = ended(reports)
    assert sorted(found) == list(range(60))
    assert 1 <= len({one.metrics["pid"] for one in found.values()}) <= 2
    starts = [report.task for report in reports if isinstance(report, Started)]
    assert sorted(starts) == list(range(60))
    for number in range(60):
        assert [type(report) for report in reports if report.task == number] == [Started, Ended]


def test_each_task_is_seeded_and_captured(session, task, drive):
    """Seeds, output and failures are each task's own."""
    tasks = [task(1, "draws", seed=5), task(2, "talk", kilobytes=1), task(3, "fail"), task(4, "draws", seed=5)]
    found = ended(drive(session, [*tasks, task(5, "talk", kilobytes=200), task(6, "nothing")]))
    assert found[1].metrics == found[4].metrics
    assert found[2].captured.stderr == b"to stderr\n"
    assert len(found[2].captured.stdout) == 1024
    assert found[3].failure.message == "ValueError: first line second line"
    assert Path(found[5].captured.stdout_path).stat().st_size == 200 * 1024
    assert found[6].captured.stdout == b""
    assert found[6].status is Status.DONE


@pytest.mark.parametrize(
    ("do", "more", "kind"),
    [("leave", {"code": 0}, FailureClass.BAD_RESULT), ("signalled", {"signal": 9}, FailureClass.CRASH)],
)
def test_a_dead_worker_fails_one_task_only(session, task, drive, do, more, kind):
    """The task that ran has crashed; the one behind it runs elsewhere."""
    tasks = [task(number, do if number == 5 else "nothing", **more) for number in range(20)]
    found = ended(drive(session, tasks))
    assert sorted(found) == list(range(20))
    assert found.pop(5).failure.kind is kind
    assert all(one.status is Status.DONE for one in found.values())


def test_a_time_out_replaces_the_worker(session, task, drive):
    """A task past its wall is killed with its worker; output is kept, others go on."""
    tasks = [task(number, "sleep" if number == 3 else "nothing", wall_s=0.5, seconds=60) for number in range(12)]
    found = ended(drive(session, tasks))
    slow = found.pop(3)
    assert (slow.failure.kind, slow.failure.limiter) == (FailureClass.TIMEOUT, "wall")
    assert slow.captured.stdout.startswith(b"asleep\n")
    assert all(one.status is Status.DONE for one in found.values())


@pytest.mark.parametrize("reason", ["cancelled", "pruned"])
def test_stopping_one_spares_the_next(session, task, drive, reason):
    """The task behind a stopped one is not stopped with it."""

    def stop(report):
        if isinstance(report, Started) and report.task == 1:
            session.stop(1, reason)

    tasks = [task(1, "log", steps=10_000, pause=0.02), *(task(number, "log", steps=5) for number in range(2, 9))]
    found = ended(drive(session, tasks, on_report=stop))
    assert found.pop(1).status is (Status.CANCELLED if reason == "cancelled" else Status.PRUNED)
    assert all(one.status is Status.DONE for one in found.values())


def test_a_watched_task_waits_for_its_answers(session, task, drive):
    """Answers reach the step they belong to, with other tasks in flight behind it."""

    def answer(report):
        if isinstance(report, Stepped):
            session.answer(report.attempt, report.step, stop=report.attempt == 2 and report.step == 3)

    tasks = [task(number, "log", steps=6, watched=True) for number in range(1, 6)]
    reports = drive(session, tasks, on_report=answer)
    found = ended(reports)
    assert found.pop(2).status is Status.PRUNED
    assert all(one.metrics == {"steps": 6.0} for one in found.values())
    assert [one.step for one in reports if isinstance(one, Stepped) and one.attempt == 2] == [0, 1, 2, 3]


def test_workers_share_a_resource(session, task, drive):
    """Handles reach persistent workers too."""
    found = ended(drive(session, [task(number, "handle", share="k") for number in range(8)]))
    assert {one.metrics["port"] for one in found.values()} == {5432.0}


def test_killed_parent(session, task, drive, named):
    """What ran is infra, what waited runs under the next parent."""
    killed = []

    def kill(report):
        if isinstance(report, Started) and not killed:
            killed.extend(named(session.mark, "ft-parent"))
            for pid in killed:
                with suppress(ProcessLookupError):  # a child that had its parent's name still died with it
                    os.kill(pid, signal.SIGKILL)

    tasks = [task(number, "sleep", seconds=0.3) for number in range(6)]
    found = ended(drive(session, tasks, on_report=kill))
    assert sorted(found) == list(range(6))
    lost = [one for one in found.values() if one.status is Status.FAILED]
    assert 1 <= len(lost) <= 2
    assert all(one.failure.kind is FailureClass.INFRA for one in lost)


def test_fewer_workers_after_resize(session, task, drive, named):
    """A worker that is too many is let go."""
    drive(session, [task(number, "nothing") for number in range(10)])
    session.resize(1)
    drive(session, [task(number, "nothing") for number in range(10, 20)])
    limit = time.monotonic() + 20
    while len(named(session.mark, "ft-worker")) > 1:
        session.poll(0.1)
        assert time.monotonic() < limit


def test_gpus_are_refused(session, task):
    """A worker keeps the GPU that it saw first, so tasks with GPUs want processes of their own."""
    with pytest.raises(UserError, match="workers: isolated"):
        session.submit(task(1, "gpus", gpus=(1,)))


def test_the_peak_starts_anew_for_each_task(session, task, drive):
    """A large task does not make the next ones look large."""
    session.resize(1)
    drive(session, [task(1, "eat", megabytes=80)])
    found = ended(drive(session, [task(2, "nothing")]))
    assert found[2].usage.peak_bytes < 20 << 20


def test_tasks_that_wait_at_a_worker_can_be_stopped(session, task, drive):
    """After short tasks many wait at each worker; told to stop, each ends once, and the session goes on."""
    drive(session, [task(number, "nothing") for number in range(200)])
    numbers = list(range(200, 200 + session.room()))
    assert len(numbers) > 8
    for number in numbers:
        session.submit(task(number, "sleep", seconds=0.1))
    session.flush()
    for number in numbers:
        session.stop(number, "cancelled")
    reports, limit = [], time.monotonic() + 30
    while len(ended(reports)) < len(numbers):
        reports += session.poll(0.5)
        assert time.monotonic() < limit
    assert sum(isinstance(report, Ended) for report in reports) == len(numbers)
    statuses = [one.status for one in ended(reports).values()]
    assert set(statuses) <= {Status.DONE, Status.CANCELLED}
    assert statuses.count(Status.CANCELLED) >= len(numbers) - 6
    after = ended(drive(session, [task(number, "nothing") for number in range(1000, 1010)]))
    assert {one.status for one in after.values()} == {Status.DONE}


def test_a_worker_past_the_memory_limit_is_ended_and_replaced(session, task, drive):
    """The task that ate is oom with the limiter's name; the ones before and after are done."""
    limit = 150 << 20
    tasks = [
        task(1, "nothing", memory_bytes=limit),
        task(2, "eat", megabytes=800, pause=0.01, memory_bytes=limit),
        task(3, "nothing", memory_bytes=limit),
    ]
    found = ended(drive(session, tasks))
    assert found[1].status is found[3].status is Status.DONE
    assert found[2].failure.kind is FailureClass.OOM
    assert found[2].failure.limiter


def test_long_parameters_reach_their_own_worker(session, task, drive):
    """Batches too long for a packet go by file, to two workers at once: every task gets its own parameters."""
    tasks = [task(number, "echo", metrics={"n": number}, pad="x" * 100_000) for number in range(40)]
    found = ended(drive(session, tasks))
    assert {number: one.metrics["n"] for number, one in found.items()} == {number: number for number in range(40)}


def test_a_worker_that_somebody_terminates_loses_nothing(session, task, drive):
    """SIGTERM from outside: the task at work ends by itself or as infra, never as pruned; the others run elsewhere."""
    hit = set()

    def terminate(report):
        if isinstance(report, Stepped) and not hit:
            hit.add(report.attempt)
            os.kill(pids[report.attempt], signal.SIGTERM)
        elif isinstance(report, Started):
            pids[report.task] = report.pid

    pids = {}
    tasks = [task(number, "log", steps=20, pause=0.01) for number in range(12)]
    found = ended(drive(session, tasks, on_report=terminate))
    (first,) = hit
    assert found.pop(first).failure.kind is FailureClass.INFRA
    assert all(one.status is Status.DONE for one in found.values())
