"""Where, with what and from which code a run was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Code:
    """The version of the user's code: git commit and what was changed since."""

    commit: str = ""
    dirty: bool = False
    diff: str = ""
    """The diff against the commit, at most 1 MB; what was cut is said in its last line."""
    untracked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Machine:
    """The host at the start of a driver."""

    host: str = ""
    boot_id: str = ""
    platform: str = ""
    cpu_model: str = ""
    cpus: int = 0
    cpu_quota: float | None = None
    """CPUs that the cgroup allows; None without a limit."""
    memory_bytes: int = 0
    memory_limit_bytes: int | None = None
    load_1m: float = 0.0


@dataclass(frozen=True, slots=True)
class Provenance:
    """All of it, for one driver of a run."""

    code: Code
    machine: Machine
    python: str
    fairtrial: str
    packages: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    folder: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Input name -> digest, hexadecimal."""
    fresh: bool = False
    """It opened its run to measure everything again: the run takes over no result of another, now or later."""

    def as_dict(self) -> dict[str, Any]:
        """Return the record as JSON."""
        return asdict(self)
