"""What a process and all below it have used: CPU, memory, I/O, threads. Read from /proc; elsewhere by psutil."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Usage:
    """One process."""

    started: float
    """When, on any clock: with the process id it names the process for good."""
    cpu_s: float
    resident_bytes: int
    shared_bytes: int
    """Of the resident ones, those that other processes may have mapped too (files, shared memory)."""
    threads: int
    read_bytes: float = math.nan
    """Read from storage; NaN where that may not be seen."""
    write_bytes: float = math.nan
    """Charged for writing to files; NaN as above. What is written through memory maps alone is not in it."""
    asked_bytes: float = math.nan
    """That write calls asked for, to files or not; NaN where nobody counts them."""


@dataclass(frozen=True, slots=True)
class Totals:
    """All processes of a role: counts grow from the first look on."""

    cpu_s: float
    rss_bytes: float
    read_bytes: float
    write_bytes: float
    threads: int
    processes: int


Read = Callable[[int], Usage | None]
Below = Callable[[int], list[int]]


def read(pid: int) -> Usage | None:
    """Read what a process has used; None where it is gone."""
    try:
        return _linux(pid) if sys.platform == "linux" else _anywhere(pid)
    except (OSError, ValueError, IndexError):
        return None


def below(pid: int) -> list[int]:
    """List a process and all its descendants, itself first."""
    if sys.platform != "linux":
        return _below_anywhere(pid)
    found, at = [pid], 0
    while at < len(found):
        found += _children(found[at])
        at += 1
    return found


@dataclass(slots=True)
class Meter:
    """Adds up what the trees below some processes use, whoever of them comes and goes.

    Memory that processes share (PostgreSQL's buffers) counts once: the private pages of all, and the most that one of
    them shares.
    """

    roots: tuple[int, ...]
    read: Read = read
    below: Below = below
    _seen: dict[tuple[int, float], Usage] = field(default_factory=dict)
    _pids: list[int] = field(default_factory=list)
    _first: bool = True
    _cpu_s: float = 0.0
    _read_bytes: float = 0.0
    _write_bytes: float = 0.0

    def look(self, taken: Iterable[int] = ()) -> list[int]:
        """Find the processes again, without those that are `taken`; return them."""
        other = set(taken)
        self._pids = [
            pid for pid in dict.fromkeys(p for root in self.roots for p in self.below(root)) if pid not in other
        ]
        return self._pids

    def total(self) -> Totals | None:
        """Return what all have used; None where there is none of them (left)."""
        now = {(pid, usage.started): usage for pid in self._pids if (usage := self.read(pid)) is not None}
        for key, usage in now.items():
            self._add(usage, usage if self._first else self._seen.get(key))
        self._first = False
        self._seen |= now
        if not now:
            return None
        private = sum(usage.resident_bytes - usage.shared_bytes for usage in now.values())
        return Totals(
            self._cpu_s,
            float(private + max(usage.shared_bytes for usage in now.values())),
            self._read_bytes,
            self._write_bytes,
            sum(usage.threads for usage in now.values()),
            len(now),
        )

    def _add(self, usage: Usage, last: Usage | None) -> None:
        """Add what a process used since it was last seen; all of it where it is new."""
        self._cpu_s += usage.cpu_s - (last.cpu_s if last else 0.0)
        self._read_bytes += usage.read_bytes - (last.read_bytes if last else 0.0)
        self._write_bytes += _written(usage, last)


def _written(usage: Usage, last: Usage | None) -> float:
    """Return what was written to files since the last look.

    Linux charges a write for the whole folio of the page cache that it dirties, which may be megabytes for 8 kB: no
    more was written than write calls asked for meanwhile.
    """
    charged = usage.write_bytes - (last.write_bytes if last else 0.0)
    asked = usage.asked_bytes - (last.asked_bytes if last else 0.0)
    return charged if math.isnan(asked) else min(charged, asked)


def _linux(pid: int) -> Usage:
    fields = _text(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    pages = _text(f"/proc/{pid}/statm").split()
    page, tick = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
    read_bytes, write_bytes, asked_bytes = _io(pid)
    return Usage(
        started=float(fields[19]),
        cpu_s=(int(fields[11]) + int(fields[12])) / tick,
        resident_bytes=int(pages[1]) * page,
        shared_bytes=int(pages[2]) * page,
        threads=int(fields[17]),
        read_bytes=read_bytes,
        write_bytes=write_bytes,
        asked_bytes=asked_bytes,
    )


def _io(pid: int) -> tuple[float, float, float]:
    """Return what came from storage, what is charged and what was asked for; another user's process does not say."""
    try:
        lines = _text(f"/proc/{pid}/io").splitlines()
    except PermissionError:
        return math.nan, math.nan, math.nan
    found = {name: float(value) for name, _, value in (line.partition(b": ") for line in lines)}
    return found[b"read_bytes"], found[b"write_bytes"], found[b"wchar"]


def _text(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208  a Path for each thread costs as much as the rest
            found += [int(child) for child in _text(f"/proc/{pid}/task/{thread}/children").split()]
    except OSError:
        return found
    return found


def _anywhere(pid: int) -> Usage | None:
    import psutil

    try:
        process = psutil.Process(pid)
        times, memory = process.cpu_times(), process.memory_info()
        threads = process.num_threads()
        return Usage(process.create_time(), times.user + times.system, memory.rss, 0, threads)
    except psutil.Error:
        return None


def _below_anywhere(pid: int) -> list[int]:
    import psutil

    try:
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.Error:
        return [pid]
