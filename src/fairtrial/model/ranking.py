"""What a system says of its own run: which condition leads, whether that may be believed, and what promotion needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fairtrial.model.figure import Section
from fairtrial.model.finding import Verdict
from fairtrial.model.run import Label


@dataclass(frozen=True, slots=True)
class Ranking:
    """A system's own order of the conditions of a run."""

    leader: Label | None
    """The condition that leads; None where none can be ranked."""
    verdict: Verdict
    """Of: the leader is worth promoting."""
    answer: str
    """One or two sentences."""
    sections: tuple[Section, ...] = ()
    """For the report."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a winner can go into a runtime configuration, what is written there, and what shows that it works."""

    values: Mapping[str, tuple[str, Any]]
    """Key of the file -> (what it is of the winner, such as `signal.parameters.window`; its value)."""
    objection: str = ""
    """Why it cannot; '' where it can."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """JSON, kept beside the file and in the book."""
    answer: str = ""
    """What the evidence shows: one sentence."""
