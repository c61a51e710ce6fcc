"""The state of the machine around a run: what else ran, what held it back, and who shares its cores."""

from __future__ import annotations

import ipaddress
import os
import platform
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fairtrial.systems.services.watch.cgroups import Limits, limits
from fairtrial.systems.services.watch.gpu import gpus
from fairtrial.systems.services.watch.machine import Cores, clocking, cores, numa_nodes, use
from fairtrial.systems.services.watch.usage import Usage, below, read

BUSY_SHARE = 0.05
"""CPU of a core from which another process disturbs."""
CROWDED_SHARE = 0.1
"""CPU of all cores from which others disturb, whoever they are."""
THROTTLED_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Before:
    """What was seen before the run."""

    at_s: float
    load: float
    """Load average of the last minute: a fact, not a caution, since trials before this one are in it."""
    limits: Limits
    cores: Cores
    processes: dict[int, Usage]


def before() -> Before:
    """Look at the machine before the load begins."""
    return Before(time.monotonic(), os.getloadavg()[0], limits(), cores(), _processes())


def after(seen: Before, *, server: Iterable[int] = (), address: str = "") -> dict[str, Any]:
    """Return the facts of the machine over a run, as JSON: what `run.json` holds below `host`.

    `server` are the server's processes where they run here, `address` the URL or DSN by which it was reached.
    `banner` and `cautions` are sentences for the report; a fact that this machine does not tell is left out or None.
    """
    server = tuple(server)
    lasted_s = max(time.monotonic() - seen.at_s, 1e-9)
    now = limits()
    own = {pid for root in (*server, os.getpid()) for pid in below(root)} | _above(os.getpid())
    shared = _shared(server)
    facts: dict[str, Any] = {
        **_machine(),
        **_server(server),
        "cgroup_cpus": now.cpus,
        "memory_limit_bytes": now.memory_bytes,
        "throttled_periods": now.throttled - seen.limits.throttled,
        "throttled_s": now.throttled_s - seen.limits.throttled_s,
        "load_average_before": seen.load,
        "busy_others": _others(seen.processes, own, lasted_s),
        "network": network(address) if address else None,
        "shared_cores": shared,
    }
    used = use(seen.cores, cores())
    if used is not None:
        facts["steal_share"] = used.steal_share
    with gpus() as devices:
        facts |= devices.facts() if devices is not None else {}
    facts["banner"] = f"client and server share {shared} core{'' if shared == 1 else 's'}" if shared else ""
    facts["cautions"] = list(_cautions(facts, lasted_s))
    return facts


def crowded(facts: Mapping[str, Any], detail: Mapping[str, Any]) -> Iterator[str]:
    """Say where something else used the machine in the window that is not named yet: in another PID namespace.

    `facts` are those of `after`, `detail` is the Sampler's of the window.
    """
    used = detail.get("others_cpu_cores") or 0.0
    cores = len(detail.get("core_busy", ()))
    if not facts.get("busy_others") and detail.get("server_cpu_cores") is not None and used > CROWDED_SHARE * cores:
        yield f"others used {used:.2f} of {cores} cores, out of sight from here: use a quieter host"


def network(address: str) -> str:
    """Say how a server is reached: `unix socket`, `loopback` (this machine), or `network`."""
    parts = urlsplit(address if "//" in address or address.startswith("/") else f"//{address}")
    host = parts.hostname or next(iter(parse_qs(parts.query).get("host", [])), "")
    if host.startswith("/") or (not host and parts.path.startswith("/")):
        return "unix socket"
    if host in ("", "localhost") or host in _own_addresses():
        return "loopback"
    try:
        return "loopback" if ipaddress.ip_address(host).is_loopback else "network"
    except ValueError:
        return "network"


def _own_addresses() -> set[str]:
    import psutil

    return {each.address for addresses in psutil.net_if_addrs().values() for each in addresses}


def _machine() -> dict[str, Any]:
    import psutil

    speed = clocking()
    return {
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "cpus": os.cpu_count(),
        "cpus_allowed": len(_affinity(0)) or os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "numa_nodes": numa_nodes(),
        "governor": speed.governor or None,
        "turbo": speed.turbo,
    }


def _server(pids: tuple[int, ...]) -> dict[str, Any]:
    """Return what the server's processes may use, where they run here."""
    if not pids:
        return {}
    allowed = [limits(pid) for pid in pids]
    cpus = [float(len(allow)) for pid in pids if (allow := _affinity(pid))]
    cpus += [each.cpus for each in allowed if each.cpus is not None]
    memory = [each.memory_bytes for each in allowed if each.memory_bytes is not None]
    facts = {"server_cpus": min(cpus, default=None), "server_memory_limit_bytes": min(memory, default=None)}
    return {name: value for name, value in facts.items() if value is not None}


def _shared(server: tuple[int, ...]) -> int:
    """Count the cores on which both this process and the server may run."""
    return len(_affinity(0) & {core for pid in server for core in _affinity(pid)})


def _affinity(pid: int) -> set[int]:
    """Return the cores on which a process may run; none where that is not known."""
    try:
        return set(os.sched_getaffinity(pid))
    except (OSError, AttributeError):
        return set()


def _processes() -> dict[int, Usage]:
    import psutil

    found = ((pid, read(pid)) for pid in psutil.pids())
    return {pid: usage for pid, usage in found if usage is not None}


def _others(seen: dict[int, Usage], own: set[int], lasted_s: float) -> list[dict[str, Any]]:
    """List the processes that are not ours and used more than a twentieth of a core, the busiest first."""
    busy = []
    for pid, usage in _processes().items():
        last = seen.get(pid)
        since = last.cpu_s if last is not None and last.started == usage.started else 0.0
        share = (usage.cpu_s - since) / lasted_s
        if pid not in own and share > BUSY_SHARE:
            busy.append({"pid": pid, "name": _name(pid), "cpu_cores": round(share, 3)})
    return sorted(busy, key=lambda each: -each["cpu_cores"])


def _above(pid: int) -> set[int]:
    """Return the processes that started this one, and those that started them: the harness, and what it runs in."""
    import psutil

    try:
        return {parent.pid for parent in psutil.Process(pid).parents()}
    except psutil.Error:
        return set()


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _cautions(facts: dict[str, Any], lasted_s: float) -> Iterable[str]:
    others = facts["busy_others"]
    if others:
        used, busiest = sum(each["cpu_cores"] for each in others), others[0]["name"]
        counted = f"{len(others)} other process{'es' if len(others) > 1 else ''}"
        yield f"{counted} used {used:.2f} cores (the busiest: {busiest}): use a quieter host"
    if facts["throttled_s"] > THROTTLED_SHARE * lasted_s:
        yield (
            f"the cgroup was throttled for {facts['throttled_s']:.2f} s in {facts['throttled_periods']} periods "
            f"(quota {facts['cgroup_cpus']} cores): raise the quota"
        )
    if facts["governor"] not in (None, "performance"):
        yield f"the CPU governor is {facts['governor']}: set it to performance"
    if facts.get("gpu_held_down_by"):
        yield f"GPU clocks were held down by {', '.join(facts['gpu_held_down_by'])}: cool it, or raise its power limit"
