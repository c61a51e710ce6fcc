"""The loop with the real engines: nothing lost, nothing left behind."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from fairtrial.contract.system import Target
from fairtrial.execute.inline import Inline
from fairtrial.execute.local import Local
from fairtrial.execute.runner import Runner
from fairtrial.model.outcome import FailureClass, Status
from fairtrial.model.study import Limits, Metric, Parallel

MODULE = """
import os, time

class Made:
    def run(self, parameters, context):
        x = parameters["x"]
        if x == 3 and not os.path.exists(parameters["flag"]):
            open(parameters["flag"], "w").close()
            os.kill(os.getpid(), 11)
        if x == 5:
            raise ValueError("no five")
        if x == 6:
            return {"scor": 1.0}
        if x >= 100:
            open(parameters["flag"] + str(x), "w").close()
            time.sleep(600)
        return {"score": x * 2.0}

def make(config):
    return Made()
"""


@pytest.fixture
def real(stage, tmp_path):
    """Give a stage whose system is a module on disk."""
    (tmp_path / "planted_whole.py").write_text(MODULE)
    stage.target = Target("planted_whole:make", {}, folder=str(tmp_path))
    stage.flag = str(tmp_path / "flag")
    return stage


def trials(stage, numbers):
    from dataclasses import replace

    for trial in (next(iter(stage.trials(1, start=x))) for x in numbers):
        parameters = {**trial.condition.parameters, "flag": stage.flag}
        yield replace(trial, condition=replace(trial.condition, parameters=parameters))


def setup(stage, engine, study):
    from dataclasses import replace

    return replace(stage.setup(study, total=8), engine=engine, target=stage.target)


@pytest.mark.parametrize("workers", ["isolated", "persistent"])
def test_a_study_on_the_local_engine_ends_with_every_trial_settled_once(real, workers):
    """Crashes are retried, exceptions and bad results are failures, the rest has its numbers."""
    study = real.study(
        metrics=(Metric("score"),),
        limits=Limits(wall_s=60.0, retries={"crash": 1}),
        parallel=Parallel(jobs=2, workers=workers),
    )
    with Runner(setup(real, Local(), study)) as runner:
        end = runner.run(trials(real, range(8)), collect=True)
    assert (end.state, end.done, end.failed) == ("complete", 6, 2)
    assert [told.metrics.get("score") for told in end.told] == [0.0, 2.0, 4.0, 6.0, 8.0, None, None, 14.0]
    kinds = {event.outcome.failure.kind for event in real.journal.ended if event.outcome.failure}
    assert kinds == {FailureClass.CRASH, FailureClass.EXCEPTION, FailureClass.BAD_RESULT}
    settled = [event for event in real.journal.ended if event.settles]
    assert (len(settled), len(real.journal.ended), len(real.journal.started)) == (8, 9, 9)
    assert all(event.pid and event.pid_started for event in real.journal.started)


def test_the_inline_engine_gives_the_same_numbers(real):
    """One worker, one path: what local measures, inline measures."""
    Path(real.flag).touch()
    study = real.study(metrics=(Metric("score"),))
    with Runner(setup(real, Inline(), study)) as runner:
        end = runner.run(trials(real, range(8)), collect=True)
    assert [told.metrics.get("score") for told in end.told] == [0.0, 2.0, 4.0, 6.0, 8.0, None, None, 14.0]


def _signal_when_there(paths, signals):
    """Send signals to this process once the files are there (both trials run)."""

    def work():
        while not all(Path(path).exists() for path in paths):
            threading.Event().wait(0.01)
        for number in signals:
            os.kill(os.getpid(), number)
            threading.Event().wait(0.3)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_two_ctrl_c_end_hanging_trials_and_leave_no_process(real):
    """Cancelled attempts are recorded, settle nothing, and their processes are gone."""
    sender = _signal_when_there([real.flag + "100", real.flag + "101"], [signal.SIGINT, signal.SIGINT])
    with Runner(setup(real, Local(), real.study())) as runner:
        end = runner.run(trials(real, range(100, 150)))
    sender.join(10)
    assert (end.state, end.signal, end.done) == ("interrupted", signal.SIGINT, 0)
    assert [(event.outcome.status, event.settles) for event in real.journal.ended] == [(Status.CANCELLED, False)] * 2
    marked = [pid for pid in Path("/proc").iterdir() if pid.name.isdigit() and _carries(pid, b"FAIRTRIAL_MARK=book:")]
    assert marked == []


def _carries(process, words):
    try:
        return words in (process / "environ").read_bytes()
    except OSError:
        return False


def test_two_ctrl_c_break_off_an_inline_trial(real):
    """The trial at work in the driver's own thread is broken off, recorded as cancelled."""
    sender = _signal_when_there([real.flag + "100"], [signal.SIGINT, signal.SIGINT])
    with Runner(setup(real, Inline(), real.study())) as runner:
        end = runner.run(trials(real, range(100, 150)))
    sender.join(10)
    assert (end.state, end.done) == ("interrupted", 0)
    assert [(event.outcome.status, event.settles) for event in real.journal.ended] == [(Status.CANCELLED, False)]
