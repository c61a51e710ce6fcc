"""How far a run is: what a terminal, `watch` and the control socket show."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Progress:
    """A moment of a run."""

    run: int
    study: str
    state: str
    """running | paused | draining | finished"""
    total: int | None
    """Trials of the plan that count, reused ones included; None where not counted."""
    done: int
    failed: int
    running: int
    reused: int
    jobs: int
    rate_per_s: float | None = None
    eta_s: float | None = None
    eta_low_s: float | None = None
    eta_high_s: float | None = None
    """A 90 % range of the time left; None before enough trials ended."""
    label: str = ""
    """The last thing that happened, in words."""

    def as_dict(self) -> dict[str, Any]:
        """Return the record as JSON."""
        return asdict(self)
