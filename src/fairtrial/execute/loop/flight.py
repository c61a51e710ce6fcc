"""The trials that an engine has: from tickets to tasks and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fairtrial.contract.engine import Ended, Session
from fairtrial.execute.loop.batch import Ticket
from fairtrial.execute.loop.setup import Setup
from fairtrial.execute.loop.share import Share
from fairtrial.model.outcome import Outcome, Status
from fairtrial.model.trial import Member, Task


@dataclass(frozen=True, slots=True)
class Landing:
    """A task that ended: each member's ticket and outcome, and whether it ever got a process."""

    task: Task
    members: tuple[tuple[Ticket, Outcome], ...]
    begun: bool


class Flights:
    """What was submitted and has not ended."""

    def __init__(self, setup: Setup, session: Session, *, share: Share | None, watched: bool) -> None:
        self._setup = setup
        self._session = session
        self._share = share
        self._watched = watched
        self.tasks: dict[int, Task] = {}
        self.tickets: dict[int, Ticket] = {}
        self.begun: set[int] = set()
        self.nudged = False
        """Something was told to stop: the engine may have its ending already, without its descriptor saying so."""

    @property
    def running(self) -> int:
        """Return how many trials have a process."""
        return sum(len(self.tasks[task].members) for task in self.begun)

    def start(self, tickets: Sequence[Ticket], gpus: tuple[int, ...]) -> None:
        """Submit tickets as one task."""
        setup, study, fresh = self._setup, self._setup.study, self._setup.journal.next_attempt
        members = tuple(Member(fresh(), ticket.trial.condition.parameters, ticket.trial.seed) for ticket in tickets)
        share, scope = self._share(tickets[0].trial) if self._share else ("", "")
        task = Task(
            id=members[0].attempt,
            members=members,
            wall_s=study.limits.wall_s,
            memory_bytes=study.limits.memory_bytes,
            cpus=study.needs.cpus,
            gpus=gpus,
            inputs=setup.inputs,
            share=share,
            share_scope=scope,
            watched=self._watched,
            timing=study.timing,
        )
        self.tasks[task.id] = task
        for member, ticket in zip(members, tickets, strict=True):
            self.tickets[member.attempt] = ticket
        self._session.submit(task)

    def land(self, report: Ended) -> Landing | None:
        """Take a task out; None for one that ended before. A member without an outcome is lost."""
        task = self.tasks.pop(report.task, None)
        if task is None:
            return None
        begun = task.id in self.begun
        self.begun.discard(task.id)
        outcomes = {outcome.attempt: outcome for outcome in report.outcomes}
        members = [(member.attempt, self.tickets.pop(member.attempt)) for member in task.members]
        landed = ((ticket, outcomes.get(attempt) or Outcome(attempt, Status.LOST)) for attempt, ticket in members)
        return Landing(task, tuple(landed), begun)

    def recall(self) -> None:
        """Take back what has no process yet: it comes back as cancelled, to run again at no cost."""
        for task in [task for task in self.tasks.values() if task.id not in self.begun]:
            self._stop(task)

    def halt(self) -> None:
        """Stop everything at once."""
        self.nudged = True
        for task in list(self.tasks):
            self._session.stop(task, "cancelled")

    def cancel(self, prefix: str) -> str:
        """Stop the running trial with this digest (a prefix of its hexadecimal form) for good; return the digest.

        Others in the same process are stopped with it and run again. An empty string where it is not running.
        """
        for task in self.tasks.values():
            for member in task.members:
                found = self.tickets[member.attempt].trial.digest.hex()
                if found.startswith(prefix):
                    self.tickets[member.attempt].dropped = True
                    self._stop(task)
                    return found
        return ""

    def abandon(self) -> list[Ended]:
        """Return an ending for everything that did not end when told to."""
        return [
            Ended(task.id, tuple(Outcome(member.attempt, Status.CANCELLED) for member in task.members))
            for task in self.tasks.values()
        ]

    def _stop(self, task: Task) -> None:
        for member in task.members:
            self.tickets[member.attempt].recalled = True
        self.nudged = True
        self._session.stop(task.id, "cancelled")
