"""The writing side of the book: one driver of one run appends events, each call one durable transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice

from fairtrial.model.event import Acted, AttemptEnded, AttemptStarted, Event, StepLogged
from fairtrial.model.trial import Trial
from fairtrial.store import actions, membership
from fairtrial.store.artifacts import Artifacts
from fairtrial.store.connection import Connection
from fairtrial.store.keeping import Kept, drop, keep
from fairtrial.store.recorder import Recorder, Session, Tally

_AT_ONCE = 2000


class Journal:
    """Appends for one driver. After BookUnwritable nothing was written, and the same call may be made again."""

    def __init__(
        self, connection: Connection, session: Session, artifacts: Artifacts, *, clock: Callable[[], float]
    ) -> None:
        self.run = session.run
        self.driver = session.driver
        self._connection = connection
        self._session = session
        self._artifacts = artifacts
        self._clock = clock
        self._issued = 0
        self._recorder = Recorder(connection.raw, session)

    def next_attempt(self) -> int:
        """Return a fresh attempt id: this driver's id in the high half, so that no other driver can issue it."""
        self._issued += 1
        return self.driver << 32 | self._issued

    def append(self, events: Sequence[Event]) -> tuple[int, ...]:
        """Append in one durable transaction; return the attempt ids that were refused as late.

        Files that outcomes name are linked into the book before, and removed from their place after it.
        Raises BookUnwritable; then nothing was written and no file was moved.
        """
        if not events:
            return ()
        kept = {
            event.outcome.attempt: left
            for event in events
            if isinstance(event, AttemptEnded) and event.outcome.attempt >> 32 == self.driver
            if (left := keep(event.outcome, self._artifacts, sync=self._session.durable)) is not None
        }
        with self._writing() as db:
            refused = self._write(db, events, kept)
        for attempt, left in kept.items():
            if attempt not in refused:
                drop(left, self._artifacts)
        return refused

    def reuse(self, trials: Sequence[Trial]) -> int:
        """Take finished trials of other runs (of systems that are not live) into this one; return how many."""
        return sum(map(self._reuse, _chunks(trials)))

    def relabel(self, trials: Iterable[Trial]) -> int:
        """Give members the assignment that the amended study gives them (a factor with `before:` names more)."""
        return sum(map(self._relabel, _chunks(trials)))

    def retire(self, keep: Iterable[bytes]) -> int:
        """Mark members outside `keep` as retired, the others as not; return how many are retired now."""
        kept = set(keep)
        with self._writing() as db:
            return membership.retire(db, self.run, kept) if self._owns(db) else 0

    def forgive(self, trials: Sequence[bytes]) -> int:
        """Reopen settled failures, so that they run again; return how many."""
        with self._writing() as db:
            return membership.forgive(db, self.run, trials) if self._owns(db) else 0

    def close(self, state: str, *, planned: int | None) -> None:
        """End the session with the run's state; what it left running is lost. May be called twice."""
        with self._writing() as db:
            if self._owns(db):
                membership.dismiss(db, self.driver, "closed", self._clock())
                db.execute(
                    "UPDATE run SET state = ?, planned = ?, updated = ? WHERE number = ?",
                    (state, planned, self._clock(), self.run),
                )

    def _reuse(self, trials: Sequence[Trial]) -> int:
        with self._writing() as db:
            return membership.reuse(db, self._recorder, self.run, trials) if self._owns(db) else 0

    def _relabel(self, trials: Sequence[Trial]) -> int:
        with self._writing() as db:
            return membership.relabel(db, self._recorder, self.run, trials) if self._owns(db) else 0

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Write in one transaction; where it fails, what the recorder remembers of it is forgotten."""
        members = self._recorder.members
        try:
            with self._connection.transaction() as db:
                yield db
        except BaseException:
            self._recorder.forget(members)
            raise

    def _owns(self, db: sqlite3.Connection) -> bool:
        """Say whether no later driver has taken over."""
        row = db.execute("SELECT state FROM driver WHERE id = ?", (self.driver,)).fetchone()
        return bool(row) and row[0] == "open"

    def _write(self, db: sqlite3.Connection, events: Sequence[Event], kept: Mapping[int, Kept]) -> tuple[int, ...]:
        refused: list[int] = []
        recorder, owns, tally = self._recorder, self._owns(db), Tally()
        whole = _whole(events, self.driver) if owns else {}
        for event in events:
            if isinstance(event, AttemptStarted) and (end := whole.get(event.attempt)) is not None:
                recorder.whole(event, end, kept.get(event.attempt), tally)
            elif isinstance(event, AttemptEnded) and whole.get(event.outcome.attempt) is event:
                continue  # recorded at its start
            elif isinstance(event, Acted):
                actions.write(db, event)
            elif not owns:
                refused.append(event.outcome.attempt if isinstance(event, AttemptEnded) else event.attempt)
            elif isinstance(event, AttemptStarted):
                recorder.started(event)
            elif isinstance(event, StepLogged):
                recorder.stepped(event)
            elif not recorder.ended(event, kept.get(event.outcome.attempt), tally):
                refused.append(event.outcome.attempt)
        if owns:
            db.execute(
                "UPDATE run SET updated = ?, members = ?, done = done + ?, failed = failed + ? WHERE number = ?",
                (events[-1].at, recorder.members, tally.done, tally.failed, self.run),
            )
        return tuple(dict.fromkeys(refused))


def _whole(events: Sequence[Event], driver: int) -> dict[int, AttemptEnded]:
    """Find the driver's attempts that start and end within these events, with no step between."""
    open_, found = set[int](), dict[int, AttemptEnded]()
    for event in events:
        if isinstance(event, AttemptStarted) and event.attempt >> 32 == driver:
            open_.add(event.attempt)
        elif isinstance(event, StepLogged):
            open_.discard(event.attempt)
        elif isinstance(event, AttemptEnded) and event.outcome.attempt in open_:
            open_.discard(event.outcome.attempt)
            found[event.outcome.attempt] = event
    return found


def _chunks(trials: Iterable[Trial]) -> Iterator[Sequence[Trial]]:
    """Cut many trials into transactions that are short for the other drivers of the book."""
    left = iter(trials)
    while chunk := list(islice(left, _AT_ONCE)):
        yield chunk
