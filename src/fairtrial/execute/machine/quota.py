"""What control groups allow this process: CPU quota and memory, versions 1 and 2, every level up to the root."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_UNLIMITED = 1 << 60
"""Version 1 writes 'no limit' as a number near 2^63."""


class Cgroups:
    """Reads the control groups of this process below a root folder ('/' but for tests)."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._mount = root / "sys/fs/cgroup"
        self._own = dict(_memberships(root / "proc/self/cgroup"))

    def cpus(self) -> float | None:
        """Return the CPUs that the tightest quota allows; None without one."""
        found = [quota for level in self._levels("") if (quota := _quota2(level)) is not None]
        found += [quota for level in self._levels("cpu") if (quota := _quota1(level)) is not None]
        return min(found, default=None)

    def memory_limit_bytes(self) -> int | None:
        """Return the tightest memory limit; None without one."""
        return min((limit for limit, _ in self._memory()), default=None)

    def memory_left_bytes(self) -> int | None:
        """Return what is left under the tightest limit, the page cache that can be dropped counted as free."""
        return min((max(0, limit - used) for limit, used in self._memory()), default=None)

    def _memory(self) -> Iterator[tuple[int, int]]:
        for level in self._levels(""):
            limit = _number(level / "memory.max")
            if limit is not None:
                yield limit, (_number(level / "memory.current") or 0) - _stat(level, "inactive_file")
        for level in self._levels("memory"):
            limit = _number(level / "memory.limit_in_bytes")
            if limit is not None and limit < _UNLIMITED:
                yield limit, (_number(level / "memory.usage_in_bytes") or 0) - _stat(level, "total_inactive_file")

    def _levels(self, controller: str) -> Iterator[Path]:
        """Yield the group's folder and its ancestors; in a container the path may not exist, the mount's root does."""
        if controller not in self._own:
            return
        mounts = [self._mount / name for name in ([controller, "cpu,cpuacct"] if controller else [".", "unified"])]
        for mount in mounts:
            place = mount / self._own[controller].lstrip("/")
            while place != mount and mount in place.parents:
                yield place
                place = place.parent
            yield mount


def _memberships(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (controller, path) from /proc/self/cgroup; version 2 is the controller ''."""
    if not path.exists():
        return
    for line in path.read_text().splitlines():
        _, controllers, place = line.split(":", 2)
        for name in controllers.split(","):
            yield name, place


def _quota2(level: Path) -> float | None:
    quota, _, period = (_text(level / "cpu.max") or "max").partition(" ")
    return None if quota == "max" else int(quota) / int(period or 100_000)


def _quota1(level: Path) -> float | None:
    quota, period = _number(level / "cpu.cfs_quota_us"), _number(level / "cpu.cfs_period_us")
    return quota / period if quota is not None and quota > 0 and period else None


def _stat(level: Path, key: str) -> int:
    lines = (_text(level / "memory.stat") or "").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith(key + " ")), 0)


def _number(path: Path) -> int | None:
    text = _text(path)
    return None if text is None or text == "max" else int(text)


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
