"""What this machine permits: the isolation, limits and room that `doctor` tells of."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

from fairtrial.execute.machine.host import Host
from fairtrial.execute.machine.limits import Cgroups, remove

PROBE = "fairtrial-doctor"
NAMESPACE = "from fairtrial.execute.machine.linux import Kernel; raise SystemExit(not Kernel().leave_namespaces())"


@dataclass(frozen=True, slots=True)
class Ability:
    """One thing that a machine can promise, or what it promises instead."""

    name: str
    ok: bool
    said: str
    advice: str = ""


def abilities() -> list[Ability]:
    """Try what trials would need, in a process of its own where that changes the process."""
    if sys.platform != "linux":
        weak = "fresh interpreters in process groups; what a trial detaches may survive it"
        return [Ability("isolation", ok=False, said=weak, advice="run on Linux for the full promise"), _room()]
    return [_namespace(), _memory(), _room()]


def _namespace() -> Ability:
    permitted = subprocess.run([sys.executable, "-c", NAMESPACE], check=False).returncode == 0
    if permitted:
        return Ability("PID namespace", ok=True, said="the kernel ends every process of a run with its guardian")
    said = "not permitted: after a kill of driver, guardian and parent at once, the next start ends what is left"
    return Ability("PID namespace", ok=False, said=said, advice="needs root or CAP_SYS_ADMIN")


def _memory() -> Ability:
    try:
        group = Cgroups(PROBE).slot("probe")
        kind = "a memory cgroup for each trial" if group else "a watchdog at 10 Hz (no memory cgroup is writable)"
        return Ability("memory limit", ok=group is not None, said=kind)
    finally:
        remove(PROBE)


def _room() -> Ability:
    room = Host().resources()
    gpus = f", {len(room.gpus)} GPUs" if room.gpus else ""
    return Ability("room", ok=True, said=f"{room.cpus:g} CPUs, {room.memory_bytes / 2**30:.3g} GiB free{gpus}")
