"""A programme of studies, and the experiment log: entries computed from the book, never typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fairtrial.model.claim import Place


@dataclass(frozen=True, slots=True)
class Item:
    """A numbered thing to do within a phase."""

    number: int
    text: str
    studies: tuple[str, ...] = ()
    """Names of the studies that fulfil it."""
    stage: str = ""
    source: str = ""
    priority: str = ""
    """high | medium | low, or ''."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of a programme."""

    name: str
    goal: str = ""
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Baseline:
    """A named reference run."""

    name: str
    run: int | None
    """None: still to be measured."""
    category: str = ""
    note: str = ""
    study: str = ""
    system: str = ""
    at: float | None = None
    """When it was set, unix seconds; None for one that only the programme names."""
    missing: bool = False
    """The book has no run of that number."""

    @property
    def place(self) -> str:
        """Write its run: the number, `pending`, or that the book lacks it."""
        if self.run is None:
            return "pending"
        return f"{self.run} (no such run)" if self.missing else str(self.run)


@dataclass(frozen=True, slots=True)
class Criterion:
    """A success criterion: an expression over the book, such as `runs(system=services) >= 10`."""

    text: str
    label: str = ""
    met: bool | None = None
    """None: not looked at yet."""
    value: float | None = None
    count: str = ""
    """runs | studies | conditions | baselines | verdicts"""
    filters: Mapping[str, str] = field(default_factory=dict)
    relation: str = ">="
    goal: float = 1


@dataclass(frozen=True, slots=True)
class Programme:
    """What `programme.yaml` says."""

    phases: tuple[Phase, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    file: str = ""
    title: str = ""
    rules: tuple[str, ...] = ()
    """How this project keeps its log: shown above it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the experiment log."""

    number: int | None
    """The action's number in the book; None for an entry that is only planned."""
    at: float | None
    """Unix time in seconds."""
    title: str
    status: str
    """planned | running | completed | failed"""
    verb: str = ""
    place: Place = Place()
    command: tuple[str, ...] = ()
    config: str = ""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    reason: str = ""
    result: str = ""
    conclusion: str = ""
    resolution: str = ""
    notes: tuple[str, ...] = ()
    error: str = ""
    who: str = ""
    run: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ItemStatus:
    """How far an item is, by what the book holds."""

    phase: str
    item: Item
    status: str
    """completed | running | in progress | not started"""
    done: tuple[str, ...] = ()
    """Studies with a finished run."""
    left: tuple[str, ...] = ()
    """Studies without one."""
    runs: tuple[int, ...] = ()
    """The newest run of each study, oldest first."""


@dataclass(frozen=True, slots=True)
class Log:
    """The experiment log as a document: the plan, and what was done, oldest first."""

    programme: Programme
    items: tuple[ItemStatus, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class IndexRow:
    """A run in the index of a data set."""

    run: int
    study: str
    system: str
    configuration: str
    purpose: str
    """The study's question."""
    status: str
    created: float
    """Unix seconds."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Index:
    """The index of a data set: its runs, newest first, what is still to be done, and whether that is enough."""

    rows: tuple[IndexRow, ...]
    baselines: tuple[Baseline, ...]
    pending: tuple[ItemStatus, ...]
    """By priority."""
    criteria: tuple[Criterion, ...]
