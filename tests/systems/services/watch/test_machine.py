"""The processors of the machine."""

from __future__ import annotations

import time

import pytest

from fairtrial.systems.services.watch.machine import Clocking, Cores, clocking, cores, numa_nodes, use


def test_use_is_what_happened_between_two_looks():
    """One core busy, one idle, a tenth of the time stolen, a fifth waiting for storage."""
    found = use(Cores((5.0, 3.0), 20.0, 1.0, 2.0), Cores((10.0, 3.0), 30.0, 2.0, 4.0))
    assert found.busy == (1.0, 0.0)
    assert found.steal_share == pytest.approx(0.1)
    assert found.wait_share == pytest.approx(0.2)


def test_counters_that_go_backwards_are_nothing_stolen():
    """Some kernels let counters of waiting and stealing fall: a share is never negative."""
    found = use(Cores((5.0,), 10.0, 1.0, 2.0), Cores((4.0,), 11.0, 0.5, 1.0))
    assert (found.busy, found.steal_share, found.wait_share) == ((0.0,), 0.0, 0.0)


def test_looks_that_cannot_be_compared():
    """Without time between them, or with other cores, there is no use."""
    one = Cores((1.0,), 10.0, 0.0, 0.0)
    assert use(one, one) is None
    assert use(one, Cores((1.0, 1.0), 20.0, 0.0, 0.0)) is None


def test_a_busy_core_is_seen():
    """Counters only grow while this process computes, and stay within what the cores have."""
    before = cores()
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    after = cores()
    assert len(after.busy_s) == len(before.busy_s) >= 1
    assert sum(after.busy_s) - sum(before.busy_s) >= 0.05
    assert after.total_s >= sum(after.busy_s)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, Clocking("", turbo=None)),
        (
            {"cpu0/cpufreq/scaling_governor": "powersave", "intel_pstate/no_turbo": "1"},
            Clocking("powersave", turbo=False),
        ),
        ({"cpu0/cpufreq/scaling_governor": "a", "cpu1/cpufreq/scaling_governor": "b"}, Clocking("a/b", turbo=None)),
        ({"cpufreq/boost": "1"}, Clocking("", turbo=True)),
    ],
)
def test_governor_and_turbo(tmp_path, files, expected):
    """Both are read where the kernel tells them, and are not known elsewhere."""
    for name, text in files.items():
        path = tmp_path / "sys/devices/system/cpu" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    assert clocking(tmp_path) == expected


def test_memory_nodes(tmp_path):
    """Nodes are counted; a machine that does not say has one."""
    assert numa_nodes(tmp_path) == 1
    for name in ("node0", "node1", "power"):
        (tmp_path / "sys/devices/system/node" / name).mkdir(parents=True)
    assert numa_nodes(tmp_path) == 2
