"""After the record: what a durable outcome changes in the line, the counts, the budgets and what a caller is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fairtrial.contract.strategy import Told
from fairtrial.execute.loop.allowance import Allowance
from fairtrial.execute.loop.batch import Line, Ticket
from fairtrial.execute.loop.course import Budget
from fairtrial.execute.loop.progress import Meter
from fairtrial.execute.loop.record import Settled
from fairtrial.execute.loop.retry import Verdict
from fairtrial.model.outcome import Failure, Outcome, Status
from fairtrial.model.price import Tariff
from fairtrial.model.trial import Role, Trial


@dataclass(slots=True)
class Call:
    """One call of `run`: its trials, their role, and what came of them."""

    line: Line
    role: Role
    told: dict[int, Told] | None = None
    """By place; None when nobody asked."""
    done: int = 0
    failed: int = 0
    cancelled: int = 0

    def settle(self, ticket: Ticket, outcome: Outcome) -> None:
        """Count a settled trial and keep what came of it."""
        if outcome.status is Status.FAILED:
            self.failed += 1
        else:
            self.done += 1
        self._tell(ticket, outcome.status, outcome)

    def cancel(self, ticket: Ticket, outcome: Outcome) -> None:
        """Count a trial that the user cancelled."""
        self.cancelled += 1
        self._tell(ticket, Status.CANCELLED, outcome)

    def _tell(self, ticket: Ticket, status: Status, outcome: Outcome) -> None:
        if self.told is not None:
            self.told[ticket.place] = Told(ticket.trial, status.value, outcome.metrics)

    def answers(self) -> tuple[Told, ...]:
        """Return what came of the trials, in the order given."""
        return tuple(self.told[place] for place in sorted(self.told)) if self.told else ()


class Settlement:
    """Applies outcomes; `enough` is called with words when too much failed."""

    def __init__(
        self,
        *,
        allowance: Allowance,
        meter: Meter,
        budget: Budget,
        tariff: Tariff,
        enough: Callable[[str], None],
    ) -> None:
        self._allowance = allowance
        self._meter = meter
        self._budget = budget
        self._tariff = tariff
        self._enough = enough

    def apply(self, settled: Settled, call: Call) -> None:
        """Apply the outcomes of a task that ended."""
        self._allowance.give_gpus(settled.task.gpus)
        for ticket, verdict in settled.members:
            self._allowance.observe(verdict.outcome)
            self._follow(ticket, verdict, call)

    def _follow(self, ticket: Ticket, verdict: Verdict, call: Call) -> None:
        outcome = verdict.outcome
        self._budget.spend(self._tariff.attempt(outcome.status, outcome.usage, outcome.metrics))
        if outcome.failure is not None and outcome.status is not Status.CANCELLED:
            self._meter.label = words(ticket.trial, outcome.failure, again=verdict.again)
        if verdict.again:
            call.line.again(ticket)
        elif verdict.final:
            call.settle(ticket, outcome)
            if call.role is Role.TRIAL:
                self._count(outcome)
        elif ticket.dropped:
            call.cancel(ticket, outcome)

    def _count(self, outcome: Outcome) -> None:
        failed = outcome.status is Status.FAILED
        self._meter.settle(outcome.usage.wall_s, failed=failed)
        self._budget.settle(failed=failed)
        over = self._budget.over_failures()  # a good one may be the tenth, from which a share counts
        if over:
            self._enough(over)


def words(trial: Trial, failure: Failure, *, again: bool) -> str:
    """Say in one line which trial failed and why."""
    levels = ", ".join(f"{name}={value}" for name, value in trial.condition.assignment.items())
    name = " ".join(part for part in (trial.condition.variant, levels, f"replicate {trial.replicate}") if part)
    return f"{name}: {failure.kind.value}: {failure.message}{' (runs again)' if again else ''}"
