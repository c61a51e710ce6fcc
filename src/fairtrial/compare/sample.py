"""One of two runs as a comparison takes it: where it was made, what it declared, what it measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fairtrial.model.comparison import Side
from fairtrial.model.run import Measurements
from fairtrial.model.study import Study


@dataclass(frozen=True, slots=True)
class Sample:
    """A run with its study and its settled trials."""

    side: Side
    study: Study
    measured: Measurements
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Of its last driver."""
    system: str = ""
    """The system's name."""
    identity: str = ""
    """Digest of the system's identity, hexadecimal: its version and its code."""
    invalid: Mapping[int, str] = field(default_factory=dict)
    """Number of a trial that was settled as INVALID -> why."""


def machine_of(provenance: Mapping[str, Any]) -> str:
    """Name the machine of a driver in words: machines of one label have the same processor and as many of them."""
    machine = provenance.get("machine") or {}
    model, cpus, quota = machine.get("cpu_model") or "unknown processor", machine.get("cpus"), machine.get("cpu_quota")
    limited = f" (limited to {quota:g})" if quota else ""
    return f"{model}, {cpus or '?'} CPUs{limited}"


def commit_of(provenance: Mapping[str, Any]) -> str:
    """Name the commit of a driver's code, shortened, with a + where it was changed since; '' without git."""
    code = provenance.get("code") or {}
    commit = str(code.get("commit") or "")[:12]
    return f"{commit}+" if commit and code.get("dirty") else commit
