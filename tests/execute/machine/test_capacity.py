"""Sharing a machine between drivers."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from fairtrial.execute.machine.capacity import Capacity, Entry, Wish, share


@pytest.fixture
def machine(tmp_path, clock):
    """Give a way to make drivers of one machine of four CPUs."""

    def driver():
        clock.now += 1.0
        return Capacity(tmp_path, cpus=4.0, monotonic=clock)

    return driver


def entry(name, jobs, cpus=1.0):
    return Entry(name, 1, 1.0, "b", jobs=jobs, cpus=cpus)


def test_a_driver_that_is_alone_gets_what_it_asks_for(machine):
    """More jobs than CPUs are honoured when nobody else wants any."""
    assert machine().refresh(Wish(16), busy=False).jobs == 16


@pytest.mark.parametrize(
    ("wants", "cpus", "given"),
    [
        ([8, 8], 4.0, [2, 2]),
        ([1, 8], 4.0, [1, 3]),
        ([2, 2], 4.0, [2, 2]),
        ([8, 8, 8], 4.0, [2, 1, 1]),
        ([8, 8, 8], 2.0, [1, 1, 1]),
        ([0, 8], 4.0, [0, 8]),
    ],
)
def test_shares_are_fair_and_leave_nothing_idle(wants, cpus, given):
    """Each gets one, then who has least gets more, until nobody wants more or the CPUs are used."""
    entries = [entry(str(index), jobs) for index, jobs in enumerate(wants)]
    assert [share(entries, one.id, cpus) for one in entries] == given


def test_shares_are_counted_in_cpus():
    """A driver whose trials take two CPUs each gets half as many of them."""
    entries = [entry("a", 8, cpus=2.0), entry("b", 8)]
    assert [share(entries, one.id, 8.0) for one in entries] == [2, 4]


def test_a_driver_takes_up_what_another_leaves(machine):
    """When a driver leaves, the other gets the machine at its next look."""
    first, second = machine(), machine()
    first.refresh(Wish(4), busy=True)
    assert second.refresh(Wish(4), busy=True).jobs == 2
    assert first.refresh(Wish(4), busy=True).jobs == 2
    second.close()
    assert first.refresh(Wish(4), busy=True).jobs == 4


def test_dead_drivers_drop_out(machine, tmp_path):
    """An entry whose process is gone counts for nothing, its GPUs included."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as gone:
        gone.wait()
    row = {"id": "x", "pid": gone.pid, "started": 5.0, "boot": "b", "jobs": 8, "cpus": 1.0, "active": True}
    row |= {"alone_since": 1.0, "gpus": [0], "gpus_since": None}
    (tmp_path / "capacity.json").write_text(json.dumps([row]))
    driver = machine()
    assert driver.refresh(Wish(4), busy=False) == type(driver.refresh(Wish(4), busy=False))(4, "")
    assert driver.take(1, (0,)) == (0,)


def test_a_timing_study_waits_until_the_others_are_still_and_then_has_the_machine(machine):
    """From its wish on others start nothing; it starts when none of them has a trial running."""
    other, timing = machine(), machine()
    assert other.refresh(Wish(2), busy=True).waits == ""
    assert "other run" in timing.refresh(Wish(1, alone=True), busy=False).waits
    assert "timing study" in other.refresh(Wish(2), busy=True).waits
    assert "other run" in timing.refresh(Wish(1, alone=True), busy=False).waits
    assert "timing study" in other.refresh(Wish(2), busy=False).waits
    assert timing.refresh(Wish(1, alone=True), busy=False).waits == ""
    assert "timing study" in other.refresh(Wish(2), busy=False).waits
    timing.close()
    assert other.refresh(Wish(2), busy=False).waits == ""


def test_of_two_timing_studies_the_first_goes_first(machine, clock):
    """The later one waits for the earlier one, which does not wait for it."""
    first, second = machine(), machine()
    assert first.refresh(Wish(1, alone=True), busy=False).waits == ""
    clock.now += 1.0
    assert "another timing study" in second.refresh(Wish(1, alone=True), busy=False).waits
    assert first.refresh(Wish(1, alone=True), busy=True).waits == ""
    first.refresh(Wish(0), busy=False)
    assert second.refresh(Wish(1, alone=True), busy=False).waits == ""


def test_gpus_are_never_held_twice_and_go_to_who_waited(machine, clock):
    """A GPU has one holder; given back, it goes to the driver that waits, not to the one that had it."""
    first, second = machine(), machine()
    assert first.take(1, (0, 1)) == (0,)
    assert first.take(1, (0, 1)) == (1,)
    clock.now += 1.0
    assert second.take(1, (0, 1)) == ()
    first.give((0,))
    clock.now += 1.0
    assert first.take(1, (0, 1)) == ()
    assert second.take(1, (0, 1)) == (0,)
    assert first.take(1, (0, 1)) == ()
    second.give((0,))
    assert first.take(1, (0, 1)) == (0,)


def test_who_needs_two_gpus_gets_them_although_others_need_one(machine, clock):
    """GPUs are saved for the one in front of the line, so a large wish is not starved by small ones."""
    small, large = machine(), machine()
    assert small.take(1, (0, 1)) == (0,)
    assert small.take(1, (0, 1)) == (1,)
    clock.now += 1.0
    assert large.take(2, (0, 1)) == ()
    small.give((0,))
    assert small.take(1, (0, 1)) == ()
    small.give((1,))
    clock.now += 1.0
    assert small.take(1, (0, 1)) == ()
    assert large.take(2, (0, 1)) == (0, 1)


def test_a_paused_driver_keeps_nobody_waiting(machine, clock):
    """A driver that wants nothing gives up its place in the line."""
    first, second = machine(), machine()
    assert first.take(1, (0,)) == (0,)
    assert second.take(1, (0,)) == ()
    second.refresh(Wish(0), busy=False)
    first.give((0,))
    clock.now += 5.0
    assert first.take(1, (0,)) == (0,)


def test_a_file_that_makes_no_sense_is_written_anew(machine, tmp_path):
    """Whatever somebody wrote into the file, drivers go on and put themselves in again."""
    (tmp_path / "capacity.json").write_text("{nonsense")
    driver = machine()
    assert driver.refresh(Wish(3), busy=False).jobs == 3
    assert [row["jobs"] for row in json.loads((tmp_path / "capacity.json").read_text())] == [3]
