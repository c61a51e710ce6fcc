"""The system threadpool sits the exam of systems: a pool in virtual time, and a formula."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairtrial.contract.system import System
from fairtrial.systems.threadpool.system import ThreadPool
from fairtrial.testing.exams.system import SystemExam


class TestVirtual(SystemExam):
    """A simulated pool."""

    def make(self, folder: Path) -> System:
        """Make the system."""
        return ThreadPool()

    def parameters(self) -> Mapping[str, Any]:
        """Return a pool of four that blocks now and then."""
        workload = {"cpu": {"mean_us": 800}, "blocking": {"mean_us": 500}}
        return {"engine": "simulated", "workload": workload, "pool": {"workers": 4}, "tasks": 3000}


class TestFormula(SystemExam):
    """The same in closed form."""

    def make(self, folder: Path) -> System:
        """Make the system."""
        return ThreadPool()

    def parameters(self) -> Mapping[str, Any]:
        """Return a pool of eight."""
        return {"engine": "analytic", "workload": {"cpu": {"mean_us": 800}}, "pool": {"workers": 8}}
