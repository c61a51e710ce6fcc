"""The contract of a strategy: it asks for trials and is told what came of them. Fixed designs are the simplest ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from fairtrial.model.study import Study
from fairtrial.model.trial import Condition, Trial


@dataclass(frozen=True, slots=True)
class Count:
    """How large a plan is, by arithmetic where that is possible."""

    trials: int | None
    """None: not counted (a rule over more than a million cells that arithmetic cannot split)."""
    conditions: int | None
    excluded: Mapping[str, int | None] = field(default_factory=dict)
    """Rule text -> conditions that it removes (each rule counted on its own); None: not counted."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of a plan: digests of trials `start`, `start + 1`, …; cheap, so that a resume looks at all."""

    start: int
    digests: Sequence[bytes]


class Plan(Protocol):
    """The ordered trials as data; lazy, so that a grid of 1e9 cells costs nothing until it is walked."""

    def count(self) -> Count:
        """Return how many trials it has."""

    def blocks(self, size: int = 4096) -> Iterator[Block]:
        """Walk the digests in plan order."""

    def trial(self, position: int) -> Trial:
        """Return the trial at a position of the plan order that `blocks` walked."""


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a trial: metrics (None: undefined), or none at all for a failed one."""

    trial: Trial
    status: str
    metrics: Mapping[str, float | None]


class Space(Protocol):
    """What a strategy chooses from: it turns assignments into trials with identity."""

    study: Study

    def condition(self, variant: str, assignment: Mapping[str, Any]) -> Condition:
        """Resolve an assignment of all active factors. Raises SpecError where the system refuses the parameters."""

    def trial(self, condition: Condition, replicate: int, position: int = 0) -> Trial:
        """Make replicate k of a condition."""

    def grid(self) -> Plan:
        """Make a plan of every combination of the levels, lazily. Raises SpecError for a factor without levels."""

    def fixed(self, conditions: Sequence[Condition]) -> Plan:
        """Make a plan of every replicate of the conditions, in the study's order."""

    def listed(self, trials: Sequence[Trial]) -> Plan:
        """Make a plan of just these trials: in their order, or shuffled within each replicate as the study says."""


@runtime_checkable
class Strategy(Protocol):
    """Chooses trials. Told in plan order at batch barriers, unless `asynchronous`.

    Determinism: the same study, seed and history give the same asks.
    """

    name: str
    learns: bool
    """What it is told changes what it asks; a fixed design asks for one plan, whatever comes of it."""
    asynchronous: bool
    """It acts on completion order, so a resumed run may differ from an undisturbed one; reports say so."""

    def open(self, space: Space, options: Mapping[str, Any]) -> Opened:
        """Start on a space. Raises SpecError for options it does not know."""


class Opened(Protocol):
    """A strategy at work."""

    def ask(self) -> Plan | None:
        """Return the next batch, or None at the end. Called again only after `tell` of the whole batch."""

    def tell(self, told: Sequence[Told]) -> None:
        """Hear what came of the last batch, in plan order."""


@runtime_checkable
class Watches(Protocol):
    """An opened strategy that judges series while trials run."""

    def judge(self, trial: Trial, step: int, metrics: Mapping[str, float | None]) -> bool:
        """Say whether to stop the trial now."""


@runtime_checkable
class Searches(Protocol):
    """A strategy that says whether it looks for the best condition: reports then summarise the search.

    One that does not say so is taken to where it learns, or acts on completion order.
    """

    searches: bool
