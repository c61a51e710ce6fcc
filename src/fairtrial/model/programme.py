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
    run: int
    category: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Criterion:
    """A success criterion: an expression over the book, such as `runs(system=services) >= 10`."""

    text: str
    label: str = ""
    met: bool | None = None
    """None: not looked at yet."""
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Programme:
    """What `programme.yaml` says."""

    phases: tuple[Phase, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    file: str = ""


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
