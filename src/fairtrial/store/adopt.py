"""Results that were made elsewhere, as a run of their own: marked as imported, never reused as if we had run them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairtrial.errors import FairtrialError, UserError
from fairtrial.model import path
from fairtrial.model.event import AttemptEnded, AttemptStarted, Event
from fairtrial.model.identity import digest, replicate_seed
from fairtrial.model.outcome import Failure, Outcome
from fairtrial.model.provenance import Code, Machine, Provenance
from fairtrial.model.row import ImportedRow
from fairtrial.model.trial import Condition, Role, Trial
from fairtrial.store.book import Book
from fairtrial.store.journal import Journal
from fairtrial.store.process import this

SYSTEM = "imported"
_AT_ONCE = 1000
NONE: Mapping[str, str] = {}


def adopt(book: Book, *, study: str, rows: Sequence[ImportedRow], directions: Mapping[str, str] = NONE) -> int:
    """Take rows into the book as a new run of a study, all finished; return the run's number.

    `directions` says of metrics which way they are better (maximize | minimize | none, which holds unless given).
    A row without a seed gets the one that replicate k has under study seed 0. Raises UserError for a trial that is
    there twice, StudyHeld, BookUnwritable.
    """
    trials = [_trial(study, row) for row in rows]
    _refuse_twice(trials, rows)
    with book.hold(study):
        names = list(dict.fromkeys(name for row in rows for name in row.metrics))
        journal = book.begin(
            study=study,
            document=_document(study, {**dict.fromkeys(names, "none"), **directions}),
            system=SYSTEM,
            identity=_identity(study),
            metrics=names,
            provenance=_provenance(book),
            live=False,
            fresh=True,
            tags=(SYSTEM,),
            planned=len(rows),
        )
        try:
            for start in range(0, len(rows), _AT_ONCE):
                _append(journal, trials[start : start + _AT_ONCE], rows[start : start + _AT_ONCE], book.now())
        except FairtrialError:
            journal.close("interrupted", planned=len(rows))
            raise
        journal.close("finished", planned=len(rows))
        return journal.run


def _trial(study: str, row: ImportedRow) -> Trial:
    parameters: dict[str, Any] = {}
    for name, value in row.assignment.items():
        parameters = path.put(parameters, name, value)
    condition = Condition(row.variant, row.assignment, parameters, digest([row.variant, parameters]))
    seed = replicate_seed(0, row.replicate) if row.seed is None else row.seed
    return Trial(condition, row.replicate, seed, system=digest(_identity(study)), inputs=b"")


def _refuse_twice(trials: Sequence[Trial], rows: Sequence[ImportedRow]) -> None:
    seen: dict[bytes, int] = {}
    for trial, row in zip(trials, rows, strict=True):
        if trial.digest in seen:
            raise UserError(
                f"line {row.line} is the same trial as line {seen[trial.digest]}: same factors, variant and seed",
                hint="map a column to `replicate` or `seed`",
            )
        seen[trial.digest] = row.line


def _append(journal: Journal, trials: Sequence[Trial], rows: Sequence[ImportedRow], at: float) -> None:
    events: list[Event] = []
    for trial, row in zip(trials, rows, strict=True):
        attempt = journal.next_attempt()
        failure = None if row.failure is None else Failure(row.failure, f"imported as failed (line {row.line})")
        outcome = Outcome(attempt, row.status, row.metrics, failure=failure)
        events.append(AttemptStarted(attempt, journal.run, trial, Role.TRIAL, at))
        events.append(AttemptEnded(journal.run, outcome, at))
    journal.append(events)


def _identity(study: str) -> dict[str, str]:
    return {"name": SYSTEM, "version": "", "study": study}


def _document(study: str, metrics: Mapping[str, str]) -> dict[str, object]:
    return {"study": study, "system": SYSTEM, "metrics": dict(metrics)}


def _provenance(book: Book) -> Provenance:
    me = this()
    machine = Machine(host=me.host, boot_id=me.boot_id)
    return Provenance(code=Code(), machine=machine, python="", fairtrial="", folder=str(book.folder.parent))
