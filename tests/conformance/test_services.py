"""The system services sits the exam of systems, on a service in virtual time and on a server that is shared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairtrial.contract.system import System
from fairtrial.systems.services.system import Services
from fairtrial.testing.exams.system import SystemExam

VIRTUAL = {"kind": "simulated", "service": {"kind": "exponential", "mean_s": 0.01}, "servers": 2}


class TestVirtual(SystemExam):
    """A simulated service."""

    def make(self, folder: Path) -> System:
        """Make the system."""
        return Services()

    def parameters(self) -> Mapping[str, Any]:
        """Return a load of four clients."""
        return {"target": VIRTUAL, "load": {"clients": 4, "duration_s": 5, "warmup_s": 1}}


class TestServer(SystemExam):
    """A PostgreSQL that trials share, asked with a secret nearby."""

    def make(self, folder: Path) -> System:
        """Make the system."""
        return Services()

    def parameters(self) -> Mapping[str, Any]:
        """Return a short load; what the harness keeps is not examined here."""
        target = {"kind": "postgres", "operation": "select", "checkpoint": False}
        return {"target": target, "load": {"clients": 2, "duration_s": 0.5, "warmup_s": 0.2}, "validity": {"steal": 1}}


class TestSecret(SystemExam):
    """A server that is attached to: its DSN stays a reference."""

    def make(self, folder: Path) -> System:
        """Make the system."""
        return Services()

    def parameters(self) -> Mapping[str, Any]:
        """Return a target whose address is secret."""
        return {"target": {"kind": "postgres", "server": "attach", "dsn": {"secret": "EXAM_DSN"}}}

    # They need a server that answers: the exam above has one.
    test_declared_metrics_are_returned = None  # type: ignore[assignment]
    test_running_leaves_the_process_as_it_was = None  # type: ignore[assignment]
