"""Who a process is: pid, start time and boot id together name it once and for all."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def boot_id() -> str:
    """Name this boot of the machine: a process of another boot is dead."""
    path = Path("/proc/sys/kernel/random/boot_id")
    if path.exists():
        return path.read_text().strip()
    import psutil

    return f"boot-{int(psutil.boot_time())}"


def started(pid: int) -> float:
    """Return when a process started, in seconds since boot (Unix time on macOS); 0.0 where it is gone or a zombie.

    Seconds since boot do not move when somebody sets the clock.
    """
    if sys.platform == "linux":
        return _started_linux(pid)
    import psutil

    try:
        process = psutil.Process(pid)
        return 0.0 if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return 0.0


def _started_linux(pid: int) -> float:
    try:
        line = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0.0
    state, *rest = line[line.rindex(b")") + 2 :].split()  # the name before it may hold blanks and brackets
    return 0.0 if state in (b"Z", b"X") else int(rest[18]) * _TICK_S


def alive(pid: int, since: float, boot: str) -> bool:
    """Say whether the process with this pid, start time and boot id still lives (a zombie does not)."""
    return boot == boot_id() and since > 0 and abs(started(pid) - since) < 2 * _TICK_S
