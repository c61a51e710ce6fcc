"""Reused, retired, relabelled and forgiven trials, and the counters that follow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fairtrial.model.event import AttemptEnded, AttemptStarted
from fairtrial.model.identity import digest
from fairtrial.model.outcome import FailureClass, Outcome, Status
from fairtrial.model.trial import Condition, Role


def counters(book, run=None):
    """Return (done, failed, reused, retired), after checking that the book agrees with itself."""
    assert book.ledger.verify() == []
    row = book.ledger.run(run)
    return (row.done, row.failed, row.reused, row.retired)


def test_reuse(kit, book, journal):
    """A finished trial of another run settles the same trial here, with its metrics, and says where it was measured."""
    trials = kit.trials(4)
    for index, trial in enumerate(trials[:3]):
        kit.done(journal, trial, {"loss": float(index)})
    other = kit.begin(book, study="other")
    kit.done(other, trials[0], {"loss": 99.0})
    assert other.reuse(trials) == 2
    assert other.reuse(trials) == 0
    rows = book.ledger.trials(other.run)
    assert [(row.number, row.metrics["loss"], row.reused_from) for row in rows] == [
        (1, 99.0, None),
        (2, 1.0, 1),
        (3, 2.0, 1),
    ]
    assert book.ledger.settled(other.run) == dict.fromkeys([trial.digest for trial in trials[:3]], "done")
    assert counters(book, other.run) == (3, 0, 2, 0)
    third = kit.begin(book, study="third")
    third.reuse(trials)
    assert [row.reused_from for row in book.ledger.trials(third.run)] == [2, 1, 1]


def test_failures_are_not_reused(kit, book, journal):
    """Only what is done can be taken over."""
    trial = kit.trial()
    kit.fail(journal, kit.start(journal, trial))
    kit.start(journal, kit.trial(3.0))
    other = kit.begin(book, study="other")
    assert other.reuse([trial, kit.trial(3.0)]) == 0
    assert book.ledger.finished() == set()


def test_live_runs_are_never_reused(kit, book):
    """What a live system measured counts in its own run only."""
    trial = kit.trial()
    live = kit.begin(book, live=True)
    kit.done(live, trial)
    assert book.ledger.finished() == set()
    assert book.ledger.finished(exclude_live=False) == {trial.digest}
    assert kit.begin(book, study="other").reuse([trial]) == 0


def test_reuse_opens_no_member_for_what_is_missing(kit, book, journal):
    """A trial that nobody finished is not a member yet."""
    assert journal.reuse([kit.trial()]) == 0
    assert journal.reuse([]) == 0
    assert book.ledger.trials(1) == []


def test_reuse_settles_an_interrupted_member(kit, book, journal):
    """A trial that was in flight here is settled by what another run finished meanwhile."""
    trial = kit.trial()
    kit.start(journal, trial)
    other = kit.begin(book, study="other")
    kit.done(other, trial)
    again = kit.begin(book)
    assert again.reuse([trial]) == 1
    assert counters(book, 1) == (1, 0, 1, 0)


def test_retire_and_take_back(kit, book, journal):
    """Dropped trials are kept and not counted; a trial that comes back counts again, without being run."""
    trials = kit.trials(5)
    for trial in trials[:4]:
        kit.done(journal, trial)
    kit.fail(journal, kit.start(journal, trials[4]))
    assert counters(book) == (4, 1, 0, 0)
    assert journal.retire(trial.digest for trial in trials[1:4]) == 2
    assert counters(book) == (3, 0, 0, 2)
    assert len(book.ledger.settled(1)) == 5
    assert [row.retired for row in book.ledger.trials(1)] == [True, False, False, False, True]
    assert list(book.ledger.measurements(1).number) == [2, 3, 4]
    assert list(book.ledger.measurements(1, retired=True).number) == [1, 2, 3, 4, 5]
    assert journal.retire(trial.digest for trial in trials) == 0
    assert counters(book) == (4, 1, 0, 0)


def test_a_retired_trial_that_ends_late_is_not_counted(kit, book, journal):
    """A trial that was in flight when it was retired is settled, and stays out of the counters."""
    attempt = kit.start(journal, kit.trial())
    journal.retire([])
    kit.end(journal, attempt)
    assert counters(book) == (0, 0, 0, 1)


def test_forgive(kit, book, journal):
    """Forgiven failures are open again, others stay; the failed attempts stay in the book."""
    trials = kit.trials(3)
    for trial in trials[:2]:
        kit.fail(journal, kit.start(journal, trial), FailureClass.TIMEOUT)
    kit.done(journal, trials[2])
    assert journal.forgive([trials[0].digest, trials[2].digest, b"unknown"]) == 1
    assert counters(book) == (1, 1, 0, 0)
    assert book.ledger.trials(1)[0].status is None
    assert book.ledger.trials(1)[0].failure is None
    kit.done(journal, trials[0])
    assert counters(book) == (2, 1, 0, 0)
    assert [row.number for row in book.ledger.attempts(trials[0].digest)] == [1, 2]


def test_more_than_one_transaction(kit, book, journal):
    """Thousands of trials are reused, each with its own result, and counted."""
    trials = kit.trials(2500)
    events = []
    for index, trial in enumerate(trials):
        attempt = journal.next_attempt()
        events.append(AttemptStarted(attempt, 1, trial, Role.TRIAL, 1.0))
        events.append(AttemptEnded(1, Outcome(attempt, Status.DONE, {"loss": float(index)}), 2.0))
    journal.append(events)
    other = kit.begin(book, study="other")
    assert other.reuse(trials) == 2500
    assert list(book.ledger.measurements(2).metrics["loss"]) == [float(index) for index in range(2500)]
    assert counters(book, 2) == (2500, 0, 2500, 0)
    assert other.relabel(iter(trials)) == 0


def test_a_retired_trial_that_is_reused_is_not_counted(kit, book, journal):
    """What is retired stays out of the counters until it is taken back."""
    trial = kit.trial()
    kit.done(kit.begin(book, study="other"), trial)
    kit.start(journal, trial)
    journal.retire([])
    assert journal.reuse([trial]) == 1
    assert counters(book, 1) == (0, 0, 0, 1)
    journal.retire([trial.digest])
    assert counters(book, 1) == (1, 0, 1, 0)


def test_relabel(kit, book, journal):
    """A factor that came later, with what held before it, joins the assignment of trials that keep their identity."""
    trial = kit.trial(0.1)
    kit.done(journal, trial)
    kit.done(journal, kit.trial(0.2))
    wider = replace(trial.condition, assignment={"lr": 0.1, "depth": 4}, variant="base")
    amended = replace(trial, condition=wider)
    assert amended.digest == trial.digest
    assert journal.relabel([amended, kit.trial(0.7)]) == 1
    assert journal.relabel([amended]) == 0
    first, second = book.ledger.trials(1)
    assert (first.assignment, first.variant) == ({"lr": 0.1, "depth": 4}, "base")
    assert second.assignment == {"lr": 0.2}
    assert book.ledger.measurements(1).factors["depth"][0] == 4


def test_two_arms_with_the_same_parameters(kit, book, journal):
    """Arms that resolve to the same parameters are told apart by run: each member keeps its own variant."""
    trial = kit.trial(0.1, variant="a")
    other = kit.begin(book, study="other")
    kit.done(journal, trial)
    same = Condition("b", {"x": 1}, trial.condition.parameters, digest(trial.condition.parameters))
    other.reuse([replace(trial, condition=same)])
    assert [book.ledger.trials(run)[0].variant for run in (1, 2)] == ["a", "b"]


@pytest.mark.parametrize("pages", [1, 3])
def test_numbers_have_no_gaps(kit, book, journal, pages):
    """Members are numbered in the order in which they first started, over sessions, retries included."""
    trials = kit.trials(6)
    for page in range(pages):
        for trial in trials[page::pages]:
            kit.fail(journal, kit.start(journal, trial), settles=False)
            kit.done(journal, trial)
        journal = kit.begin(book)
    assert [row.number for row in book.ledger.trials(1)] == [1, 2, 3, 4, 5, 6]
