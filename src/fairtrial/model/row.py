"""A result that was made elsewhere, as `import` reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fairtrial.model.outcome import FailureClass, Status


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """One trial of a file of results."""

    line: int
    """Where it stands in the file."""
    variant: str
    assignment: Mapping[str, Any]
    replicate: int
    """From 0, as in a study."""
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    """None is undefined; empty where the trial failed."""
    seed: int | None = None
    failure: FailureClass | None = None

    @property
    def status(self) -> Status:
        """Say how the trial ended."""
        return Status.DONE if self.failure is None else Status.FAILED
