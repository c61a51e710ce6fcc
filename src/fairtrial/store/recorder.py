"""Events as rows: writes attempts, members and steps inside a transaction that the journal holds."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

from fairtrial.model.event import AttemptEnded, AttemptStarted, StepLogged
from fairtrial.model.identity import point_digest
from fairtrial.model.outcome import Failure, Outcome, Status
from fairtrial.model.trial import Role, Trial
from fairtrial.store.keeping import Kept
from fairtrial.store.names import Names

SETTLING = frozenset({Status.DONE, Status.FAILED, Status.PRUNED})
"""How an attempt must end to settle its trial; cancelled and lost ones leave it open."""

_TRIAL = (
    "INSERT INTO trial (digest, system, parameters, inputs, seed, point) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)
_MEMBER = (
    "INSERT INTO member (run, number, trial, condition, replicate) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (trial, run) DO NOTHING"
)
_SETTLED = (
    "INSERT INTO member (run, number, trial, condition, replicate, status, attempt) VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (trial, run) DO NOTHING"
)
_WHOLE = (
    "INSERT INTO attempt (trial, role, started, pid, pid_started, status, ended, batch, wall_s, cpu_s, peak_bytes,"
    " spin_before_s, spin_after_s, metric_set, metrics, cautions, id)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_START = (
    "INSERT INTO attempt (id, trial, role, status, started, pid, pid_started, stdout_slot, stderr_slot)"
    " VALUES (?, ?, ?, 'running', ?, ?, ?, ?, ?)"
)
_END = (
    "UPDATE attempt SET status = ?, ended = ?, batch = ?, wall_s = ?, cpu_s = ?, peak_bytes = ?, spin_before_s = ?,"
    " spin_after_s = ?, metric_set = ?, metrics = ?, cautions = ?, stdout_slot = NULL, stderr_slot = NULL"
    " WHERE id = ? AND status = 'running' RETURNING trial, role"
)
_SETTLE = "UPDATE member SET status = ?, attempt = ? WHERE trial = ? AND run = ? AND status IS NULL RETURNING retired"
_STEP = (
    "INSERT OR REPLACE INTO step (attempt, step, at, metric_set, metrics)"
    " SELECT id, ?, ?, ?, ? FROM attempt WHERE id = ? AND status = 'running'"
)


def signed(seed: int) -> int:
    """Return the 64 bits of an unsigned seed as the signed integer that SQLite stores."""
    return (seed ^ (1 << 63)) - (1 << 63)


def unsigned(stored: int) -> int:
    """Return a stored seed as it was."""
    return stored % (1 << 64)


@dataclass(frozen=True, slots=True)
class Session:
    """One driver of one run, as `begin` opened it."""

    run: int
    driver: int
    system: str
    """The system's name."""
    members: int
    durable: bool
    """Files are synced before the book names them."""


@dataclass(slots=True)
class Tally:
    """What a transaction adds to the run's counters."""

    done: int = 0
    failed: int = 0

    def count(self, outcome: Outcome) -> None:
        """Count a settled trial."""
        failed = outcome.status is Status.FAILED
        self.failed += failed
        self.done += not failed


class Recorder:
    """Writes the events of one driver. `members` is the run's count, right once the transaction is durable."""

    def __init__(self, db: sqlite3.Connection, session: Session) -> None:
        self._db = db
        self._run, self._driver, self._system = session.run, session.driver, session.system
        self.members = session.members
        self.names = Names(db)

    def forget(self, members: int) -> None:
        """Go back to what was known before a transaction that was rolled back."""
        self.members = members
        self.names.forget()

    def trial(self, trial: Trial) -> int:
        """Return a trial's id, written on first sight."""
        condition = trial.condition.digest
        system = self.names.system(trial.system, self._system)
        inputs = self.names.inputs(trial.inputs)
        seed = signed(trial.seed)
        point = point_digest(condition, trial.seed)
        made = self._db.execute(_TRIAL, (trial.digest, system, condition, inputs, seed, point))
        if made.rowcount:
            return int(made.lastrowid or 0)
        return int(self._db.execute("SELECT id FROM trial WHERE digest = ?", (trial.digest,)).fetchone()[0])

    def join(self, key: int, trial: Trial) -> None:
        """Make a trial a member of the run, with the next number, unless it is one."""
        condition = self.names.condition(trial.condition)
        values = (self._run, self.members + 1, key, condition, trial.replicate)
        self.members += self._db.execute(_MEMBER, values).rowcount

    def started(self, event: AttemptStarted) -> None:
        """Record that an attempt runs."""
        key = self.trial(event.trial)
        if event.role is Role.TRIAL:
            self.join(key, event.trial)
        slots = (event.stdout_path or None, event.stderr_path or None)
        self._db.execute(_START, (event.attempt, key, event.role, event.at, event.pid, event.pid_started, *slots))

    def stepped(self, event: StepLogged) -> None:
        """Record a step of an attempt that still runs; a late one is dropped."""
        number, codec = self.names.metric_set(event.metrics)
        if event.attempt >> 32 == self._driver:
            self._db.execute(_STEP, (event.step, event.at, number, codec.pack(event.metrics), event.attempt))

    def whole(self, start: AttemptStarted, end: AttemptEnded, kept: Kept | None, tally: Tally) -> None:
        """Record an attempt of this driver's whose start and end came together: its rows are written once."""
        outcome, trial = end.outcome, start.trial
        key = self.trial(trial)
        begun = (key, start.role, start.at, start.pid, start.pid_started)
        self._db.execute(_WHOLE, (*begun, *self._ending(end, kept)))
        if outcome.failure is not None:
            write_failure(self._db, outcome.attempt, outcome.failure)
        if kept is not None:
            self._left(outcome.attempt, kept)
        if start.role is not Role.TRIAL:
            return
        if not end.settles or outcome.status not in SETTLING:
            self.join(key, trial)
            return
        place = (self._run, self.members + 1, key, self.names.condition(trial.condition), trial.replicate)
        if self._db.execute(_SETTLED, (*place, outcome.status, outcome.attempt)).rowcount:
            self.members += 1
            tally.count(outcome)
        else:
            self._settle(key, outcome, tally)

    def ended(self, event: AttemptEnded, kept: Kept | None, tally: Tally) -> bool:
        """Record how an attempt ended; False where it is not this driver's running one (a late result)."""
        outcome = event.outcome
        if outcome.attempt >> 32 != self._driver:
            return False
        rows = self._db.execute(_END, self._ending(event, kept)).fetchall()
        if not rows:
            return False
        trial, role = rows[0]
        if outcome.failure is not None:
            write_failure(self._db, outcome.attempt, outcome.failure)
        if kept is not None:
            self._left(outcome.attempt, kept)
        if event.settles and role == Role.TRIAL and outcome.status in SETTLING:
            self._settle(trial, outcome, tally)
        return True

    def _ending(self, event: AttemptEnded, kept: Kept | None) -> tuple[object, ...]:
        outcome, usage = event.outcome, event.outcome.usage
        number, blob = None, None
        if outcome.metrics:
            number, codec = self.names.metric_set(outcome.metrics)
            blob = codec.pack(outcome.metrics)
        cautions = [*outcome.cautions, *(kept.cautions if kept else ())]
        return (
            outcome.status,
            event.at,
            outcome.batch,
            usage.wall_s,
            usage.cpu_s,
            usage.peak_bytes,
            usage.spin_before_s,
            usage.spin_after_s,
            number,
            blob,
            json.dumps(cautions) if cautions else None,
            outcome.attempt,
        )

    def _left(self, attempt: int, kept: Kept) -> None:
        if kept.output is not None:
            self._db.execute(
                "INSERT OR REPLACE INTO output (attempt, stdout, stderr, packed, stdout_file, stderr_file)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (attempt, *kept.output),
            )
        for row in kept.artifacts:
            self._db.execute("INSERT OR REPLACE INTO artifact VALUES (?, ?, ?, ?, ?)", (attempt, *row))

    def _settle(self, trial: int, outcome: Outcome, tally: Tally) -> None:
        settled = self._db.execute(_SETTLE, (outcome.status, outcome.attempt, trial, self._run)).fetchall()
        if settled and not settled[0][0]:
            tally.count(outcome)


def write_failure(db: sqlite3.Connection, attempt: int, failure: Failure) -> None:
    """Record why an attempt failed; what is no valid text in its words is replaced."""
    words = [part.encode("utf-8", "replace").decode() for part in (failure.message, failure.detail)]
    db.execute(
        "INSERT OR REPLACE INTO failure VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            attempt,
            failure.kind,
            *words,
            failure.exit_code,
            failure.signal,
            failure.limiter,
            failure.overshoot_bytes,
        ),
    )
