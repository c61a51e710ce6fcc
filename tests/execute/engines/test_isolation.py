"""Engine local: what happens to trials that crash, hang, print, leave processes behind, or want too much."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from fairtrial.contract.engine import Ended, Started
from fairtrial.execute.machine.process import alive, boot_id
from fairtrial.model.outcome import FailureClass, Status


@pytest.mark.parametrize(
    ("do", "more", "kind", "message"),
    [
        ("leave", {"code": 0}, FailureClass.BAD_RESULT, "exited 0 without a result"),
        ("leave", {"code": 3}, FailureClass.CRASH, "exited 3 without a result"),
        ("signalled", {"signal": 9}, FailureClass.CRASH, "killed by SIGKILL"),
        ("signalled", {"signal": 6}, FailureClass.CRASH, "killed by SIGABRT"),
        ("segfault", {}, FailureClass.CRASH, "killed by SIGSEGV"),
    ],
)
def test_a_dead_trial_is_a_crash(isolating, open_session, subject, task, outcome, do, more, kind, message):
    """A process that ends without a result is a failed attempt, never a lost trial."""
    failure = outcome(open_session(isolating, subject), task(1, do, **more)).failure
    assert (failure.kind, failure.message) == (kind, message)


def test_every_trial_is_a_process_and_a_session(isolating, open_session, subject, task, drive):
    """Trials share no process, lead their sessions and have one parent."""
    reports = drive(open_session(isolating, subject), [task(number, "pid") for number in range(6)])
    found = [report.outcomes[0].metrics for report in reports if isinstance(report, Ended)]
    assert len({one["pid"] for one in found}) == 6
    assert all(one["pid"] == one["sid"] for one in found)
    assert len({one["parent"] for one in found}) == 1


def test_started_names_a_living_process(isolating, open_session, subject, task, drive, named):
    """The pid is the driver's view of the trial, with its start time."""
    session, seen = open_session(isolating, subject), []

    def look(report):
        if isinstance(report, Started):
            seen.append(alive(report.pid, report.pid_started, boot_id()))
            while named(session.mark, "ft-trial") != [report.pid]:  # it is called so a moment after the fork
                pass
            session.stop(report.task, "timeout")

    drive(session, [task(1, "sleep", seconds=60)], on_report=look)
    assert seen == [True]


def test_a_hang_in_c_is_killed_at_the_wall(isolating, open_session, subject, task, outcome):
    """A trial that holds the interpreter lock and blocks every signal ends at its limit."""
    found = outcome(open_session(isolating, subject), task(1, "hang", wall_s=0.3))
    assert (found.failure.kind, found.failure.limiter) == (FailureClass.TIMEOUT, "wall")
    assert found.usage.wall_s >= 0.3


def test_output_of_a_killed_trial_is_kept(isolating, open_session, subject, task, outcome):
    """What was printed before the kill is there."""
    found = outcome(open_session(isolating, subject), task(1, "sleep", seconds=60, wall_s=0.5))
    assert found.captured.stdout.startswith(b"asleep\n")


def test_large_output_goes_to_a_file(isolating, open_session, subject, task, drive):
    """20 MB of output stay on disk; the next trial in the slot starts with empty files."""
    session = open_session(isolating, subject, jobs=1)
    reports = drive(session, [task(1, "talk", kilobytes=20_000), task(2, "talk", kilobytes=1)])
    large, small = (report.outcomes[0].captured for report in reports if isinstance(report, Ended))
    assert large.stdout == b""
    assert Path(large.stdout_path).stat().st_size == 20_000 * 1024
    assert large.stderr == small.stderr == b"to stderr\n"
    assert small.stdout == b"x" * 1023 + b"\n"
    assert small.stdout_path == ""


def test_nothing_survives_its_trial(isolating, open_session, subject, task, outcome, named, alive):
    """Daemons, background children and double forks that ignore SIGTERM are gone when the trial is reported."""
    session = open_session(isolating, subject)
    assert outcome(session, task(1, "daemons")).status is Status.DONE
    assert named(session.mark, "ft-trial") == []
    assert named(session.mark, "sleep") == []


def test_nothing_survives_a_killed_trial(isolating, open_session, subject, task, drive, alive, named):
    """The same when the session is closed on running trials."""
    session = open_session(isolating, subject)
    session.submit(task(1, "daemons"))
    session.submit(task(2, "sleep", seconds=60))
    reports = []
    while not any(isinstance(report, Ended) for report in reports):
        reports += session.poll(0.5)
    session.close(kill=True)
    assert alive(session.mark) == []
    session.close(kill=True)


@pytest.mark.parametrize("reason", ["cancelled", "pruned", "timeout"])
def test_a_running_trial_is_stopped(isolating, open_session, subject, task, drive, reason):
    """Stop says why the attempt ended; one that logs ends at its next step, without being killed."""
    session = open_session(isolating, subject)

    def stop(report):
        if isinstance(report, Started):
            session.stop(report.task, reason)

    (ended,) = (
        report
        for report in drive(session, [task(1, "log", steps=1000, pause=0.05)], on_report=stop)
        if isinstance(report, Ended)
    )
    one = ended.outcomes[0]
    expected = {"cancelled": Status.CANCELLED, "pruned": Status.PRUNED, "timeout": Status.FAILED}
    assert one.status is expected[reason]
    assert one.failure is None or one.failure.kind in (FailureClass.CANCELLED, FailureClass.TIMEOUT)


def test_gpus_are_seen_by_their_trial_alone(powerful, open_session, subject, task, drive, monkeypatch):
    """A task's GPUs are the visible ones; without any, the variable is left as it was."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    reports = drive(open_session(powerful, subject), [task(1, "gpus", gpus=(2, 3)), task(2, "gpus")])
    found = {report.task: report.outcomes[0].metrics["devices"] for report in reports if isinstance(report, Ended)}
    assert found == {1: 2.0, 2: 4.0}


def test_large_parameters_and_results_travel(isolating, open_session, subject, task, outcome):
    """What does not fit a packet goes by file, both ways."""
    metrics = {f"metric_{number:06}": number / 7 for number in range(20_000)}
    found = outcome(open_session(isolating, subject), task(1, "echo", metrics=metrics))
    assert dict(found.metrics) == metrics


def test_modules_are_imported_once(isolating, open_session, subject, task, drive):
    """What the first trials import themselves, the parent imports for those that follow."""
    session = open_session(isolating, subject, jobs=1)
    found = []
    for number in range(4):
        reports = drive(session, [task(number, "lazy")])
        found.append(reports[-1].outcomes[0].metrics["already"])
    assert found[0] == 0.0
    assert found[-1] == 1.0


def test_resize_lets_more_run(isolating, open_session, subject, task):
    """Jobs can grow while trials run."""
    session = open_session(isolating, subject, jobs=1)
    session.submit(task(1, "sleep", seconds=60))
    session.submit(task(2, "sleep", seconds=60))
    session.resize(2)
    started = []
    while len(started) < 2:
        started += [report for report in session.poll(0.5) if isinstance(report, Started)]


@pytest.mark.parametrize("how", ["fresh", "thread"])
def test_fresh_interpreters(isolating, open_session, subject, task, drive, folder, how, steps):
    """Asked for, or because the system starts a thread on import: each trial gets an interpreter of its own."""
    if how == "thread":
        text = (folder / "subject.py").read_text()
        start = "import threading; threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n"
        (folder / "subject.py").write_text(text + start)
    session = open_session(isolating, subject, isolate="fresh" if how == "fresh" else "auto")
    reports = drive(session, [task(1, "log", steps=2), task(2, "fail"), task(3, "leave", code=0)])
    found = {report.task: report.outcomes[0] for report in reports if isinstance(report, Ended)}
    assert found[1].metrics == {"steps": 2.0}
    assert len(steps(reports)) == 2
    assert found[2].failure.message == "ValueError: first line second line"
    assert found[3].failure.kind is FailureClass.BAD_RESULT
    assert any("Python thread" in caution for caution in session.cautions) == (how == "thread")


def test_isolate_fork_overrides(isolating, open_session, subject, task, outcome, folder):
    """The user may know better than the check for threads."""
    text = (folder / "subject.py").read_text()
    (folder / "subject.py").write_text(
        text + "import threading; threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n"
    )
    session = open_session(isolating, subject, isolate="fork")
    assert session.cautions == ()
    assert outcome(session, task(1, "nothing")).metrics["m"] == 1.0


def test_a_lazy_import_that_starts_threads_ends_forking(isolating, open_session, subject, task, drive, folder):
    """What a trial imports late may make the parent unfit: from then on interpreters are fresh, and nothing is lost."""
    (folder / "sly.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n"
    )
    text = (folder / "subject.py").read_text().replace("import colorsys", "import sly")
    (folder / "subject.py").write_text(text)
    session = open_session(isolating, subject)
    reports = drive(session, [task(number, "lazy") for number in range(30)])
    ended = [report for report in reports if isinstance(report, Ended)]
    assert sorted(report.task for report in ended) == list(range(30))
    assert all(report.outcomes[0].status is Status.DONE for report in ended)
    assert any("Python thread" in caution for caution in session.cautions)


def test_slot_paths_show_what_runs(isolating, open_session, subject, task):
    """The output of a running trial can be followed."""
    session = open_session(isolating, subject)
    session.submit(task(1, "sleep", seconds=60))
    while not any(isinstance(report, Started) for report in session.poll(0.5)):
        pass
    path, text, limit = Path(session.slot_paths(1)[0]), "", time.monotonic() + 20
    while "asleep" not in text and time.monotonic() < limit:
        text = path.read_text()
    assert text.startswith("asleep")
    assert session.slot_paths(2) == ("", "")


def test_the_parent_is_lean(isolating, open_session, subject, task, outcome, folder, named):
    """The parent loads nothing of ours that is heavy."""
    (folder / "subject.py").write_text(
        "import sys\nclass Subject:\n    def __init__(self, config): pass\n    def run(self, parameters, context):\n"
        "        return {name: name in sys.modules for name in ('pydantic', 'typing_extensions', 'pathlib', 'numpy',"
        " 'dataclasses', 'hashlib', 'asyncio', 'psutil', 'fairtrial.model.study', 'fairtrial.contract.engine')}\n"
    )
    found = outcome(open_session(isolating, subject), task(1, "nothing"))
    assert not any(found.metrics.values()), found.metrics


def test_the_environment_caps_threads_and_carries_the_mark(isolating, open_session, subject, task, outcome, folder):
    """Thread pools are capped before the interpreter starts; settings win over what is inherited."""
    (folder / "subject.py").write_text(
        "import os\nclass Subject:\n    def __init__(self, config): pass\n    def run(self, parameters, context):\n"
        "        names = 'OMP_NUM_THREADS', 'POLARS_MAX_THREADS', 'EXTRA'\n"
        "        return {name: float(os.environ[name]) for name in names}\n"
    )
    session = open_session(isolating, subject, threads=3, environment={"EXTRA": "5"})
    found = outcome(session, task(1, "nothing"))
    assert dict(found.metrics) == {"OMP_NUM_THREADS": 3.0, "POLARS_MAX_THREADS": 3.0, "EXTRA": 5.0}


def test_sigterm_from_outside_prunes_nothing(isolating, open_session, subject, task, drive):
    """A trial that somebody else terminates is infra, to run again: only a strategy prunes."""
    session = open_session(isolating, subject)

    def terminate(report):
        if isinstance(report, Started):
            os.kill(report.pid, signal.SIGTERM)

    reports = drive(session, [task(1, "log", steps=500, pause=0.01)], on_report=terminate)
    (outcome,) = reports[-1].outcomes
    assert (outcome.status, outcome.failure.kind) == (Status.FAILED, FailureClass.INFRA)


def test_a_step_beyond_the_book_fails_its_trial_only(isolating, open_session, subject, task, drive, folder):
    """A step number that no book can hold is a bad result of that trial."""
    text = (folder / "subject.py").read_text()
    more = "\n    def far(self, parameters, context):\n        context.log(10**30, a=1.0)\n        return {'m': 1.0}\n"
    (folder / "subject.py").write_text(text + more)
    reports = drive(open_session(isolating, subject), [task(1, "far")])
    assert reports[-1].outcomes[0].failure.kind is FailureClass.BAD_RESULT


def test_a_session_leaves_no_folder(isolating, open_session, subject, task, drive):
    """Once what trials produced is taken, nothing of a session's scratch folder stays."""
    session = open_session(isolating, subject)
    reports = drive(session, [task(1, "files"), task(2, "talk", kilobytes=200)])
    ended = [one for report in reports if isinstance(report, Ended) for one in report.outcomes]
    for outcome in ended:
        for path in (*(one.path for one in outcome.produced), outcome.captured.stdout_path):
            if path:
                Path(path).unlink()
    session.close(kill=False)
    assert not session.scratch.exists()
