"""Killing the parent of trials, the guardian, and the driver: nothing is lost, nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from fairtrial.contract.engine import Ended, Started
from fairtrial.errors import FairtrialError
from fairtrial.execute.local import Local
from fairtrial.execute.machine import orphans
from fairtrial.execute.machine.linux import kill
from fairtrial.model.outcome import FailureClass, Status

DRIVER = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
from fairtrial.contract.engine import EngineSettings, Started
from fairtrial.contract.system import Target
from fairtrial.execute.local import Local
from fairtrial.model.trial import Member, Task

folder, scratch, mark, namespace = sys.argv[1:]
target = Target("subject:Subject", {"diary": folder + "/diary"}, folder, warm=("subject",))
settings = EngineSettings(jobs=3, scratch=Path(scratch), mark=mark)
session = Local(namespace=namespace == "1").open(SimpleNamespace(name="s"), target, settings)
session.submit(Task(1, (Member(1, {"do": "sleep", "seconds": 1000}, 7),), share="key"))
session.submit(Task(2, (Member(2, {"do": "daemons_and_sleep"}, 7),)))
started = 0
while started < 2:
    started += sum(isinstance(report, Started) for report in session.poll(1.0))
while Path(folder, "ready").exists() is False:
    time.sleep(0.01)
print("ready", flush=True)
while True:
    session.poll(1.0)
"""

STAYS = """
def daemons_and_sleep(self, parameters, context):
    self.daemons(parameters, context)
    open(os.path.dirname(self.config["diary"]) + "/ready", "w").close()
    time.sleep(1000)

Subject.daemons_and_sleep = daemons_and_sleep
"""


def until(answer, limit_s=20.0):
    """Wait until a question is answered with yes."""
    limit = time.monotonic() + limit_s
    while not answer():
        assert time.monotonic() < limit, "it never happened"
        time.sleep(0.01)


def running(session, tasks):
    """Submit tasks and wait until each runs."""
    for one in tasks:
        session.submit(one)
    started = 0
    while started < len(tasks):
        started += sum(isinstance(report, Started) for report in session.poll(0.5))


@pytest.mark.parametrize("victim", ["ft-parent", "ft-guardian"])
def test_a_killed_parent_or_guardian_is_replaced(isolating, open_session, subject, task, drive, named, victim):
    """What was in flight is lost as infra and can run again; what follows runs under a new one."""
    session = open_session(isolating, subject)
    running(session, [task(1, "sleep", seconds=1000)])
    for pid in named(session.mark, victim):
        os.kill(pid, signal.SIGKILL)
    reports = []
    while not any(isinstance(report, Ended) for report in reports):
        reports += session.poll(0.5)
    failure = reports[-1].outcomes[0].failure
    assert failure.kind is FailureClass.INFRA
    assert failure.message.startswith("the parent of trials died" if victim == "ft-parent" else "the guardian died")
    ended = [report for report in drive(session, [task(3, "nothing")]) if isinstance(report, Ended)]
    assert ended[0].outcomes[0].status is Status.DONE
    assert len(named(session.mark, "ft-trial")) == 0


def test_a_parent_that_keeps_dying_is_given_up(isolating, open_session, subject, named):
    """Three deaths in a row without a result end the session with the end of what the parent wrote."""
    session = open_session(isolating, subject)

    def bleed():
        for _ in range(1000):
            for pid in named(session.mark, "ft-parent"):
                os.kill(pid, signal.SIGKILL)
            session.poll(0.05)

    with pytest.raises(FairtrialError, match="died 3 times"):
        bleed()


@pytest.mark.parametrize("namespace", ["0", "1"])
@pytest.mark.parametrize(
    "victims",
    [
        ("driver",),
        ("driver", "ft-guardian"),
        ("driver", "ft-parent"),
        ("driver", "ft-trial"),
        ("driver", "ft-keeper"),
        ("driver", "ft-guardian", "ft-parent"),
    ],
    ids="+".join,
)
def test_a_killed_driver_leaves_nothing(folder, tmp_path, named, alive, victims, namespace):
    """Whoever dies with the driver, the rest of the tree ends by itself; at worst the next start ends it."""
    if namespace == "1" and os.geteuid() != 0:
        pytest.skip("a PID namespace needs root")
    (folder / "subject.py").write_text((folder / "subject.py").read_text() + STAYS)
    book = f"book-{os.urandom(4).hex()}"
    process = subprocess.Popen(
        [sys.executable, "-c", "import os, time; time.sleep(1000)"], stdout=subprocess.DEVNULL
    )  # a process of another driver, which is alive: it must be spared
    mark = orphans.mark(book, process.pid)
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder), str(tmp_path / "scratch"), mark, namespace], stdout=subprocess.PIPE
    )
    try:
        assert driver.stdout.readline() == b"ready\n"
        assert len(alive(mark)) >= 7
        pids = [pid for name in victims[1:] for pid in named(mark, name)]
        assert len(pids) >= len(victims) - 1
        for pid in (*pids, driver.pid):
            kill(pid, signal.SIGKILL)  # some are gone by then: their trial was killed
        driver.wait()
        if namespace == "0" and {"ft-guardian", "ft-parent"} < set(victims):
            assert orphans.sweep(book) == []  # their driver is alive as far as the mark says
            process.kill()
            process.wait()
            orphans.sweep(book)
        until(lambda: alive(mark) == [])
    finally:
        driver.kill()
        driver.wait()
        driver.stdout.close()
        process.kill()
        process.wait()
        orphans.end_marked(mark)


def test_the_keeper_tears_down_when_the_driver_is_killed(folder, tmp_path, alive):
    """A shared resource is torn down even then."""
    (folder / "subject.py").write_text((folder / "subject.py").read_text() + STAYS)
    mark = orphans.mark(f"book-{os.urandom(4).hex()}")
    namespace = "1" if os.geteuid() == 0 else "0"
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder), str(tmp_path / "scratch"), mark, namespace], stdout=subprocess.PIPE
    )
    assert driver.stdout.readline() == b"ready\n"
    driver.kill()
    driver.wait()
    driver.stdout.close()
    until(lambda: alive(mark) == [])
    words = [line.split()[0] for line in (folder / "diary").read_text().splitlines()]
    assert words == ["up", "down"]


def test_a_killed_keeper_fails_its_trials_as_infra(isolating, open_session, subject, task, drive, named):
    """Trials that use it are lost as infra; the next one gets a new keeper."""
    session = open_session(isolating, subject)
    running(session, [task(1, "sleep", seconds=1000, share="key")])
    (keeper,) = named(session.mark, "ft-keeper")
    os.kill(keeper, signal.SIGKILL)
    reports = []
    while not any(isinstance(report, Ended) for report in reports):
        reports += session.poll(0.5)
    assert reports[-1].outcomes[0].failure.kind is FailureClass.INFRA
    again = [one for one in drive(session, [task(2, "handle", share="key")]) if isinstance(one, Ended)]
    assert again[0].outcomes[0].status is Status.DONE
    until(lambda: len(named(session.mark, "sleep")) == 1)  # the server of the second keeper, and not of the first


def test_idle_keepers_make_room(isolating, open_session, subject, task, drive, tmp_path, named):
    """No more keepers live than tasks run at once, where their keys are idle."""
    session = open_session(isolating, subject, jobs=1)
    for number, key in enumerate("abcd"):
        drive(session, [task(number, "handle", share=key, server=key)])
    until(lambda: len(named(session.mark, "ft-keeper")) == 1)
    session.close(kill=False)
    words = [line.split()[0] for line in (tmp_path / "diary").read_text().splitlines()]
    assert words.count("up") == words.count("down") == 4


def test_a_set_up_that_takes_too_long(isolating, open_session, subject, task, outcome, folder):
    """The wall-clock limit of the trial holds for the set-up of what it needs."""
    text = (
        (folder / "subject.py")
        .read_text()
        .replace('if parameters.get("setup") == "fail"', "time.sleep(1000)\n        if 1")
    )
    (folder / "subject.py").write_text(text)
    failure = outcome(open_session(isolating, subject), task(1, "handle", share="k", wall_s=0.5)).failure
    assert failure.kind is FailureClass.INFRA
    assert "longer than the wall-clock limit" in failure.message


def test_the_driver_needs_no_thread_and_kills_no_stranger(isolating, open_session, subject, task, outcome):
    """The driver is no subreaper: what is not ours is left alone."""
    own = subprocess.Popen(["sleep", "1000"])
    session = open_session(isolating, subject)
    outcome(session, task(1, "daemons"))
    session.close(kill=True)
    assert own.poll() is None
    own.kill()
    own.wait()


def test_a_guardian_killed_before_its_first_word_is_started_again(open_session, subject, task, outcome, monkeypatch):
    """Twice somebody kills it at once; the third one works. When each dies so, one line says it."""
    began, launched = [], subprocess.Popen

    def launch(*arguments, **words):
        process = launched(*arguments, **words)
        began.append(process)
        if len(began) <= kills:
            process.kill()
        return process

    monkeypatch.setattr("fairtrial.execute.tree.root.subprocess.Popen", launch)
    kills = 2
    assert outcome(open_session(Local(namespace=False), subject), task(1, "nothing")).status is Status.DONE
    assert len(began) == 3
    kills = 100
    with pytest.raises(FairtrialError, match="killed each time"):
        open_session(Local(namespace=False), subject)
