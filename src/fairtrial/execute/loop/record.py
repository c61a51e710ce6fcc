"""From an engine's reports to events: appended in one transaction before anything depends on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fairtrial.contract.engine import Ended, Report, Session, Started, Stepped
from fairtrial.errors import StudyHeld
from fairtrial.execute.loop.batch import Ticket
from fairtrial.execute.loop.flight import Flights, Landing
from fairtrial.execute.loop.retry import Retries, Verdict
from fairtrial.execute.loop.setup import Setup
from fairtrial.model.event import AttemptEnded, AttemptStarted, Event, StepLogged
from fairtrial.model.outcome import Status
from fairtrial.model.trial import Role, Task

DELAY_S = 0.05
"""How long starts and unwatched steps may wait for company: a short trial then costs one transaction, not two."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A task that ended, as recorded."""

    task: Task
    members: tuple[tuple[Ticket, Verdict], ...]


class Record:
    """Writes what happened. Results are durable when `take` returns; starts and unwatched steps within 50 ms."""

    def __init__(self, setup: Setup, session: Session, flights: Flights, *, watched: bool) -> None:
        self._slots: Callable[[int], tuple[object, object]] = getattr(session, "slot_paths", lambda task: ("", ""))
        self._journal = setup.journal
        self._study = setup.study.name
        self._clock = setup.clock
        self._redact = setup.redact
        self._monotonic = setup.monotonic
        self._flights = flights
        self._watched = watched
        self._retries = Retries(setup.study)
        self._pending: list[Event] = []
        self._since = 0.0

    @property
    def waiting(self) -> bool:
        """Say whether something waits to be written."""
        return bool(self._pending)

    def take(self, reports: Sequence[Report], role: Role) -> tuple[list[Settled], list[Stepped]]:
        """Record reports; return what ended, and the steps that wait for an answer."""
        settled: list[Settled] = []
        asked: list[Stepped] = []
        at = self._clock()
        if reports and not self._pending:
            self._since = self._monotonic()
        for report in reports:
            if isinstance(report, Ended):
                landing = self._flights.land(report)
                if landing is not None:
                    settled.append(self._ended(landing, report, role, at))
            elif isinstance(report, Started):
                self._started(report, role, at)
            elif report.attempt in self._flights.tickets:
                self._pending.append(StepLogged(report.attempt, report.step, report.metrics, at))
                if self._watched:
                    asked.append(report)
        if settled or asked or (self._pending and self._monotonic() - self._since >= DELAY_S):
            self.flush()
        return settled, asked

    def add(self, event: Event) -> None:
        """Record an event now."""
        self._pending.append(event)
        self.flush()

    def flush(self) -> None:
        """Append what waits, in one transaction. Raises StudyHeld where another driver took over meanwhile."""
        if not self._pending:
            return
        late = self._journal.append(tuple(self._pending))
        self._pending.clear()
        if late:
            raise StudyHeld(f"another runner took over study {self._study!r}; {len(late)} result(s) came too late")

    def _started(self, report: Started, role: Role, at: float) -> None:
        task = self._flights.tasks.get(report.task)
        if task is None or task.id in self._flights.begun:
            return
        self._flights.begun.add(task.id)
        out, err = self._slots(task.id)
        for member in task.members:
            started = AttemptStarted(
                attempt=member.attempt,
                run=self._journal.run,
                trial=self._flights.tickets[member.attempt].trial,
                role=role,
                at=at,
                pid=report.pid,
                pid_started=report.pid_started,
                stdout_path=str(out),
                stderr_path=str(err),
            )
            self._pending.append(started)

    def _ended(self, landing: Landing, report: Ended, role: Role, at: float) -> Settled:
        batch_failed = report.retry_alone and len(landing.members) > 1
        judged = []
        for ticket, outcome in landing.members:
            clean = outcome if self._redact is None else self._redact(outcome)
            verdict = self._retries.judge(clean, ticket, batch_failed=batch_failed)
            judged.append((ticket, verdict))
            if not landing.begun:
                if outcome.status is Status.CANCELLED:
                    continue  # taken back before it had a process: nothing happened
                self._pending.append(AttemptStarted(outcome.attempt, self._journal.run, ticket.trial, role, at))
            settles = verdict.final and role is Role.TRIAL
            self._pending.append(AttemptEnded(self._journal.run, verdict.outcome, at, settles=settles))
        return Settled(landing.task, tuple(judged))
