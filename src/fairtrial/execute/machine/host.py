"""What this machine has for trials: CPUs, memory and GPUs, as affinity and control groups leave them."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fairtrial.errors import MissingPart
from fairtrial.execute.machine.process import boot_id
from fairtrial.execute.machine.quota import Cgroups
from fairtrial.model.provenance import Machine


@dataclass(frozen=True, slots=True)
class Resources:
    """What may be used now."""

    cpus: float
    """CPUs by affinity and quota; a quota may be a fraction."""
    memory_bytes: int
    """Memory that is free or can be freed."""
    gpus: tuple[int, ...] = ()


class Host:
    """Reads the machine below a root folder ('/' but for tests)."""

    def __init__(self, root: Path = Path("/"), environ: Mapping[str, str] | None = None) -> None:
        self._root = root
        self._environ = os.environ if environ is None else environ
        self._groups = Cgroups(root)

    def resources(self) -> Resources:
        """Return what trials may use now."""
        return Resources(self.cpus(), self.available_bytes(), self.gpus())

    def cpus(self) -> float:
        """Return the CPUs that this process may use: affinity, and the quota of its control groups."""
        return min(float(affinity()), self._groups.cpus() or float("inf"))

    def available_bytes(self) -> int:
        """Return the memory that is free or can be freed, within the control groups' limits."""
        left = self._groups.memory_left_bytes()
        free = self._meminfo("MemAvailable")
        return free if left is None else min(free, left)

    def gpus(self) -> tuple[int, ...]:
        """List the GPUs that this process may use, as CUDA numbers them. Raises MissingPart for ids it cannot map."""
        named = self._environ.get("CUDA_VISIBLE_DEVICES")
        if named is None:
            devices = (self._root / "dev").glob("nvidia[0-9]*")
            return tuple(range(sum(path.name[6:].isdigit() for path in devices)))
        return tuple(_indices(named))

    def describe(self) -> Machine:
        """Describe the machine for the record."""
        return Machine(
            host=socket.gethostname(),
            boot_id=boot_id(),
            platform=platform.platform(),
            cpu_model=self._cpu_model(),
            cpus=affinity(),
            cpu_quota=self._groups.cpus(),
            memory_bytes=self._meminfo("MemTotal"),
            memory_limit_bytes=self._groups.memory_limit_bytes(),
            load_1m=os.getloadavg()[0],
        )

    def _meminfo(self, key: str) -> int:
        path = self._root / "proc/meminfo"
        if path.exists():
            found = (line.split() for line in path.read_text().splitlines() if line.startswith(key + ":"))
            return next((int(parts[1]) * 1024 for parts in found), 0)
        import psutil

        memory = psutil.virtual_memory()
        return int(memory.available if key == "MemAvailable" else memory.total)

    def _cpu_model(self) -> str:
        path = self._root / "proc/cpuinfo"
        lines = path.read_text().splitlines() if path.exists() else []
        return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def affinity() -> int:
    """Return how many CPUs this process may be scheduled on."""
    count = getattr(os, "process_cpu_count", None)  # Python 3.13
    if count is not None:
        return count() or 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _indices(named: str) -> Iterator[int]:
    """Yield CUDA's indices; as CUDA does, end at the first one that is no device (-1)."""
    for part in (text.strip() for text in named.split(",") if text.strip()):
        if not part.lstrip("-").isdigit():
            raise MissingPart(
                f"CUDA_VISIBLE_DEVICES names {part!r}", hint="name GPUs by index: CUDA_VISIBLE_DEVICES=0,1"
            )
        if int(part) < 0:
            return
        yield int(part)
