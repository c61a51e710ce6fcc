"""`gate`: a run against its baseline, as stored, or with both measured again now, side by side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fairtrial.contract.journal import Book, Ledger
from fairtrial.contract.registry import Registry
from fairtrial.errors import UserError
from fairtrial.flow.baseline import against as baseline_of
from fairtrial.flow.book import reading
from fairtrial.flow.compare import Asked, compare, remember
from fairtrial.flow.declare import recall
from fairtrial.flow.declared import Declared
from fairtrial.flow.paired import Duel, Match, paired, renamed
from fairtrial.flow.remedy import again, apart, rounds_of
from fairtrial.flow.session import SILENT, Listeners
from fairtrial.model.comparison import Comparison

SUFFIXES = (".baseline", ".current")
"""Follow the studies' names in the names of the runs that measure both again."""


def gate(
    home: Path | None, number: int | None, *, against: str = "baseline", asked: Asked = Asked(verb="gate")
) -> Comparison:
    """Compare a run (the newest without a number) with its baseline."""
    return compare(home, *_pair(home, number, against), asked=asked)


def confirm(
    home: Path | None,
    number: int | None,
    *,
    against: str = "baseline",
    registry: Registry,
    match: Match = Match(),
    listeners: Listeners = SILENT,
) -> Duel:
    """Measure the conditions of a run and of its baseline again now, interleaved, and judge those measurements.

    Raises UserError where that would tell nothing: the baseline's system is not here as it was, or both runs declare
    one and the same thing.
    """
    baseline, current = _pair(home, number, against)
    with reading(home) as book:
        sides = [_recalled(book.ledger, run, registry=registry) for run in (baseline, current)]
    _refuse_same(sides, (baseline, current))
    first, second = (
        renamed(side, f"{side.study.name}{suffix}", registry) for side, suffix in zip(sides, SUFFIXES, strict=True)
    )

    def conclude(book: Book, duel: Duel, found: Comparison) -> Duel:
        remember(book, found, match.asked, of=[baseline, current])
        if not found.next_command:
            return duel
        more = again(("", "gate", str(current), "--against", str(baseline), "--confirm"), rounds_of(found))
        return replace(duel, comparison=replace(found, next_command=more))

    return paired(
        home,
        first,
        second,
        registry=registry,
        match=replace(match, mode="confirmed"),
        listeners=listeners,
        conclude=conclude,
    )


def _pair(home: Path | None, number: int | None, against: str) -> tuple[int, int]:
    with reading(home) as book:
        current = book.ledger.run(number).number
        return baseline_of(book.ledger, current, against), current


def _recalled(ledger: Ledger, number: int, *, registry: Registry) -> Declared:
    """Declare again what a run recorded. Raises UserError where its system is no longer what it measured."""
    found, run = recall(ledger, number, registry=registry), ledger.run(number)
    if found.identity_digest != run.system_digest:
        drivers = ledger.provenance(number)
        commit = ((drivers[-1].get("code") or {}).get("commit") or "")[:12] if drivers else ""
        there = f"commit {commit}" if commit else "its code"
        raise UserError(
            f"the system of run {number} has changed since: measured now it would be another one",
            hint=f"put {there} into a folder of its own: {apart(ledger, number)}",
        )
    return found


def _refuse_same(sides: list[Declared], runs: tuple[int, int]) -> None:
    from fairtrial.compare.likeness import different

    one, other = sides
    same_system = one.identity_digest == other.identity_digest
    if same_system and not different(one.study, other.study, together=False):
        raise UserError(
            f"runs {runs[0]} and {runs[1]} declare one and the same thing: measured now, they could not differ",
            hint="keep what differs reachable under its own parameters: fairtrial compare --paired A.yaml B.yaml",
        )
