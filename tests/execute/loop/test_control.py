"""Steering a running driver over its socket."""

from __future__ import annotations

import json
import os
import selectors
import socket
import stat
import threading

import pytest

from fairtrial.errors import UserError
from fairtrial.execute.loop.control import Control, _address, path_for, request
from fairtrial.execute.runner import Runner
from fairtrial.model.outcome import Status


class Driver:
    """A runner in a thread, with trials that end when they are let."""

    def __init__(self, stage, *, trials=40, total=40):
        self.stage = stage
        self.free = threading.Event()
        self.begun = threading.Event()
        stage.engine.behave = self._behave
        self.end = None
        self.thread = threading.Thread(target=self._work, args=(stage.setup(total=total), stage.trials(trials)))

    def _behave(self, member, before):
        self.begun.set()
        return self.stage.done(member) if self.free.is_set() else None

    def _work(self, setup, trials):
        with Runner(setup) as runner:
            self.end = runner.run(trials)

    def ask(self, **message):
        return request(self.stage.folder, "fake", message, base=self.stage.runtime)

    def __enter__(self):
        self.thread.start()
        assert self.begun.wait(10)
        return self

    def __exit__(self, *error):
        self.free.set()
        self.thread.join(20)
        assert not self.thread.is_alive()


def test_status_tells_how_far_the_run_is(stage):
    """The answer holds the progress and the driver's pid."""
    with Driver(stage) as driver:
        answer = driver.ask(verb="status")
        assert answer["pid"] == os.getpid()
        progress = answer["progress"]
    assert (progress["study"], progress["run"], progress["total"], progress["state"]) == ("fake", 7, 40, "running")
    assert driver.end.done == 40


def test_a_paused_run_starts_nothing_until_it_is_resumed(stage):
    """While paused running trials end and none starts; resumed, all run."""
    with Driver(stage) as driver:
        assert driver.ask(verb="pause")["progress"]["state"] == "paused"
        driver.free.set()
        while driver.ask(verb="status")["progress"]["running"]:
            pass
        paused = driver.ask(verb="status")["progress"]
        assert paused["done"] == len(stage.session.tasks) == 2
        assert driver.ask(verb="resume")["progress"]["state"] == "running"
    assert (driver.end.state, driver.end.done) == ("complete", 40)


def test_set_changes_the_number_of_jobs(stage):
    """`set jobs=N` resizes the engine while it runs."""
    with Driver(stage) as driver:
        assert driver.ask(verb="set", jobs=4)["jobs"] == 4
        while driver.ask(verb="status")["progress"]["running"] < 4:
            pass
        assert stage.session.jobs == 4


def test_cancel_ends_the_run_and_settles_nothing(stage):
    """Running attempts are cancelled, recorded, and the state says so."""
    with Driver(stage) as driver:
        driver.ask(verb="cancel")
        driver.thread.join(10)
    assert (driver.end.state, driver.end.done) == ("cancelled", 0)
    assert [(event.outcome.status, event.settles) for event in stage.journal.ended] == [(Status.CANCELLED, False)] * 2


def test_one_trial_can_be_cancelled(stage):
    """A trial is cancelled by its digest; the others go on and it is not run again."""
    first = next(iter(stage.trials(1))).digest.hex()
    with Driver(stage) as driver:
        assert driver.ask(verb="cancel", trial=first[:12])["trial"] == first
    assert (driver.end.state, driver.end.done, driver.end.cancelled) == ("complete", 39, 1)
    assert sum(event.trial.digest.hex() == first for event in stage.journal.started) == 1


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"verb": "statu"}, "did you mean 'status'"),
        ({"verb": "set", "jobs": 0}, "from 1 up"),
        ({"verb": "set", "jobs": True}, "from 1 up"),
        ({"verb": "cancel", "trial": "ffff"}, "is not running"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(stage, message, words):
    """A bad request raises UserError where it was asked, and the run goes on."""
    with Driver(stage) as driver, pytest.raises(UserError, match=words):
        driver.ask(**message)
    assert driver.end.done == 40


def test_a_study_that_does_not_run_is_said_to(stage):
    """Without a driver, or with the socket of a dead one, the error names the study."""
    with pytest.raises(UserError, match="study 'fake' is not running"):
        request(stage.folder, "fake", {"verb": "status"}, base=stage.runtime)
    path = path_for(stage.folder, "fake", base=stage.runtime)
    with socket.socket(socket.AF_UNIX) as dead, _address(path) as address:
        dead.bind(address)
    with pytest.raises(UserError, match="study 'fake' is not running"):
        request(stage.folder, "fake", {"verb": "status"}, base=stage.runtime)
    with Driver(stage) as driver:
        assert driver.ask(verb="status")["progress"]["run"] == 7
    assert not path.exists()


def test_the_socket_is_private_and_each_study_has_its_own(stage):
    """The folder is the user's alone; book and study both enter the name."""
    path = path_for(stage.folder, "a", base=stage.runtime)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    others = {path_for(stage.folder, "b", base=stage.runtime), path_for(stage.runtime, "a", base=stage.runtime)}
    assert len(others | {path}) == 3


def test_a_long_temp_folder_still_gets_a_socket(tmp_path):
    """A path longer than a socket address is reached by way of its folder."""
    base = tmp_path / ("d" * 120)
    path = path_for(tmp_path, "s", base=base)
    with selectors.PollSelector() as watch:
        control = Control(path, watch, lambda message: {"got": message["verb"]})
        control.open()
        answers = []
        asking = threading.Thread(
            target=lambda: answers.append(request(tmp_path, "s", {"verb": "status"}, base=base)), daemon=True
        )
        asking.start()
        while not answers:
            for key, _ in watch.select(0.02):
                key.data()
        control.close()
        control.close()
    assert answers == [{"got": "status"}]
    assert not path.exists()


@pytest.mark.parametrize("line", [b"nonsense\n", b"[1]\n"])
def test_what_is_no_request_is_answered_with_an_error(tmp_path, line):
    """A line that is no JSON object gets an error, not silence and not a crash."""
    path = path_for(tmp_path, "s", base=tmp_path / "r")
    with selectors.PollSelector() as watch, socket.socket(socket.AF_UNIX) as link:
        control = Control(path, watch, lambda message: {})
        control.open()
        with _address(path) as address:
            link.connect(address)
        link.sendall(line)
        for _ in range(2):  # the connection, then its line
            for key, _ in watch.select(1.0):
                key.data()
        assert "error" in json.loads(link.recv(1000))
        control.close()
