"""What an outcome means: whether it settles its trial, or the trial runs again, within a budget per failure class."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fairtrial.errors import nearest
from fairtrial.execute.loop.batch import Ticket
from fairtrial.model.outcome import Failure, FailureClass, Outcome, Status
from fairtrial.model.study import Study


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an outcome means for its trial."""

    outcome: Outcome
    """As recorded: a result without its declared metrics is a failure."""
    final: bool
    """The trial is settled."""
    again: bool
    """The trial runs again."""


class Retries:
    """Judges outcomes by a study's declared metrics and retry budgets."""

    def __init__(self, study: Study) -> None:
        self._budget = {str(kind): count for kind, count in study.limits.retries.items()}
        self._names = frozenset(metric.name for metric in study.metrics)

    def judge(self, outcome: Outcome, ticket: Ticket, *, batch_failed: bool = False) -> Verdict:
        """Say what an outcome means; a retry is charged to the ticket.

        A batch that failed as a whole costs its members nothing: they run alone. Cancelled and recalled attempts
        settle nothing. LOST is charged as infra, and becomes that failure when the budget is spent.
        """
        outcome = self._checked(outcome)
        if outcome.status in (Status.DONE, Status.PRUNED):
            return Verdict(outcome, final=True, again=False)
        if batch_failed:
            return Verdict(outcome, final=False, again=not ticket.dropped)
        kind = _kind(outcome)
        if kind is FailureClass.CANCELLED:
            again = ticket.recalled and not ticket.dropped
            ticket.recalled = False
            return Verdict(outcome, final=False, again=again)
        if self._charge(ticket, kind):
            return Verdict(outcome, final=False, again=not ticket.dropped)
        return Verdict(_failed(outcome), final=True, again=False)

    def _charge(self, ticket: Ticket, kind: str) -> bool:
        ticket.spent = ticket.spent or {}
        used = ticket.spent.get(kind, 0)
        if used >= self._budget.get(kind, 0):
            return False
        ticket.spent[kind] = used + 1
        return True

    def _checked(self, outcome: Outcome) -> Outcome:
        if outcome.status is not Status.DONE or self._names <= outcome.metrics.keys():
            return outcome
        missing = sorted(self._names - outcome.metrics.keys())
        what = ", ".join(repr(name) for name in missing)
        near = nearest(missing[0], outcome.metrics) or "it has no metrics"
        failure = Failure(FailureClass.BAD_RESULT, f"the result lacks declared metrics: {what} ({near})")
        return replace(outcome, status=Status.FAILED, metrics={}, failure=failure)


def _kind(outcome: Outcome) -> FailureClass:
    if outcome.status is Status.CANCELLED:
        return FailureClass.CANCELLED
    return FailureClass.INFRA if outcome.failure is None else outcome.failure.kind


def _failed(outcome: Outcome) -> Outcome:
    if outcome.status is Status.FAILED:
        return outcome
    failure = outcome.failure or Failure(FailureClass.INFRA, "the attempt was lost, and its retries are used up")
    return replace(outcome, status=Status.FAILED, failure=failure)
