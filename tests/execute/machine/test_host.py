"""What the machine has, read below a made-up root."""

from __future__ import annotations

import os

import pytest

from fairtrial.errors import MissingPart
from fairtrial.execute.machine.host import Host, affinity

GIB = 1 << 30


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def root(tmp_path):
    """Give a machine with 16 GiB, 10 of them available, and no limits."""
    write(tmp_path, {"proc/meminfo": "MemTotal: 16777216 kB\nMemAvailable: 10485760 kB\n"})
    return tmp_path


def test_without_limits_the_machine_is_what_it_is(root):
    """Memory is what is available, CPUs are those of the affinity."""
    host = Host(root, {})
    assert (host.cpus(), host.available_bytes(), host.gpus()) == (affinity(), 10 * GIB, ())


def test_affinity_is_heeded():
    """A process that is bound to one CPU has one."""
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert affinity() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_the_tightest_level_of_version_2_counts(root):
    """A parent group's quota and memory limit bind although the own group has none."""
    write(
        root,
        {
            "proc/self/cgroup": "0::/slice/own\n",
            "sys/fs/cgroup/slice/own/cpu.max": "max 100000\n",
            "sys/fs/cgroup/slice/cpu.max": "50000 100000\n",
            "sys/fs/cgroup/slice/memory.max": f"{4 * GIB}\n",
            "sys/fs/cgroup/slice/memory.current": f"{3 * GIB}\n",
            "sys/fs/cgroup/slice/memory.stat": f"anon 5\ninactive_file {GIB}\n",
            "sys/fs/cgroup/slice/own/memory.max": "max\n",
        },
    )
    host = Host(root, {})
    assert host.cpus() == 0.5
    assert host.available_bytes() == 2 * GIB
    assert host.describe().cpu_quota == 0.5
    assert host.describe().memory_limit_bytes == 4 * GIB


def test_version_1_is_read_too(root):
    """Quota and memory come from their controllers, whose path a container does not see."""
    write(
        root,
        {
            "proc/self/cgroup": "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "75000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{2 * GIB}\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{GIB}\n",
            "sys/fs/cgroup/memory/memory.stat": f"cache 1\ntotal_inactive_file {GIB // 2}\n",
        },
    )
    host = Host(root, {})
    assert (host.cpus(), host.available_bytes()) == (0.75, GIB + GIB // 2)


def test_no_limit_in_version_1_is_no_limit(root):
    """A quota of -1 and the largest number mean none."""
    write(
        root,
        {
            "proc/self/cgroup": "4:memory:/\n2:cpu:/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        },
    )
    host = Host(root, {})
    assert (host.cpus(), host.describe().memory_limit_bytes) == (affinity(), None)


@pytest.mark.parametrize(
    ("visible", "gpus"), [(None, (0, 1)), ("", ()), ("-1", ()), ("1,3", (1, 3)), ("2,-1,3", (2,)), (" 0 , 1 ", (0, 1))]
)
def test_gpus_are_those_that_cuda_would_show(root, visible, gpus):
    """CUDA_VISIBLE_DEVICES decides; without it the device files are counted, wherever their numbers start."""
    write(root, {"dev/nvidia3": "", "dev/nvidia4": "", "dev/nvidiactl": "", "dev/nvidia-uvm": ""})
    assert Host(root, {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}).gpus() == gpus


def test_gpus_named_by_id_are_refused(root):
    """An id cannot be given to trials as an index: the user is told what to write."""
    with pytest.raises(MissingPart, match="by index"):
        Host(root, {"CUDA_VISIBLE_DEVICES": "GPU-8932f937"}).gpus()


def test_this_machine_can_be_read():
    """The real machine has CPUs, memory, a host name and a boot id."""
    machine = Host().describe()
    assert machine.host
    assert machine.boot_id
    assert machine.cpus >= 1
    assert Host().cpus() > 0
    assert 0 < Host().available_bytes() <= machine.memory_bytes
