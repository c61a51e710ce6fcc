"""Processes seen from outside through /proc: children, states, marks; stopping and killing several at one instant."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

SETTLED = frozenset("TtZX")
"""States of a process that does nothing by itself: stopped, traced, zombie, dead."""


def field(pid: int, index: int) -> str:
    """Return a field of /proc/PID/stat, counted from the state as 0; '' where the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return text[text.rindex(")") + 2 :].split()[index]


def state(pid: int) -> str:
    """Return a process's state letter; '' where it is gone."""
    return field(pid, 0)


def alive(pid: int) -> bool:
    """Say whether a process exists and is no zombie."""
    return state(pid) not in ("", "Z", "X")


def parent_of(pid: int) -> int:
    """Return the parent's process id; 0 where the process is gone."""
    return int(field(pid, 1) or 0)


def session_of(pid: int) -> int:
    """Return the session id as this process sees it; 0 where the process is gone."""
    return int(field(pid, 3) or 0)


def children(pid: int) -> list[int]:
    """Return the children of a process, of all its threads."""
    found: list[int] = []
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def descendants(pid: int) -> list[int]:
    """Return everything below a process, parents before children."""
    found = children(pid)
    for child in found:
        found += [grandchild for grandchild in children(child) if grandchild not in found]
    return found


def ancestors(pid: int, top: int) -> list[int]:
    """Return the processes between a process and one above it, the highest first; nothing where it is not above."""
    found: list[int] = []
    while (pid := parent_of(pid)) not in (0, 1, top):
        found.insert(0, pid)
    return found if pid == top else []


def command_line(pid: int) -> str:
    """Return a process's command line; '' where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def inner(pid: int) -> int:
    """Return a process's id in its own PID namespace; 0 where it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    line = next((line for line in status.splitlines() if line.startswith("NSpid:")), "0")
    return int(line.split()[-1])


def namespace(pid: int) -> str:
    """Return the name of a process's PID namespace; '' where it is gone."""
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except (FileNotFoundError, ProcessLookupError):
        return ""


def carrying(text: str) -> set[int]:
    """Return the living processes whose environment at start contains a text; never this process."""
    needle, found = text.encode(), set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                if needle in (folder / "environ").read_bytes():
                    found.add(int(folder.name))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
    return {pid for pid in found if alive(pid)}


def send(number: signal.Signals, pids: Iterable[int]) -> None:
    """Send a signal to processes; those that are gone by now are left out."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def stop(pids: Iterable[int], within_s: float = 0.5) -> bool:
    """Stop processes and say whether all of them stand still (or are gone) before the time is up."""
    pids = list(pids)
    send(signal.SIGSTOP, pids)
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if all(state(pid) in SETTLED or not state(pid) for pid in pids):
            return True
    return False


def kill_at_once(pids: Iterable[int]) -> None:
    """Kill processes at one instant as the others see it: all are stopped first, so that none reacts to a death."""
    pids = list(pids)
    stop(pids)
    send(signal.SIGKILL, pids)


def locks(pid: int) -> list[tuple[int, int, str]]:
    """Return the file locks that a process holds: (inode, first byte, READ or WRITE)."""
    found = []
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()
        if words[1] == "POSIX" and words[4] == str(pid):
            found.append((int(words[5].split(":")[2]), int(words[6]), words[3]))
    return found
