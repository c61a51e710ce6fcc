"""`aa`: a study against itself, so that what this gate makes of an unchanged system here is known."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from fairtrial.contract.journal import Book
from fairtrial.contract.registry import Registry
from fairtrial.flow.compare import judge, remember, sample
from fairtrial.flow.declared import Declared
from fairtrial.flow.paired import Duel, Match, paired, renamed
from fairtrial.flow.session import SILENT, Listeners
from fairtrial.model.comparison import Comparison, Null

SUFFIXES = (".aa-1", ".aa-2")
"""Follow the study's name in the names of its two sides."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A study against itself."""

    duel: Duel
    """Its comparison holds the gate's verdict and its false alarms here; None where it was broken off."""
    nulls: tuple[Null, ...] = ()
    still: tuple[str, ...] = ()
    """Metrics that did not differ once: their null says nothing of noise."""


def aa(
    home: Path | None,
    declared: Declared,
    *,
    registry: Registry,
    match: Match = Match(),
    listeners: Listeners = SILENT,
) -> Unchanged:
    """Run a study against itself, keep the differences for this machine and system, and say how often the gate fails.

    The same command continues one that was broken off.
    """
    from fairtrial.compare.nulls import differences

    first, second = (renamed(declared, f"{declared.study.name}{suffix}", registry) for suffix in SUFFIXES)
    asked = replace(match.asked, verb="aa")
    kept: list[Null] = []

    def conclude(book: Book, duel: Duel, _: Comparison) -> Duel:
        kept.extend(differences(*(sample(book.ledger, run) for run in duel.runs)))
        found = judge(book.ledger, *duel.runs, mode="interleaved", more=kept)
        remember(book, found, asked, nulls=[asdict(null) for null in kept])
        return replace(duel, comparison=found)

    duel = paired(
        home,
        first,
        second,
        registry=registry,
        match=replace(match, asked=asked, looks=1),
        listeners=listeners,
        conclude=conclude,
    )
    return Unchanged(duel, tuple(kept), tuple(null.metric for null in kept if not any(null.differences)))
