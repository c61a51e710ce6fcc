"""Failures while a run goes on: the first one of each kind is told as soon as it is in the book."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from fairtrial.contract.journal import Journal, Ledger
from fairtrial.model.event import AttemptEnded, AttemptStarted, Event
from fairtrial.model.outcome import FailureClass
from fairtrial.model.trial import Role

NUMBER = re.compile(r"\d+(\.\d+)?([eE][-+]?\d+)?")
KINDS = 10
"""Kinds that are told; what comes after them is in the book alone."""


@dataclass(frozen=True, slots=True)
class Notice:
    """The first failure of a kind: its class and message, numbers in it left out."""

    trial: str
    """`RUN.NUMBER`, as `logs` takes it."""
    kind: FailureClass
    message: str
    again: bool
    """The trial is tried again."""
    last: bool
    """No further kinds are told."""


OnFailure = Callable[[Notice], None]


class Noticing:
    """A journal that tells of failures once they are durable; all else is the journal's own."""

    def __init__(self, journal: Journal, ledger: Ledger, tell: OnFailure) -> None:
        self._journal = journal
        self._ledger = ledger
        self._tell = tell
        self._flying: dict[int, bytes] = {}
        self._told: set[tuple[FailureClass, str]] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    def append(self, events: Sequence[Event]) -> tuple[int, ...]:
        """Append, then tell."""
        late = self._journal.append(events)
        for event in events:
            if isinstance(event, AttemptStarted) and event.role is Role.TRIAL:  # what warms up is no member of the run
                self._flying[event.attempt] = event.trial.digest
            elif isinstance(event, AttemptEnded):
                self._ended(event)
        return late

    def _ended(self, event: AttemptEnded) -> None:
        digest, failure = self._flying.pop(event.outcome.attempt, None), event.outcome.failure
        if digest is None or failure is None or failure.kind is FailureClass.CANCELLED or len(self._told) >= KINDS:
            return
        kind = (failure.kind, NUMBER.sub("#", failure.message))
        if kind in self._told:
            return
        self._told.add(kind)
        row = self._ledger.trial(digest.hex())
        last = len(self._told) == KINDS
        self._tell(Notice(f"{row.run}.{row.number}", failure.kind, failure.message, not event.settles, last))


def noticing(journal: Journal, ledger: Ledger, tell: OnFailure | None) -> Journal:
    """Wrap a journal so that failures are told; the journal itself where nobody listens."""
    return journal if tell is None else cast("Journal", Noticing(journal, ledger, tell))
