"""Limits of control groups."""

from __future__ import annotations

import pytest

from fairtrial.systems.services.watch.cgroups import Limits, limits


@pytest.fixture
def machine(tmp_path):
    """Make a machine of files: path -> text."""

    def machine(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        return tmp_path

    return machine


def test_version_2(machine):
    """The tightest quota and memory limit on the way up, and how often the group was held back."""
    root = machine(
        {
            "proc/self/cgroup": "0::/a/b",
            "sys/fs/cgroup/a/cpu.max": "150000 100000",
            "sys/fs/cgroup/a/b/cpu.max": "max 100000",
            "sys/fs/cgroup/a/memory.max": "1073741824",
            "sys/fs/cgroup/a/b/memory.max": "2147483648",
            "sys/fs/cgroup/a/cpu.stat": "usage_usec 5\nnr_periods 9\nnr_throttled 4\nthrottled_usec 250000",
        }
    )
    assert limits(root=root) == Limits(1.5, 2**30, 4, 0.25)


def test_version_1(machine):
    """Quotas of -1 and memory near 2^63 are no limits; throttling is counted in nanoseconds."""
    root = machine(
        {
            "proc/7/cgroup": "5:cpu,cpuacct:/x\n4:memory:/x\n3:pids:/x",
            "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us": "50000",
            "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/cpu,cpuacct/x/cpu.stat": "nr_periods 9\nnr_throttled 2\nthrottled_time 500000000",
            "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "9223372036854771712",
        }
    )
    assert limits(7, root=root) == Limits(0.5, None, 2, 0.5)


def test_without_groups_nothing_limits(tmp_path):
    """A system without control groups allows all."""
    assert limits(root=tmp_path) == Limits(None, None, 0, 0.0)


def test_this_machine_can_be_read():
    """Whatever it has, a limit is positive or none."""
    found = limits()
    assert found.cpus is None or found.cpus > 0
    assert found.memory_bytes is None or found.memory_bytes > 0
    assert found.throttled >= 0
