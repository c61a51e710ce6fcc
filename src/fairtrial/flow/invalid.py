"""Measurements that must not be believed: which conditions have them, and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from fairtrial.contract.journal import Ledger
from fairtrial.flow.evidence import Evidence
from fairtrial.model.figure import Section
from fairtrial.model.outcome import FailureClass
from fairtrial.model.run import TrialRow
from fairtrial.model.study import ABSENT
from fairtrial.model.trial import Role
from fairtrial.model.words import condition, count

SHOWN = 20
"""Conditions that a report names."""


def invalid_trials(ledger: Ledger, run: int) -> list[TrialRow]:
    """List the trials of a run that were settled as INVALID."""
    failed = ledger.trials(run, status="failed")
    return [row for row in failed if not row.retired and row.failure and row.failure.kind is FailureClass.INVALID]


def section(found: Evidence) -> Iterator[Section]:
    """Name each condition with INVALID measurements, how many, and why; nothing for a run without any."""
    if FailureClass.INVALID.value not in found.data.measured.failure:
        return
    cells = _by_condition(invalid_trials(found.ledger, found.run.number))
    sizes = Counter(_key(label) for label in _labels(found))
    said = [_line(rows, sizes[key]) for key, rows in cells.items()]
    more = [f"{len(said) - SHOWN} more conditions have some: fairtrial show {found.run.number} --failed."]
    yield Section("Invalid measurements", tuple(said[:SHOWN] + (more if len(said) > SHOWN else [])))


def again(found: Evidence) -> Iterator[str]:
    """Say how many measurements were INVALID and taken again; nothing where none was."""
    settling = set(found.data.measured.attempt)
    taken = [
        attempt
        for attempt in found.attempts()
        if attempt.role is Role.TRIAL
        and attempt.failure is not None
        and attempt.failure.kind is FailureClass.INVALID
        and attempt.id not in settling
    ]
    if taken:
        said = count(len(taken), "measurement")
        yield f"{said} {'was' if len(taken) == 1 else 'were'} INVALID and taken again."


def _by_condition(rows: Sequence[TrialRow]) -> dict[str, list[TrialRow]]:
    cells: dict[str, list[TrialRow]] = {}
    for row in rows:
        cells.setdefault(_key((row.variant, row.assignment)), []).append(row)
    return cells


def _labels(found: Evidence) -> Iterator[tuple[str, Any]]:
    measured = found.data.measured
    for place, variant in enumerate(measured.variant):
        levels = {path: column[place] for path, column in measured.factors.items()}
        yield variant, {path: level for path, level in levels.items() if level is not ABSENT}


def _key(label: tuple[str, Any]) -> str:
    return json.dumps([label[0], dict(label[1])], sort_keys=True, default=str)


def _line(rows: Sequence[TrialRow], trials: int) -> str:
    """Write one condition: how many of its trials, and the reason that most of them have."""
    reasons = Counter(row.failure.message for row in rows if row.failure)
    reason, most = reasons.most_common(1)[0]
    where = condition(rows[0].assignment, rows[0].variant) or "the only condition"
    other = f" (and {len(rows) - most} for other reasons)" if most < len(rows) else ""
    return f"{where}: {len(rows)} of {count(trials, 'trial')} INVALID: {reason}{other}"
