"""Memory: whoever holds the limit, the tree is ended, the attempt says by whom, and others go on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fairtrial.contract.engine import Ended
from fairtrial.contract.system import Target
from fairtrial.execute.machine import limits, orphans
from fairtrial.model.outcome import FailureClass, Status

MEGABYTE = 1 << 20


@pytest.fixture(params=["cgroup", "watchdog"])
def limiter(request, monkeypatch, folder):
    """Both ways of holding a memory limit; the watchdog by hiding the controllers from the parent."""
    if request.param == "watchdog":
        text = (folder / "subject.py").read_text()
        (folder / "subject.py").write_text(
            text + "\nfrom fairtrial.execute.machine import limits\nlimits._hierarchies = lambda: ()\n"
        )
        return "watchdog"
    found = limits.Cgroups("fairtrial-test-probe")
    group = found.slot("probe")
    if group is None:
        pytest.skip("no memory controller that this user may write to")
    Path(group.path).rmdir()
    limits.remove("fairtrial-test-probe")
    return group.limiter


def test_a_trial_that_eats_memory_is_ended(isolating, open_session, subject, task, drive, limiter):
    """Past its limit it is killed as oom; the one beside it is not."""
    session = open_session(isolating, subject)
    eat = task(1, "eat", megabytes=4000, pause=0.02, memory_bytes=100 * MEGABYTE)
    reports = drive(session, [eat, task(2, "eat", megabytes=40, memory_bytes=100 * MEGABYTE)])
    found = {report.task: report.outcomes[0] for report in reports if isinstance(report, Ended)}
    assert (found[1].failure.kind, found[1].failure.limiter) == (FailureClass.OOM, limiter)
    assert (found[1].failure.overshoot_bytes > 0) == (limiter == "watchdog")
    assert found[2].status is Status.DONE


def test_the_whole_tree_counts(isolating, open_session, subject, task, outcome, limiter):
    """A child of the trial that eats memory is the trial's memory."""
    one = task(1, "eat_in_child", megabytes=600, memory_bytes=120 * MEGABYTE)
    failure = outcome(open_session(isolating, subject), one).failure
    assert (failure.kind, failure.limiter) == (FailureClass.OOM, limiter)


def test_the_peak_is_the_trials_own(isolating, open_session, subject, task, drive):
    """What it allocates is counted, what it shares with its parent is not (pages of libraries blur both)."""
    session = open_session(isolating, subject)
    reports = drive(session, [task(1, "eat", megabytes=80), task(2, "nothing")])
    peak = {report.task: report.outcomes[0].usage.peak_bytes for report in reports if isinstance(report, Ended)}
    assert 75 * MEGABYTE <= peak[1] <= 100 * MEGABYTE
    assert peak[2] <= 5 * MEGABYTE


def test_a_small_trial_of_a_large_parent_has_a_peak(open_session, isolating, task, drive, tmp_path):
    """What a trial allocates counts although its parent has mapped far more than that from files."""
    (tmp_path / "heavy.py").write_text(
        "import numpy.linalg, numpy.random, scipy.special\n"
        "class Heavy:\n"
        "    def __init__(self, config): pass\n"
        "    def run(self, parameters, context):\n"
        "        held = b'\\1' * (12 * 2**20)\n"
        "        return {'m': float(len(held))}\n"
    )
    target = Target("heavy:Heavy", folder=str(tmp_path), warm=("heavy",))
    session = open_session(isolating, target)
    reports = drive(session, [task(1, "anything")])
    (peak,) = [report.outcomes[0].usage.peak_bytes for report in reports if isinstance(report, Ended)]
    assert 11 * MEGABYTE <= peak <= 20 * MEGABYTE


def test_cpu_time_counts_children(isolating, open_session, command, shell, outcome):
    """CPU seconds are those of the process and of what it waited for."""
    script = """python3 -c 'sum(range(20_000_000))'; echo '{"m": 1}'"""
    assert outcome(open_session(isolating, command), shell(1, script)).usage.cpu_s > 0.1


def test_groups_are_removed(isolating, open_session, subject, task, outcome):
    """No cgroup is left behind."""
    session = open_session(isolating, subject)
    outcome(session, task(1, "nothing", memory_bytes=100 * MEGABYTE))
    name = session._crew.tree.config["groups"]
    session.close(kill=False)
    assert not any(Path(base, name).is_dir() for base, _ in limits._hierarchies())


def test_groups_that_a_dead_driver_left_are_removed_by_the_next_start(open_session):
    """Where driver and guardian died at once, the next sweep removes the groups; a living driver's stay."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left, ours = f"fairtrial-{gone.pid}-0a0b0c0d", f"fairtrial-{os.getpid()}-0a0b0c0d"
    if not all(limits.Cgroups(name).slot("1") for name in (left, ours)):
        pytest.skip("no memory controller that this user may write to")
    orphans.sweep("no-such-book")
    there = {name for base, _ in limits._hierarchies() for name in (left, ours) if Path(base, name).is_dir()}
    limits.remove(ours)
    assert there == {ours}


def test_groups_of_a_killed_driver_are_removed(folder, tmp_path):
    """The guardian removes them when its driver is gone."""
    if not limits.Cgroups("fairtrial-test-probe").slot("probe"):
        pytest.skip("no memory controller that this user may write to")
    Path(limits.Cgroups("fairtrial-test-probe").slot("probe").path).rmdir()
    limits.remove("fairtrial-test-probe")
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(folder), str(tmp_path)], stdout=subprocess.PIPE)
    groups = driver.stdout.readline().decode().strip()
    driver.kill()
    driver.wait()
    driver.stdout.close()
    limit = time.monotonic() + 20
    while any(Path(base, groups).is_dir() for base, _ in limits._hierarchies()):
        assert time.monotonic() < limit
        time.sleep(0.01)


DRIVER = """
import sys, time
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from fairtrial.contract.engine import EngineSettings, Started
from fairtrial.contract.system import Target
from fairtrial.execute.local import Local
from fairtrial.execute.machine.orphans import mark
from fairtrial.model.trial import Member, Task

target = Target("subject:Subject", {"diary": ""}, sys.argv[1], warm=("subject",))
settings = EngineSettings(jobs=1, scratch=Path(sys.argv[2], "scratch"), mark=mark("groups"))
session = Local().open(SimpleNamespace(name="s"), target, settings)
member = Member(1, {"do": "sleep", "seconds": 1000}, 7)
session.submit(Task(1, (member,), memory_bytes=1 << 28))
while not any(isinstance(report, Started) for report in session.poll(1.0)):
    pass
print(session._crew.tree.config["groups"], flush=True)
time.sleep(1000)
"""
