"""Reading what happened: `list`, `show`, `logs`, `why`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairtrial.contract.journal import Ledger
from fairtrial.errors import UnknownName, UserError
from fairtrial.flow.book import reading
from fairtrial.flow.level import interval_level
from fairtrial.flow.standing import opened_fresh
from fairtrial.model.finding import ConditionFinding
from fairtrial.model.outcome import Status
from fairtrial.model.run import AttemptRow, Measurements, Results, Run, TrialRow
from fairtrial.model.secret import references
from fairtrial.model.study import Direction, Metric
from fairtrial.model.trial import Role

SHORTEST = 4
"""Digits of a digest that name a trial; fewer are a run's number."""


def runs(home: Path | None, *, limit: int | None = None, tag: str | None = None) -> tuple[Sequence[Run], int]:
    """List the newest runs (those with a tag, where one is given), and say how many there are in all."""
    with reading(home) as book:
        every = [run for run in book.ledger.runs() if tag is None or tag in run.tags]
        return every[:limit], len(every)


@dataclass(frozen=True, slots=True)
class RunView:
    """A run to show: its record, its conditions, its failures and where it was made."""

    run: Run
    findings: Sequence[ConditionFinding]
    failures: Mapping[str, int]
    trials: Sequence[TrialRow]
    """One page of them."""
    more: bool
    """There are trials behind that page."""
    conditions: int
    """How many there are in all."""
    drivers: Sequence[Mapping[str, Any]]
    tables: Sequence[str]
    metrics: Sequence[str]


def run_view(
    home: Path | None,
    number: int | None,
    *,
    limit: int,
    offset: int = 0,
    status: str | None = None,
    top: int | None = None,
) -> RunView:
    """Return a run with its conditions, best first, and a page of its trials (the newest run without a number)."""
    from fairtrial.analyse.conditions import ranking

    with reading(home) as book:
        ledger = book.ledger
        run = ledger.run(number)
        rows = ledger.results(run.number)
        metrics = metrics_of(run, rows)
        findings, conditions = ranking(rows, metrics, level=interval_level(run.document), top=top)
        page = ledger.trials(run.number, limit=limit + 1, offset=offset, status=status)
        return RunView(
            run=run,
            findings=findings,
            failures=dict(Counter(lost.failure for lost in rows.lost if lost.failure).most_common()),
            trials=page[:limit],
            more=len(page) > limit,
            conditions=conditions,
            drivers=ledger.provenance(run.number),
            tables=ledger.table_names(run.number),
            metrics=[metric.name for metric in metrics],
        )


def metrics_of(run: Run, rows: Measurements | Results | None = None) -> list[Metric]:
    """Return a run's metrics with their directions, from the study it recorded; undeclared ones from its results."""
    declared = run.document.get("metrics") or {}
    if isinstance(declared, Mapping):
        known = [_declared(name, said) for name, said in declared.items()]
    else:
        known = [Metric(name=name) for name in declared]
    if known or rows is None:
        return known
    factors = rows.factors if isinstance(rows, Measurements) else rows.factors()
    return [Metric(name=name) for name in rows.metrics if name not in factors]


def _declared(name: str, said: Any) -> Metric:
    """Read a metric of a recorded study: a direction, or a mapping with its unit and what it says."""
    words = said if isinstance(said, Mapping) else {"direction": said}
    direction = Direction(words.get("direction", Direction.NONE))
    return Metric(name, direction, words.get("unit", ""), words.get("help", ""))


@dataclass(frozen=True, slots=True)
class TrialView:
    """A trial with its attempts, its tables and its files."""

    trial: TrialRow
    attempts: Sequence[AttemptRow]
    series: Mapping[int, int]
    """Attempt -> how many steps it logged."""
    tables: Mapping[str, Path]
    files: Mapping[str, Path]


def find(ledger: Ledger, reference: str) -> TrialRow:
    """Return a trial by `RUN.NUMBER` or the start of its digest; says so where only a run was named."""
    run, dot, _ = reference.partition(".")
    if run.isdigit() and (dot or len(run) < SHORTEST):
        number = ledger.run(int(run)).number
        if not dot:
            raise UserError(f"{reference} is a run, not a trial", hint=f"{number}.1, {number}.2, …")
    return ledger.trial(reference)


def trial_view(home: Path | None, reference: str) -> TrialView:
    """Return a trial by `RUN.NUMBER` or by the start of its digest."""
    with reading(home) as book:
        ledger = book.ledger
        row = find(ledger, reference)
        attempts = ledger.attempts(row.digest, row.run)
        return TrialView(
            trial=row,
            attempts=attempts,
            series={attempt.id: len(ledger.series(attempt.id)) for attempt in attempts},
            tables={name: path for owner, name, path in ledger.tables(row.run) if owner.number == row.number},
            files={name: path for owner, name, path in ledger.files(row.run) if owner.number == row.number},
        )


def rows_of(home: Path | None, reference: str, table: str, *, limit: int) -> tuple[Sequence[Mapping[str, Any]], int]:
    """Return the first rows of a trial's raw table, and how many it has."""
    view = trial_view(home, reference)
    if table not in view.tables:
        if not view.tables:
            raise UserError(f"trial {reference} has no tables")
        raise UnknownName("table", table, view.tables)
    import polars as pl

    frame = pl.read_parquet(view.tables[table])
    return frame.head(limit).to_dicts(), frame.height


@dataclass(frozen=True, slots=True)
class Logs:
    """What an attempt wrote, as text."""

    attempt: AttemptRow
    stdout: str
    stderr: str


def attempt_logs(home: Path | None, reference: str, attempt: int | None = None) -> Logs:
    """Return an attempt of a trial (the one that settled it, else the last one) and what it wrote.

    The output of one that runs, or that was lost with its driver, is as the process wrote it: secrets are taken out
    here, and a secret that cannot be read is a UserError.
    """
    with reading(home) as book:
        row = find(book.ledger, reference)
        attempts = book.ledger.attempts(row.digest, row.run)
        if not attempts:
            raise UserError(f"trial {reference} was not tried in run {row.run}", hint=f"fairtrial why {reference}")
        chosen = _counting(attempts, row.attempt) if attempt is None else _numbered(attempts, attempt)
        captured = book.ledger.captured(chosen.id)
        document = book.ledger.run(row.run).document
    stdout = _text(captured.stdout, captured.stdout_path)
    stderr = _text(captured.stderr, captured.stderr_path)
    if chosen.status in (Status.RUNNING, Status.LOST):
        from fairtrial.execute.loop.redact import Redactor

        redactor = Redactor(references(document))
        stdout, stderr = redactor.text(stdout), redactor.text(stderr)
    return Logs(chosen, stdout, stderr)


def _text(data: bytes, path: str) -> str:
    if path and Path(path).is_file():
        data = Path(path).read_bytes()
    return data.decode(errors="replace")


def _counting(attempts: Sequence[AttemptRow], settled_by: int | None) -> AttemptRow:
    counting = [attempt for attempt in attempts if attempt.role is Role.TRIAL] or attempts
    return next((attempt for attempt in counting if attempt.id == settled_by), counting[-1])


def _numbered(attempts: Sequence[AttemptRow], number: int) -> AttemptRow:
    for attempt in attempts:
        if attempt.number == number:
            return attempt
    raise UnknownName("attempt", str(number), [str(attempt.number) for attempt in attempts])


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a trial ran, was reused, is stale, failed or did not run."""

    trial: TrialRow
    sentences: tuple[str, ...]


def why(home: Path | None, reference: str) -> Reason:
    """Say in sentences what happened to a trial, and why."""
    with reading(home) as book:
        row = find(book.ledger, reference)
        return Reason(trial=row, sentences=tuple(_sentences(book.ledger, row)))


def _sentences(ledger: Ledger, row: TrialRow) -> list[str]:
    attempts = ledger.attempts(row.digest, row.run)
    said = [_origin(ledger, row, tried=bool(attempts))]
    said += [_attempt(attempt) for attempt in attempts]
    if row.retired:
        said.append("It is retired: the study, as last amended, no longer has it. Its result is kept and not counted.")
    said.append(_standing(ledger, row))
    return said


def _origin(ledger: Ledger, row: TrialRow, *, tried: bool) -> str:
    from fairtrial.store.adopt import SYSTEM as IMPORTED

    if row.reused_from is not None:
        return (
            f"It did not run: run {row.reused_from} had measured the same trial (same system, parameters, inputs and "
            f"seed: digest {row.digest.hex()[:12]}), so its result was reused."
        )
    if not tried:
        return "It has not run yet."
    run = ledger.run(row.run)
    if run.system == IMPORTED:
        return "It was measured elsewhere and imported."
    if opened_fresh(ledger, row.run):
        return f"It ran because run {row.run} was opened to measure everything again."
    if run.live:
        return "It ran because the system is live: a result counts only in the run that measured it."
    return f"It ran because the book had no result with its digest {row.digest.hex()[:12]}."


def _attempt(attempt: AttemptRow) -> str:
    head = f"Attempt {attempt.number} ({attempt.role.value}) "
    if attempt.status is Status.LOST:
        return head + "was in flight when its driver died; it counts neither as a result nor as a failure."
    if attempt.failure is not None:
        failure = attempt.failure
        by = f", ended by {failure.limiter}" if failure.limiter else ""
        return head + f"failed with {failure.kind.value}{by}: {failure.message}"
    return head + f"is {attempt.status.value} ({attempt.usage.wall_s:.3g} s, {attempt.usage.cpu_s:.3g} s CPU)."


def _standing(ledger: Ledger, row: TrialRow) -> str:
    run = ledger.run(row.run)
    newer = [other for other in ledger.runs() if other.study == run.study and other.number > run.number]
    if newer and newer[-1].system_digest != run.system_digest:
        return f"It is stale: the system has changed since; run {newer[0].number} measures it anew."
    if row.status is None:
        return f"It is not settled: `fairtrial run` on the study {run.study} continues it."
    return f"It counts in run {row.run} as {row.status.value}."
