"""Processes that carry a book's mark in their environment: what a killed driver of that book may have left behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from fairtrial.execute.machine import limits
from fairtrial.execute.machine.process import started

VARIABLE = "FAIRTRIAL_MARK"
SAME_START_S = 0.05
PATIENCE_S = 5.0


def mark(book: str, pid: int | None = None) -> str:
    """Make the mark of a driver of a book: `<book id>:<driver pid>:<start, in seconds since boot>`."""
    driver = os.getpid() if pid is None else pid
    return f"{book}:{driver}:{started(driver):.2f}"


def sweep(book: str) -> list[int]:
    """End what earlier drivers of a book left behind; return the pids. Call it under the study's lock only.

    Drivers of the same book that live, and what is theirs, are spared; so are this process and its ancestors. The
    memory groups of drivers that are gone are removed, whosever they were.
    """
    ended = _end(lambda found: found.startswith(f"{book}:") and not _driver_lives(found))
    limits.remove_left()
    return ended


def end_marked(whole_mark: str, *, grace_s: float = 0.0) -> list[int]:
    """End everything that carries exactly this mark (this driver's own, when its guardian was killed).

    It gets a while to end by itself first: a parent of trials knows better what belongs to it, a keeper tears down.
    """
    limit = time.monotonic() + grace_s
    while time.monotonic() < limit and any(found == whole_mark for _, found in _marked()):
        time.sleep(0.01)
    return _end(lambda found: found == whole_mark)


def _end(condemned: Callable[[str], bool]) -> list[int]:
    ended: set[int] = set()
    limit = time.monotonic() + PATIENCE_S
    spared, calm = _ancestry(), 0
    while time.monotonic() < limit:
        found = {pid for pid, carried in _marked() if pid not in spared and condemned(carried)}
        calm = 0 if found else calm + 1
        if calm > bool(ended):  # in the middle of an exec a process shows no environment: look twice
            break
        for pid in found:
            _kill(pid)
        ended |= found
        time.sleep(0.005)
    return sorted(ended)


def _marked() -> Iterator[tuple[int, str]]:
    """Find every living process that carries a mark, with the mark."""
    prefix = f"{VARIABLE}=".encode()
    for entry in Path("/proc").iterdir() if Path("/proc").is_dir() else ():
        if not entry.name.isdigit():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        for item in environment.split(b"\0") if prefix in environment else ():
            if item.startswith(prefix) and started(int(entry.name)):
                yield int(entry.name), item[len(prefix) :].decode(errors="replace")


def _driver_lives(carried: str) -> bool:
    try:
        _, pid, since = carried.rsplit(":", 2)
        return abs(started(int(pid)) - float(since)) < SAME_START_S
    except ValueError:
        return False


def _ancestry() -> set[int]:
    found, pid = {os.getpid()}, os.getppid()
    while pid > 1 and pid not in found:
        found.add(pid)
        try:
            line = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            break
        pid = int(line[line.rindex(")") + 2 :].split()[1])
    return found


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
