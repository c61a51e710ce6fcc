"""The processors of the machine: how busy each was, and what the hypervisor kept from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cores:
    """CPU time since the machine started, in seconds."""

    busy_s: tuple[float, ...]
    """Of each core."""
    total_s: float
    """Of all cores, idle and stolen time included."""
    steal_s: float
    wait_s: float
    """Idle while something waited for storage."""


@dataclass(frozen=True, slots=True)
class Use:
    """How the processors were used between two looks."""

    busy: tuple[float, ...]
    """Share of each core."""
    steal_share: float
    wait_share: float


def cores() -> Cores:
    """Read the counters. Where the system does not count steal and waiting, they are 0."""
    import psutil

    each = psutil.cpu_times(percpu=True)
    idle = [times.idle + getattr(times, "iowait", 0.0) for times in each]
    steal = [getattr(times, "steal", 0.0) for times in each]
    total = [_all(times) for times in each]
    busy = tuple(all_s - idle_s - steal_s for all_s, idle_s, steal_s in zip(total, idle, steal, strict=True))
    wait = sum(getattr(times, "iowait", 0.0) for times in each)
    return Cores(busy, sum(total), sum(steal), wait)


def _all(times: object) -> float:
    """Add up the times of a core; time of guests is part of the user's already."""
    fields = getattr(times, "_asdict")()  # noqa: B009
    return float(sum(value for name, value in fields.items() if not name.startswith("guest")))


def use(before: Cores, after: Cores) -> Use | None:
    """Compare two looks; None where no time passed, or cores came and went."""
    total = after.total_s - before.total_s
    if total <= 0 or len(before.busy_s) != len(after.busy_s):
        return None
    each = total / len(after.busy_s)
    busy = tuple(min(max((b - a) / each, 0.0), 1.0) for a, b in zip(before.busy_s, after.busy_s, strict=True))
    steal, wait = (after.steal_s - before.steal_s) / total, (after.wait_s - before.wait_s) / total
    return Use(busy, max(steal, 0.0), max(wait, 0.0))


@dataclass(frozen=True, slots=True)
class Clocking:
    """What sets the speed of the processors."""

    governor: str
    """`performance`, `powersave`, several joined by `/`; '' where the system does not say (virtual machines)."""
    turbo: bool | None


def clocking(root: Path = Path("/")) -> Clocking:
    """Read governor and turbo below a root folder ('/' but for tests)."""
    devices = root / "sys/devices/system/cpu"
    governors = {_text(path) for path in devices.glob("cpu[0-9]*/cpufreq/scaling_governor")} - {""}
    no_turbo, boost = _text(devices / "intel_pstate/no_turbo"), _text(devices / "cpufreq/boost")
    turbo = no_turbo == "0" if no_turbo else boost == "1" if boost else None
    return Clocking("/".join(sorted(governors)), turbo)


def numa_nodes(root: Path = Path("/")) -> int:
    """Count the memory nodes; 1 where the system does not say."""
    return max(1, len(list((root / "sys/devices/system/node").glob("node[0-9]*"))))


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
