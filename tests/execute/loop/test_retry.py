"""What an outcome means for its trial."""

from __future__ import annotations

import pytest

from fairtrial.execute.loop.batch import Ticket
from fairtrial.execute.loop.retry import Retries
from fairtrial.model.outcome import Failure, FailureClass, Outcome, Status
from fairtrial.model.study import Limits


@pytest.fixture
def ticket(stage):
    """Give a ticket."""
    return Ticket(next(iter(stage.trials(1))), 0)


def failure(kind):
    return Outcome(1, Status.FAILED, failure=Failure(kind, "m"))


def test_budgets_are_counted_per_class(stage, ticket):
    """A crash does not use up what infra has."""
    retries = Retries(stage.study(limits=Limits(retries={"crash": 1, "infra": 1})))
    kinds = [FailureClass.CRASH, FailureClass.INFRA, FailureClass.CRASH]
    verdicts = [retries.judge(failure(kind), ticket) for kind in kinds]
    assert [(one.again, one.final) for one in verdicts] == [(True, False), (True, False), (False, True)]


@pytest.mark.parametrize("outcome", [Outcome(1, Status.CANCELLED), failure(FailureClass.CANCELLED)])
def test_cancelled_settles_nothing_and_runs_again_only_when_recalled(stage, ticket, outcome):
    """A recall costs nothing; a user's cancel is for good."""
    retries = Retries(stage.study())
    assert [retries.judge(outcome, ticket).again, retries.judge(outcome, ticket).final] == [False, False]
    ticket.recalled = True
    assert retries.judge(outcome, ticket).again
    assert not retries.judge(outcome, ticket).again
    ticket.recalled = ticket.dropped = True
    assert not retries.judge(outcome, ticket).again


def test_a_failed_batch_costs_nothing_and_a_good_member_of_it_is_kept(stage, ticket):
    """Its failed members run alone with their budgets whole; a result is a result."""
    retries = Retries(stage.study(limits=Limits(retries={"crash": 1})))
    verdict = retries.judge(failure(FailureClass.CRASH), ticket, batch_failed=True)
    assert (verdict.again, verdict.final, ticket.spent) == (True, False, None)
    assert retries.judge(Outcome(1, Status.DONE), ticket, batch_failed=True).final


def test_what_the_user_cancelled_is_not_retried(stage, ticket):
    """A failure that came just before the cancel reached it changes nothing: the trial stays open."""
    retries = Retries(stage.study(limits=Limits(retries={"crash": 1})))
    ticket.dropped = True
    verdict = retries.judge(failure(FailureClass.CRASH), ticket)
    assert (verdict.again, verdict.final) == (False, False)
