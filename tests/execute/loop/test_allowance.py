"""What a driver may have running now, beside other drivers of the machine."""

from __future__ import annotations

import pytest

from fairtrial.errors import MissingPart, UserError
from fairtrial.execute.loop.allowance import EVERY_S, WAITING_S, Allowance
from fairtrial.execute.runner import Runner
from fairtrial.model.study import Needs, Parallel


@pytest.fixture
def driver(stage, clock):
    """Give a way to make drivers on one machine that have something to run."""

    def make(jobs=4, **changes):
        clock.now += 0.01
        made = Allowance(stage.setup(stage.study(parallel=Parallel(jobs=jobs), **changes), monotonic=clock))
        made.refresh(running=0, flying=0, more=True, now=True)
        return made

    return make


def look(one, clock, *, flying=1, more=True):
    clock.now += EVERY_S
    one.refresh(running=flying, flying=flying, more=more)
    return one.jobs


def test_two_drivers_share_the_cpus_and_one_takes_what_the_other_leaves(driver, clock):
    """Two drivers of a four-CPU machine have two each; the one that has no more to start leaves its share."""
    first = driver()
    assert first.jobs == 4
    second = driver()
    assert second.jobs == 2
    assert look(first, clock) == 2
    assert look(second, clock, flying=1, more=False) == 1
    assert look(first, clock) == 3
    second.close()
    assert look(first, clock) == 4


def test_a_timing_study_is_never_automatic(driver):
    """What the study may not say cannot be set later either."""
    timing = driver(jobs=1, timing=True)
    with pytest.raises(UserError, match="timing studies run alone"):
        timing.fix(None)
    timing.fix(2)


def test_the_file_is_read_once_a_second_and_more_often_while_waiting(driver, clock):
    """Between looks the answer stands."""
    other = driver()
    timing = driver(jobs=1, timing=True)
    assert "other run" in timing.waits
    other.close()
    clock.now += WAITING_S / 2
    assert not timing.refresh(running=0, flying=0, more=True)
    clock.now += WAITING_S
    assert timing.refresh(running=0, flying=0, more=True)
    assert timing.waits == ""
    later = driver()
    assert "timing study" in later.waits


def test_a_timing_study_gets_the_machine_and_others_wait_for_its_end(stage, driver, clock):
    """While a timing study is there another run starts nothing, says why, and goes on when it is gone."""
    timing = driver(jobs=1, timing=True)
    labels = []

    def on_progress(progress):
        labels.append((progress.label, len(stage.session.tasks)))
        clock.now += 1.0
        if len(labels) == 3:
            timing.close()

    with Runner(stage.setup(total=4, monotonic=clock), on_progress=on_progress) as runner:
        end = runner.run(stage.trials(4))
    assert end.done == 4
    assert all("timing study" in label and not tasks for label, tasks in labels[:3])


def test_a_waiting_gpu_trial_asks_again_soon(stage, driver, clock):
    """A driver that waits for a GPU asks five times a second, and at once when it gave one back itself."""
    stage.host.found = type(stage.host.found)(4.0, 16 << 30, (0,))
    first, second = driver(needs=Needs(gpus=1)), driver(needs=Needs(gpus=1))
    assert first.take_gpus() == (0,)
    assert second.take_gpus() is None
    assert second.wants_gpus
    first.give_gpus((0,))
    assert second.take_gpus() is None
    clock.now += WAITING_S
    assert second.take_gpus() == (0,)


def test_an_unwritable_temp_folder_is_a_caution_for_cpus_and_an_end_for_gpus(stage, driver, clock, monkeypatch):
    """CPUs are then not shared, and that is said; GPUs must be exact."""
    stage.host.found = type(stage.host.found)(4.0, 16 << 30, (0,))
    one = driver(needs=Needs(gpus=1))

    def full(self, *args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    assert look(one, clock) == 4
    assert "No space left" in one.caution
    with pytest.raises(MissingPart, match="No space left"):
        one.take_gpus()
    one.close()
