"""What control groups allow a process, versions 1 and 2, and how often they made it wait."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

UNLIMITED = 1 << 60
"""Version 1 writes 'no limit' as a number near 2^63."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The tightest limits from the process's group up to the root; None without one."""

    cpus: float | None
    memory_bytes: int | None
    throttled: int
    """Periods in which the group had used up its CPU."""
    throttled_s: float


def limits(pid: int | str = "self", root: Path = Path("/")) -> Limits:
    """Read the groups of a process below a root folder ('/' but for tests)."""
    levels = list(_levels(pid, root))
    cpus = [found for level in levels if (found := _cpus(level)) is not None]
    memory = [found for level in levels if (found := _memory(level)) is not None]
    waits = [_throttled(level) for level in levels]
    count, seconds = max(waits, default=(0, 0.0))
    return Limits(min(cpus, default=None), min(memory, default=None), count, seconds)


def _levels(pid: int | str, root: Path) -> Iterator[Path]:
    """Yield the folders of the groups and of all above them."""
    mount = root / "sys/fs/cgroup"
    for line in _text(root / f"proc/{pid}/cgroup").splitlines():
        _, controllers, place = line.split(":", 2)
        if controllers and not {"cpu", "memory"} & set(controllers.split(",")):
            continue
        for top in [mount / controllers] if controllers else [mount, mount / "unified"]:
            at = top / place.lstrip("/")
            yield from (level for level in (at, *at.parents) if level == top or top in level.parents)


def _cpus(level: Path) -> float | None:
    quota, _, period = _text(level / "cpu.max").partition(" ")
    if quota and quota != "max":
        return int(quota) / int(period or 100_000)
    quota, period = _text(level / "cpu.cfs_quota_us"), _text(level / "cpu.cfs_period_us")
    return int(quota) / int(period) if quota and int(quota) > 0 and period else None


def _memory(level: Path) -> int | None:
    text = _text(level / "memory.max") or _text(level / "memory.limit_in_bytes")
    return int(text) if text.isdigit() and int(text) < UNLIMITED else None


def _throttled(level: Path) -> tuple[int, float]:
    """Return how often and for how many seconds; version 2 counts microseconds, version 1 nanoseconds."""
    pairs = (line.partition(" ") for line in _text(level / "cpu.stat").splitlines())
    found = {name: int(value) for name, _, value in pairs}
    seconds = found.get("throttled_usec", 0) * 1e-6 + found.get("throttled_time", 0) * 1e-9
    return found.get("nr_throttled", 0), seconds


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
