"""Who a driver is: pid, start time and boot id together name a process once and for all."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """A process of some machine."""

    pid: int
    started: float
    """Seconds since boot (Unix time on macOS), so that a clock that jumps changes nothing."""
    boot_id: str
    host: str


def this() -> Process:
    """Return the calling process."""
    return Process(pid=os.getpid(), started=_started(os.getpid()), boot_id=_boot_id(), host=socket.gethostname())


def alive(process: Process) -> bool:
    """Say whether a process lives. One of another host that runs its own kernel cannot be seen: it counts as alive."""
    if process.boot_id != _boot_id():
        return process.host != socket.gethostname()
    return process.started > 0 and abs(_started(process.pid) - process.started) < 2 * _TICK_S


def _boot_id() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    if path.exists():
        return path.read_text().strip()
    import psutil

    return f"boot-{int(psutil.boot_time())}"


def _started(pid: int) -> float:
    """Return a process's start time; 0.0 where it is gone or a zombie."""
    if sys.platform != "linux":
        return _started_elsewhere(pid)
    try:
        line = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0.0
    state, *rest = line[line.rindex(b")") + 2 :].split()  # the name before it may hold blanks and brackets
    return 0.0 if state in (b"Z", b"X") else int(rest[18]) * _TICK_S


def _started_elsewhere(pid: int) -> float:
    import psutil

    try:
        process = psutil.Process(pid)
        return 0.0 if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return 0.0
