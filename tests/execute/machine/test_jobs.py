"""How many trials run at once."""

from __future__ import annotations

import pytest

from fairtrial.errors import MissingPart
from fairtrial.execute.machine.host import Resources
from fairtrial.execute.machine.jobs import Sizer, auto, threads
from fairtrial.model.outcome import Failure, FailureClass, Outcome, Status, Usage
from fairtrial.model.run import History
from fairtrial.model.study import Limits, Needs, Parallel

GIB = 1 << 30
AUTO = Parallel(jobs=None)


def ended(peak_bytes, batch=1):
    return Outcome(1, Status.DONE, usage=Usage(peak_bytes=peak_bytes), batch=batch)


@pytest.mark.parametrize(
    ("needs", "peak", "machine", "jobs"),
    [
        (Needs(), GIB, Resources(8.0, 100 * GIB), 8),
        (Needs(cpus=2.5), GIB, Resources(8.0, 100 * GIB), 3),
        (Needs(), 2 * GIB, Resources(8.0, 10 * GIB), 3),
        (Needs(memory_bytes=5 * GIB), GIB, Resources(8.0, 10 * GIB), 1),
        (Needs(), 100 * GIB, Resources(8.0, 10 * GIB), 1),
        (Needs(), None, Resources(8.0, 100 * GIB), 2),
        (Needs(cpus=0.5), GIB, Resources(1.5, 100 * GIB), 3),
        (Needs(gpus=2), GIB, Resources(8.0, 100 * GIB, (0, 1, 2, 3, 4)), 2),
    ],
)
def test_auto_is_the_least_of_cpus_memory_and_gpus(stage, needs, peak, machine, jobs):
    """CPUs, 0.7 of the memory and GPUs, each by what a trial needs of it; two where its memory is unknown."""
    assert auto(stage.study(needs=needs, parallel=AUTO), History(peak_bytes=peak), machine) == jobs


def test_auto_keeps_to_the_maximum(stage):
    """`{auto: true, max: 3}` is a bound like the others."""
    study = stage.study(parallel=Parallel(jobs=None, jobs_max=3))
    assert auto(study, History(peak_bytes=1), Resources(8.0, GIB)) == 3


def test_a_memory_limit_stands_in_where_nothing_is_known(stage):
    """Without peaks the limit of a trial is what it may need."""
    study = stage.study(parallel=AUTO, limits=Limits(memory_bytes=GIB))
    assert auto(study, History(), Resources(8.0, 10 * GIB)) == 7


def test_more_gpus_than_there_are_is_missing(stage):
    """The error says how many are there."""
    with pytest.raises(MissingPart, match="needs 1 GPU, this machine shows 0"):
        auto(stage.study(needs=Needs(gpus=1)), History(), Resources(8.0, GIB))


@pytest.mark.parametrize(("cpus", "count"), [(0.5, 1), (1.0, 1), (2.9, 2)])
def test_threads_follow_the_cpus_of_a_trial(stage, cpus, count):
    """Thread pools are capped at the whole CPUs of a trial, at least one."""
    assert threads(stage.study(needs=Needs(cpus=cpus))) == count


def test_jobs_grow_as_peaks_come_in(stage):
    """From two, as many as have told their peak, up to what the peaks allow; our own count as available."""
    sizer = Sizer(stage.study(parallel=AUTO), History())
    machine = Resources(8.0, 10 * GIB)
    assert sizer.jobs(machine, running=0) == 2
    grown = []
    for _ in range(9):
        sizer.observe(ended(GIB), jobs=2)
        grown.append(sizer.jobs(machine, running=0))
    assert grown == [2, 2, 3, 4, 5, 6, 7, 7, 7]
    assert sizer.jobs(Resources(8.0, 8 * GIB), running=2) == 7


def test_the_peak_of_a_batch_is_that_of_its_process(stage):
    """Members tell their share; a job holds all of them."""
    sizer = Sizer(stage.study(parallel=AUTO), History())
    for _ in range(4):
        sizer.observe(ended(GIB, batch=4), jobs=2)
    assert sizer.jobs(Resources(8.0, 12 * GIB), running=0) == 2


def test_without_measured_memory_the_cpus_decide_after_a_while(stage):
    """An engine that tells no peaks does not keep a study at two jobs for ever."""
    sizer = Sizer(stage.study(parallel=AUTO), History())
    for _ in range(8):
        sizer.observe(ended(0), jobs=2)
    assert sizer.jobs(Resources(8.0, GIB), running=2) == 8


def test_a_machine_out_of_memory_halves_the_jobs(stage):
    """The kernel's killer is a sign of too many at once; a trial over its own limit is not."""
    sizer = Sizer(stage.study(parallel=AUTO), History(peak_bytes=1))
    machine = Resources(8.0, GIB)
    sizer.observe(Outcome(1, Status.FAILED, failure=Failure(FailureClass.OOM, "m", limiter="watchdog")), jobs=8)
    assert sizer.jobs(machine, running=0) == 8
    sizer.observe(Outcome(1, Status.FAILED, failure=Failure(FailureClass.OOM, "m", limiter="kernel")), jobs=8)
    assert sizer.jobs(machine, running=0) == 4


def test_a_number_set_by_the_user_stays(stage):
    """Explicit jobs are neither lowered nor raised; a timing study without them runs one."""
    assert Sizer(stage.study(parallel=Parallel(jobs=50)), History()).jobs(Resources(2.0, 1), running=0) == 50
    assert Sizer(stage.study(parallel=AUTO, timing=True), History()).jobs(Resources(8.0, GIB), running=0) == 1
