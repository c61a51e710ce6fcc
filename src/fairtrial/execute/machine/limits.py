"""Memory limits of a whole process tree: cgroup v2, else v1, else a watchdog; and what a tree used.

Never RLIMIT_AS, which counts address space that nobody touches.

How a peak is measured: the most of (1) what a trial says of itself at its end: its largest resident size less the one
it started with, files that it mapped meanwhile left out; (2) wait4's ru_maxrss less the parent's resident size, which
also speaks for trials that were killed and for the largest child of one; (3) the largest sum of resident sizes over
the tree seen at 10 Hz, less the parent's share once. What a trial changes on pages that it shares with its parent is
not seen.
"""

# ruff: noqa: PTH103, PTH106, PTH112, PTH208
# (no pathlib in what the parent of trials loads: every fork would copy its pages)

from __future__ import annotations

import os
from collections.abc import Iterable
from resource import RUSAGE_SELF, getrusage

from fairtrial.execute.machine.linux import descendants

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICK_S = 0.1


class Cgroup:
    """The memory controller's group of one slot, used again by one trial after the other."""

    def __init__(self, path: str, version: int) -> None:
        self.path = path
        self.limiter = f"cgroup{version}"
        self._limit_file = "memory.max" if version == 2 else "memory.limit_in_bytes"
        self._swap_file = "memory.swap.max" if version == 2 else "memory.memsw.limit_in_bytes"
        self._event_file = "memory.events" if version == 2 else "memory.oom_control"
        self._version = version

    def limit(self, limit_bytes: int) -> None:
        """Set the limit (raising v1's swap limit out of the way first); no swap beyond it."""
        unlimited = "max" if self._version == 2 else "-1"
        _write(f"{self.path}/{self._swap_file}", unlimited, optional=True)
        _write(f"{self.path}/{self._limit_file}", str(limit_bytes))
        _write(f"{self.path}/{self._swap_file}", "0" if self._version == 2 else str(limit_bytes), optional=True)
        _write(f"{self.path}/memory.oom.group", "1", optional=True)

    def enter(self) -> None:
        """Move this process in."""
        _write(f"{self.path}/cgroup.procs", "0")

    def kills(self) -> int:
        """Count how often the kernel killed a process here."""
        return _field(f"{self.path}/{self._event_file}", b"oom_kill") or 0


class Cgroups:
    """Groups for slots below this process's own, where the memory controller lets us."""

    def __init__(self, name: str) -> None:
        """`name` is that of the folder made in the hierarchy; see `remove`."""
        self._base, self._version = _usable(name)
        self._groups: dict[str, Cgroup] = {}

    def slot(self, slot: str) -> Cgroup | None:
        """Return the slot's group; None where there is no controller for us."""
        if not self._base:
            return None
        if slot not in self._groups:
            path = f"{self._base}/{slot}"
            os.makedirs(path, exist_ok=True)
            self._groups[slot] = Cgroup(path, self._version)
        return self._groups[slot]


def remove(name: str) -> None:
    """Remove the groups made under a name; their processes are gone."""
    for base, _ in _hierarchies():
        top = f"{base}/{name}"
        if not os.path.isdir(top):
            continue
        for folder in [entry.path for entry in os.scandir(top) if entry.is_dir()] + [top]:
            _rmdir(folder)


def remove_left() -> None:
    """Remove the groups of drivers that are gone; those in which a process lives stay, as the kernel sees to."""
    for base, _ in _hierarchies():
        for name in _names(base):
            pid = name.removeprefix("fairtrial-").partition("-")[0]
            if name.startswith("fairtrial-") and pid.isdigit() and not os.path.isdir(f"/proc/{pid}"):
                remove(name)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:  # a container may name a group that it cannot see
        return []


def _rmdir(folder: str) -> None:
    try:
        os.rmdir(folder)
    except OSError:
        return  # a process that does not die keeps it; the next start tries again


def _usable(name: str) -> tuple[str, int]:
    for base, version in _hierarchies():
        path = f"{base}/{name}"
        probe = f"{path}/probe"
        try:
            os.makedirs(probe, exist_ok=True)
            if version == 2:
                _write(f"{base}/cgroup.subtree_control", "+memory", optional=True)
                _write(f"{path}/cgroup.subtree_control", "+memory", optional=True)
            group = Cgroup(probe, version)
            group.limit(1 << 40)
            os.rmdir(probe)
        except OSError:
            remove(name)
            continue
        return path, version
    return "", 0


def _hierarchies() -> Iterable[tuple[str, int]]:
    """List this process's own groups that have a memory controller: v2 first."""
    try:
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            groups = [line.rstrip("\n").split(":", 2) for line in file]
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            mounts = [line.split() for line in file]
    except OSError:
        return
    for version, number in ((2, "0"), (1, None)):
        for ident, controllers, path in groups:
            if (ident == number) if number else ("memory" in controllers.split(",")):
                yield from _mounted(mounts, path, version)


def _mounted(mounts: list[list[str]], path: str, version: int) -> Iterable[tuple[str, int]]:
    for fields in mounts:
        kind, options = fields[fields.index("-") + 1], fields[-1].split(",")
        if kind != ("cgroup2" if version == 2 else "cgroup") or (version == 1 and "memory" not in options):
            continue
        root, point = fields[3], fields[4]
        inside = os.path.relpath(path, root) if path.startswith(root) else path.lstrip("/")
        yield os.path.normpath(f"{point}/{inside}"), version


class Meter:
    """Watches the tree of one trial: resident sizes at every tick, the proportional one before anything is killed."""

    def __init__(self, pid: int, *, share_bytes: int, limit_bytes: int | None) -> None:
        """`share_bytes` is the parent's resident size where the trial was forked from it and stayed in it, else 0."""
        self._pid, self._share, self._limit = pid, share_bytes, limit_bytes
        self.peak_bytes = 0
        self._statm: dict[int, int] = {}

    def overshoot(self) -> int:
        """Look; return by how many bytes the tree is past its limit (0: it is not, or has none)."""
        tree = descendants(self._pid)
        for pid in self._statm.keys() - set(tree):  # a long trial may start a thousand short programs
            os.close(self._statm.pop(pid))
        sizes = [size for pid in tree if (size := self._resident(pid))]
        self.peak_bytes = max(self.peak_bytes, sum(sizes) - self._share)
        if self._limit is None or sum(sizes) <= self._limit:
            return 0
        proportional = sum(map(_proportional_bytes, tree))
        self.peak_bytes = max(self.peak_bytes, proportional - self._share)
        return max(0, proportional - self._limit)

    def close(self) -> None:
        """Close what is kept open."""
        for descriptor in self._statm.values():
            os.close(descriptor)
        self._statm.clear()

    def _resident(self, pid: int) -> int:
        try:
            if pid not in self._statm:
                self._statm[pid] = os.open(f"/proc/{pid}/statm", os.O_RDONLY | os.O_CLOEXEC)
            return int(os.pread(self._statm[pid], 128, 0).split()[1]) * PAGE_BYTES
        except (OSError, IndexError):
            if pid in self._statm:
                os.close(self._statm.pop(pid))
            return 0


def resident_bytes(pid: int | str = "self") -> int:
    """Return a process's resident size; 0 where it is gone."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return 0


def pages() -> tuple[int, int]:
    """Return this process's resident pages, and how many of them are of files or shared."""
    with open("/proc/self/statm", "rb") as file:
        _, resident, shared, *_ = file.read().split()
    return int(resident), int(shared)


def grown_bytes(before: tuple[int, int]) -> int:
    """Return how far this process's largest resident size is above what `pages` said before, mapped files left out."""
    resident, shared = before
    mapped = max(0, pages()[1] - shared)
    return max(0, getrusage(RUSAGE_SELF).ru_maxrss * 1024 - (resident + mapped) * PAGE_BYTES)


def kernel_kills() -> int:
    """Count how often the kernel ran out of memory and killed a process on this machine, any cgroup included."""
    return _field("/proc/vmstat", b"oom_kill") or 0


def _proportional_bytes(pid: int) -> int:
    share_kib = _field(f"/proc/{pid}/smaps_rollup", b"Pss:")
    return resident_bytes(pid) if share_kib is None else share_kib * 1024


def _field(path: str, name: bytes) -> int | None:
    """Return the number behind a name in a file of names and numbers; None where there is none."""
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except OSError:
        return None
    for line in raw.splitlines():
        words = line.split(None, 2)
        if words[0] == name:
            return int(words[1])
    return None


def _write(path: str, value: str, *, optional: bool = False) -> None:
    """Write into a controller's file. Raises OSError where that fails, unless the file is optional."""
    try:
        descriptor = os.open(path, os.O_WRONLY)
        try:
            os.write(descriptor, value.encode())
        finally:
            os.close(descriptor)
    except OSError:
        if not optional:
            raise
