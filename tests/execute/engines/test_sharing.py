"""What trials share: a server that dies, one that does not serve, one that never starts; and who is charged for it."""

from __future__ import annotations

import os
import signal

import pytest

from fairtrial import errors
from fairtrial.contract.engine import Ended
from fairtrial.model.outcome import FailureClass, Status

DIED = "what it shares with other trials died: the server is gone"


def ended(reports):
    """Each task's outcome; each ends once."""
    found = [report for report in reports if isinstance(report, Ended)]
    assert len({report.task for report in found}) == len(found)
    return {report.task: report.outcomes[0] for report in found}


@pytest.mark.parametrize("workers", ["isolated", "persistent"])
def test_a_trial_that_notices_first_is_not_to_blame(powerful, open_session, subject, task, drive, workers):
    """It fails with its own error in the moment in which the server dies: infra, and the next one gets a new server."""
    session = open_session(powerful, subject, jobs=1, workers=workers)
    found = ended(drive(session, [task(1, "handle", share="k"), task(2, "unplug", share="k")]))
    assert (found[2].failure.kind, found[2].failure.message) == (FailureClass.INFRA, DIED)
    assert "ConnectionResetError: reset by peer" in found[2].failure.detail
    again = ended(drive(session, [task(3, "handle", share="k")]))
    assert again[3].status is Status.DONE
    assert again[3].metrics["server"] != found[1].metrics["server"]


def test_a_keeper_notices_by_itself(isolating, open_session, subject, task, drive):
    """A trial that hangs on a dead server is ended as infra."""
    session = open_session(isolating, subject)
    found = ended(drive(session, [task(1, "unplug", share="k", linger=True)]))
    assert (found[1].failure.kind, found[1].failure.message) == (FailureClass.INFRA, DIED)
    assert "the server is gone" in session.cautions


def test_what_only_waited_is_charged_nothing(isolating, open_session, subject, task, drive):
    """Trials behind those that ran on the dead server wait for the new one, without a failure of their own."""
    session = open_session(isolating, subject, jobs=1)
    ran = [task(1, "unplug", share="k"), task(2, "sleep", seconds=1000, share="k")]
    found = ended(drive(session, [*ran, task(3, "handle", share="k"), task(4, "handle", share="k")]))
    assert [found[number].failure.kind for number in (1, 2)] == [FailureClass.INFRA] * 2
    assert [found[number].status for number in (3, 4)] == [Status.DONE] * 2
    assert found[3].metrics["server"] == found[4].metrics["server"]


def test_a_server_that_dies_between_trials_fails_none(open_session, subject, task, drive):
    """Its keeper tells before the next trial needs it."""
    from fairtrial.execute.local import Local

    session = open_session(Local(namespace=False), subject, jobs=1)
    first = ended(drive(session, [task(1, "handle", share="k")]))[1]
    os.kill(int(first.metrics["server"]), signal.SIGKILL)
    while "the server is gone" not in session.cautions:
        session.poll(0.05)
    second = ended(drive(session, [task(2, "handle", share="k")]))[2]
    assert second.status is Status.DONE
    assert second.metrics["server"] != first.metrics["server"]


def test_a_server_that_does_not_serve_is_replaced(powerful, open_session, subject, task, drive):
    """Its process lives, so its keeper sees nothing wrong: the trial's word counts."""
    session = open_session(powerful, subject, jobs=1)
    found = ended(drive(session, [task(1, "handle", share="k"), task(2, "unserved", share="k")]))
    assert (found[2].failure.kind, found[2].failure.message) == (FailureClass.INFRA, "it never answered")
    again = ended(drive(session, [task(3, "handle", share="k")]))
    assert again[3].metrics["server"] != found[1].metrics["server"]


def test_other_failures_leave_the_server_alone(powerful, open_session, subject, task, drive):
    """A trial's own exception keeps its class, and the server serves on."""
    session = open_session(powerful, subject, jobs=1)
    tasks = [task(1, "handle", share="k"), task(2, "fail", share="k"), task(3, "handle", share="k")]
    found = ended(drive(session, tasks))
    assert found[2].failure.kind is FailureClass.EXCEPTION
    assert found[3].metrics["server"] == found[1].metrics["server"]


@pytest.mark.parametrize(("name", "code"), [("MissingPart", 8), ("ServiceFailed", 8), ("UserError", 2)])
def test_a_first_set_up_that_says_what_to_do_ends_the_session(powerful, open_session, subject, task, drive, name, code):
    """With its class's exit code and its one line; nothing of it is left."""
    session = open_session(powerful, subject)
    with pytest.raises(errors.FairtrialError) as caught:
        drive(session, [task(1, "handle", share="k", setup=name)])
    assert (caught.value.exit_code, str(caught.value)) == (code, "no such server (start one)")


def test_a_later_set_up_that_fails_is_data(powerful, open_session, subject, task, drive):
    """Where something has been set up already, a key that cannot be is that condition's failure."""
    session = open_session(powerful, subject, jobs=1)
    tasks = [task(1, "handle", share="a"), task(2, "handle", share="b", setup="ServiceFailed")]
    found = ended(drive(session, [*tasks, task(3, "handle", share="a")]))
    assert found[2].failure.kind is FailureClass.INFRA
    assert found[2].failure.message == "set-up of the shared resource failed: no such server (start one)"
    assert found[3].status is Status.DONE


def test_what_is_timed_has_one_server_at_a_time(isolating, open_session, subject, task, drive, tmp_path):
    """Trials keep their order, and no server starts or stops beside a trial that is measured."""
    session = open_session(isolating, subject, jobs=1)
    keys = "aabbab"
    timed = [task(number, "handle", share=key, server=key, timing=True) for number, key in enumerate(keys)]
    reports = drive(session, timed)
    assert list(ended(reports)) == list(range(len(keys)))
    session.close(kill=False)
    words = [line.split()[0] for line in (tmp_path / "diary").read_text().splitlines()]
    assert words.count("up") == words.count("down") >= 2
