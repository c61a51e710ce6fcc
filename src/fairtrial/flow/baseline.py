"""Baselines: runs with a name that others are compared with; entries of the action log, the newest of a name counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fairtrial.contract.journal import Ledger
from fairtrial.errors import UnknownName, UserError
from fairtrial.flow.book import reading, writing
from fairtrial.model.programme import Baseline as Named

VERB = "baseline"


@dataclass(frozen=True, slots=True)
class Baseline:
    """A run that others are compared with."""

    name: str
    category: str
    note: str
    run: int
    study: str
    at: float
    """Unix time at which it was set."""


def set_baseline(
    home: Path | None,
    number: int | None,
    *,
    name: str = "",
    category: str = "",
    note: str = "",
    why: str = "",
    command: Sequence[str] = (),
) -> Baseline:
    """Make a run a baseline; its name is its study's unless given. Raises UserError for a run that measured nothing."""
    with reading(home) as book:
        run = book.ledger.run(number)
    with writing(home) as book:
        if not run.done:
            raise UserError(f"run {run.number} has no finished trial: it is no baseline", hint="fairtrial list")
        called = name or run.study
        detail = {"name": called, "category": category, "note": note, "run": run.number}
        book.act(VERB, why=why, command=command, run=run.number, detail=detail)
        return baselines(book.ledger)[called]


def all_baselines(home: Path | None) -> list[Named]:
    """List the baselines that count, by name: those of the programme too, which may be still to be measured."""
    from fairtrial.flow.log import baselines as named

    return sorted(named(home), key=lambda item: item.name)


def baselines(ledger: Ledger) -> dict[str, Baseline]:
    """Return name -> baseline, the newest of each name."""
    found: dict[str, Baseline] = {}
    for action in ledger.actions():
        if action["verb"] == VERB:
            said = action["detail"]
            study = ledger.run(int(said["run"])).study
            found[said["name"]] = Baseline(
                name=said["name"],
                category=said.get("category", ""),
                note=said.get("note", ""),
                run=int(said["run"]),
                study=study,
                at=float(action["at"]),
            )
    return found


def against(ledger: Ledger, current: int, which: str) -> int:
    """Return the run that a gate compares with: a number, a baseline's name, or `baseline` (the one of its study).

    Raises UserError where no baseline was set, UnknownName for one that does not exist.
    """
    if which.isdigit():
        return ledger.run(int(which)).number
    known = baselines(ledger)
    if which in known:
        return known[which].run
    if which != "baseline":
        problem = UnknownName("baseline", which, known)
        problem.hint = problem.hint or f"none was set: fairtrial baseline set RUN --name {which}"
        raise problem
    study = ledger.run(current).study
    own = [item for item in known.values() if item.study == study]
    if not own:
        raise UserError(f"no baseline of study {study!r} was set", hint="fairtrial baseline set RUN")
    return max(own, key=lambda item: item.at).run
