"""What processes use."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import pytest

from fairtrial.systems.services.watch.usage import Meter, Usage, below, read

MIB = 2**20


def usage(cpu_s, *, started=1.0, resident=10, shared=0, threads=1, moved=0.0):
    """Make what a process has used, memory in MiB."""
    return Usage(started, cpu_s, resident * MIB, shared * MIB, threads, moved, 2 * moved)


def meter(processes, roots=(1,), tree=None):
    """Make a meter of processes that a test changes."""
    return Meter(roots, read=processes.get, below=lambda pid: (tree or {}).get(pid, [pid]))


def test_use_counts_from_the_first_look():
    """What a process had used before is not this run's."""
    processes = {1: usage(100.0, moved=50)}
    found = meter(processes)
    found.look()
    assert found.total().cpu_s == 0.0
    processes[1] = usage(101.5, moved=60)
    total = found.total()
    assert (total.cpu_s, total.read_bytes, total.write_bytes) == (1.5, 10, 20)


def test_a_child_that_comes_later_counts_from_its_start():
    """A new process is this run's, all of it; one that ended keeps what it used."""
    processes, tree = {1: usage(5.0)}, {1: [1]}
    found = meter(processes, tree=tree)
    found.look()
    found.total()
    processes[2], tree[1] = usage(0.7), [1, 2]
    found.look()
    assert found.total().cpu_s == pytest.approx(0.7)
    del processes[2]
    tree[1] = [1]
    found.look()
    total = found.total()
    assert total.cpu_s == pytest.approx(0.7)
    assert total.processes == 1


def test_a_process_id_that_is_used_again_is_another_process():
    """The start tells two processes of one id apart."""
    processes = {1: usage(5.0, started=1.0)}
    found = meter(processes)
    found.look()
    found.total()
    processes[1] = usage(0.2, started=9.0)
    assert found.total().cpu_s == pytest.approx(0.2)


def test_shared_memory_counts_once():
    """Three processes of 10 MiB that share 8 have 8 and three times 2."""
    processes = {pid: usage(0.0, resident=10, shared=8, threads=2) for pid in (1, 2, 3)}
    found = meter(processes, roots=(1, 2, 3))
    found.look()
    total = found.total()
    assert total.rss_bytes == 14 * MIB
    assert (total.threads, total.processes) == (6, 3)


def test_a_process_counts_for_one_role():
    """What another role has taken is left out, and roots that overlap count once."""
    processes = {pid: usage(0.0) for pid in (1, 2)}
    found = meter(processes, roots=(1, 2), tree={1: [1, 2]})
    assert found.look() == [1, 2]
    assert found.look(taken=[1]) == [2]


def test_nothing_left_is_nothing():
    """When all processes are gone there is no total, not one of zero."""
    processes = {1: usage(1.0)}
    found = meter(processes)
    found.look()
    processes.clear()
    assert found.total() is None


def test_io_that_may_not_be_seen_is_not_known():
    """Another user's I/O is NaN, and the CPU is still counted."""
    processes = {1: Usage(1.0, 2.0, MIB, 0, 1)}
    found = meter(processes)
    found.look()
    found.total()
    processes[1] = Usage(1.0, 3.0, MIB, 0, 1)
    total = found.total()
    assert total.cpu_s == 1.0
    assert math.isnan(total.read_bytes)


@pytest.mark.skipif(sys.platform != "linux", reason="I/O of processes is read from /proc")
def test_what_is_written_is_what_was_asked_for(tmp_path):
    """A few bytes in a large folio of the page cache are a few bytes, whatever the kernel charges for them.

    What was written before, to files or not, changes nothing.
    """
    reader, writer = os.pipe()
    with open(reader, "rb", buffering=0) as out, open(writer, "wb", buffering=0) as into:
        for _ in range(1024):
            into.write(bytes(65536))
            out.read(65536)
    found = Meter((os.getpid(),), below=lambda pid: [pid])
    found.look()
    with (tmp_path / "file").open("wb", buffering=0) as file:
        file.write(bytes(16 * MIB))
        os.fsync(file.fileno())
        before = found.total()
        for place in range(50):
            os.pwrite(file.fileno(), b"x" * 8192, place * 8192)
            os.fdatasync(file.fileno())
        after = found.total()
    assert after.write_bytes - before.write_bytes <= 50 * 8192 + 65536


def test_a_real_tree():
    """A process and its child are found, and what they use is plausible; when they are gone, they are gone."""
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        tree = below(process.pid)
        assert tree[0] == process.pid
        assert len(tree) == 2
        found = [read(pid) for pid in tree]
        process.communicate(b"\n")
    assert all(each.cpu_s >= 0 and each.resident_bytes > MIB and each.threads >= 1 for each in found)
    assert all(0 <= each.shared_bytes <= each.resident_bytes for each in found)
    assert read(process.pid) is None
    assert below(process.pid) == [process.pid]


def test_this_process_agrees_with_psutil():
    """CPU, memory and threads are those that psutil reads."""
    psutil = pytest.importorskip("psutil")
    own, other = read(os.getpid()), psutil.Process()
    assert own.cpu_s == pytest.approx(sum(other.cpu_times()[:2]), abs=0.1)
    assert own.resident_bytes == pytest.approx(other.memory_info().rss, rel=0.05)
    assert own.threads == other.num_threads()
