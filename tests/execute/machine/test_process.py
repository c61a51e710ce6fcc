"""Who a process is."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from fairtrial.execute.machine.process import alive, boot_id, started


def test_this_process_lives():
    """Pid, start time and boot id together name it."""
    pid = os.getpid()
    assert alive(pid, started(pid), boot_id())
    assert not alive(pid, started(pid) - 1.0, boot_id())
    assert not alive(pid, started(pid), "another boot")


@pytest.mark.skipif(sys.platform != "linux", reason="seconds since boot are Linux's")
def test_the_start_is_in_seconds_since_boot():
    """It agrees with another reading of the same clock."""
    assert started(os.getpid()) + psutil.boot_time() == pytest.approx(psutil.Process().create_time(), abs=1.5)


def test_a_dead_process_and_a_zombie_do_not_live():
    """A process that ended is dead before and after it was waited for."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        since = started(child.pid)
        assert alive(child.pid, since, boot_id())
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie now
        assert not alive(child.pid, since, boot_id())
        child.wait()
        assert not alive(child.pid, since, boot_id())
