"""Running: `run` continues, amends or opens a run; `retry` is a run that forgives failures first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fairtrial.contract.registry import Registry
from fairtrial.errors import NothingMeasured, TrialsFailed
from fairtrial.flow.declare import Survey
from fairtrial.flow.declared import Declared
from fairtrial.flow.level import interval_level
from fairtrial.flow.session import SILENT, Listeners, Order, Session
from fairtrial.model.choice import ClaimFinding
from fairtrial.model.finding import ConditionFinding
from fairtrial.model.outcome import FailureClass
from fairtrial.model.run import Run, TrialRow
from fairtrial.model.study import Direction, Study

if TYPE_CHECKING:
    from fairtrial.store.book import Book

EXIT = {"finished": 0, "partial": 0, "budget": 7, "failures": 3, "cancelled": 130, "interrupted": 130}
"""State in which a session ended -> exit code, before failed trials are looked at."""

HASTY = ("interrupted", "cancelled")
"""States in which a session waits for nothing more."""
SHOWN = 100
"""Conditions that the end of a session brings back; `show` and the Python face have them all."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a session of `run` ended."""

    run: Run
    state: str
    """finished | partial | budget | failures | cancelled | interrupted"""
    exit_code: int
    reason: str
    survey: Survey
    findings: Sequence[ConditionFinding]
    """The best SHOWN conditions."""
    conditions: int
    """How many there are in all."""
    cautions: tuple[str, ...] = ()
    failures: Mapping[str, int] = field(default_factory=dict)
    """Failure class -> settled trials of the run that failed so."""
    first_failure: TrialRow | None = None
    claims: tuple[ClaimFinding, ...] = ()
    """The study's claims with their verdicts, where it ended finished."""
    directed: tuple[str, ...] = ()
    """The metrics with a direction."""
    measured: bool = True
    """Trials were settled in this session; otherwise all was done already."""


def run(
    declared: Declared,
    *,
    registry: Registry,
    home: Path | None = None,
    order: Order = Order(),
    listeners: Listeners = SILENT,
) -> Ended:
    """Run what is left of a study under its number, and return how that ended.

    Raises SpecError and UserError before anything is written, StudyHeld where another driver has the study.
    """
    from fairtrial.flow.book import writing
    from fairtrial.flow.follow import following

    with writing(home) as book, book.hold(declared.study.name):
        session = Session.prepare(declared, book, registry=registry, order=order)
        if listeners.on_survey:
            listeners.on_survey(session.survey)
        journal = session.begin()
        before = _settled(book.ledger.run(journal.run))
        state = "interrupted"
        with following(book, declared.study, journal.run) as mirror:
            try:
                state, reason, cautions = session.drive(journal, listeners)
            finally:
                journal.close(state, planned=session.planned)
            cautions += mirror.end(hurry=state in HASTY)
        ended = _ended(book, journal.run, (state, reason, cautions), session)
        amended = ended.state == "finished" and bool(session.survey.new)  # what it retired may outnumber what it ran
        return replace(ended, measured=amended or _settled(ended.run) > before)


def _settled(run: Run) -> int:
    """Count the trials that a run settled itself."""
    return run.settled - run.reused


def _claims(book: Book, number: int, study: Study) -> tuple[ClaimFinding, ...]:
    from fairtrial.flow.analyse import ask
    from fairtrial.flow.evidence import gather

    return tuple(ask(gather(book.ledger, number), "claims")) if study.expect else ()


def _exit_code(end: tuple[str, str, tuple[str, ...]], run: Run, failures: Mapping[str, int]) -> int:
    """Return the exit code: 6 where nothing but INVALID measurements is there, 3 where some trials failed."""
    state, reason, _ = end
    code = EXIT[state] if not reason.startswith("SIGTERM") else 143
    if code or not run.failed:
        return code
    nothing = run.failed == run.settled and set(failures) == {FailureClass.INVALID.value}
    return NothingMeasured.exit_code if nothing else TrialsFailed.exit_code


def _ended(book: Book, number: int, end: tuple[str, str, tuple[str, ...]], session: Session) -> Ended:
    from fairtrial.analyse.conditions import ranking
    from fairtrial.flow.read import metrics_of

    state, reason, cautions = end
    row = book.ledger.run(number)
    rows = book.ledger.results(number)
    study = session.declared.study
    metrics = study.metrics or metrics_of(row, rows)
    findings, conditions = ranking(rows, metrics, level=interval_level(study.document), top=SHOWN)
    failures = dict(Counter(lost.failure for lost in rows.lost if lost.failure).most_common())
    return Ended(
        run=row,
        state=state,
        exit_code=_exit_code(end, row, failures),
        reason=reason,
        survey=session.survey,
        findings=findings,
        conditions=conditions,
        directed=tuple(metric.name for metric in metrics if metric.direction is not Direction.NONE),
        cautions=cautions,
        failures=failures,
        first_failure=next(iter(book.ledger.trials(number, limit=1, status="failed")), None) if row.failed else None,
        claims=_claims(book, number, study) if state == "finished" and row.done else (),
    )
