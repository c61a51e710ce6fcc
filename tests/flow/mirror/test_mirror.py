"""`mirror`: what waits is caught up, once each, whatever happened before."""

from __future__ import annotations

import json
import os
import signal

import pytest

from fairtrial.flow.dispatch import Process
from fairtrial.store.lock import mirror_lock

WHOLE = ["1", "1.1", "1.2"]


def test_the_server_shows_what_the_book_has(study, fairtrial, server):
    """MLflow's own server answers with the parent, its children, their values and their files."""
    study(tracking={"uri": server.uri, "experiment": "shown"})
    code, out, err = fairtrial("run", "study.yaml")
    assert (code, "caution" in out) == (0, False), out + err
    runs = {
        run["data"]["tags"][0]["key"] and _tags(run)["fairtrial.key"].partition(":")[2]: run
        for run in server.runs("shown")
    }
    assert sorted(runs) == WHOLE
    child = runs["1.2"]
    assert _tags(child)["mlflow.parentRunId"] == runs["1"]["info"]["run_id"]
    assert {param["key"]: param["value"] for param in child["data"]["params"]}["x"] == "2.0"
    assert {metric["key"]: metric["value"] for metric in child["data"]["metrics"]}["score"] == 21.0
    number = child["info"]["run_id"]
    history = server.ask(f"mlflow/metrics/get-history?run_id={number}&metric_key=loss")["metrics"]
    assert [(point.get("step", 0), point["value"]) for point in history] == [(0, 2.0), (1, 1.0), (2, 2 / 3)]
    files = server.ask(f"mlflow/artifacts/list?run_id={number}")["files"]
    assert sorted(file["path"] for file in files) == ["note.txt", "tables"]
    tables = server.ask(f"mlflow/artifacts/list?run_id={number}&path=tables")["files"]
    assert [file["path"] for file in tables] == ["tables/rows.parquet"]


def _tags(run):
    return {tag["key"]: tag["value"] for tag in run["data"]["tags"]}


@pytest.mark.parametrize("mode", ["500", "down"])
def test_what_a_bad_server_missed_is_caught_up(study, fairtrial, server, proxy, closed, mode):
    """The run ends well; when the server is there again, each trial is there once, and a second time asks nothing."""
    proxy.mode, proxy.target = mode, closed.rpartition(":")[2] if mode == "down" else server.port
    if mode == "down":
        proxy.mode = "forward"
    experiment = f"caught-up-{mode}"
    study(tracking={"uri": proxy.uri, "experiment": experiment})
    code, out, err = fairtrial("run", "study.yaml")
    assert (code, "2 trials wait" in out) == (0, True), out + err
    proxy.mode, proxy.target = "forward", server.port
    code, out, err = fairtrial("mirror", "--json")
    assert code == 0, err
    (made,) = json.loads(out)["data"]
    assert (made["delivered"], made["waiting"], made["problem"]) == (2, 0, "")
    assert server.keys(experiment) == WHOLE
    asked = proxy.asked
    assert fairtrial("mirror", "1")[0] == 0
    assert proxy.asked == asked
    said = fairtrial("log")[1]
    assert said.count("mirror") == 1


@pytest.mark.long
@pytest.mark.parametrize("number", range(1, 17))
def test_a_mirror_that_is_killed(study, fairtrial, server, proxy, here, number, without_mlflow):
    """SIGKILL at the request of a number, which the server has done or not; then caught up: each is there once."""
    experiment = f"killed-{number}"
    proxy.mode, proxy.target = "forward", server.port
    study(tracking={"uri": proxy.uri, "experiment": experiment})
    fairtrial("run", "study.yaml")
    without_mlflow()  # it is back
    process = Process(here / ".fairtrial", 1, follow=False)
    proxy.before = lambda asked: os.kill(process.pid, signal.SIGKILL) if asked == number else None
    process.wait(silent_s=60)
    process.close()
    process.forget()
    proxy.before = lambda asked: None
    assert proxy.asked == number
    assert fairtrial("mirror", "1")[0] == 0
    assert server.keys(experiment) == WHOLE
    for run in server.runs(experiment):
        names = [metric["key"] for metric in run["data"].get("metrics", [])]
        for name in names:
            asked = f"mlflow/metrics/get-history?run_id={run['info']['run_id']}&metric_key={name}"
            assert len(server.ask(asked)["metrics"]) == (3 if name == "loss" else 1)


@pytest.mark.long
def test_two_mirrors_at_once(study, fairtrial, server, here, without_mlflow):
    """One of them delivers and the others are told so; each trial is there once."""
    study(tracking={"uri": server.uri, "experiment": "two"}, factors={"x": {"range": [1, 20]}})
    fairtrial("run", "study.yaml")
    without_mlflow()  # it is back
    several = [Process(here / ".fairtrial", 1, follow=False) for _ in range(3)]
    for process in several:
        process.wait(silent_s=60)
        process.close()
    assert sorted(process.held for process in several) == [False, True, True]
    assert sorted(process.delivered for process in several) == [0, 0, 20]
    for process in several:
        process.forget()
    assert server.keys("two") == sorted(["1", *(f"1.{number}" for number in range(1, 21))])


def test_a_run_that_is_being_mirrored(study, fairtrial, here, closed, without_mlflow):
    """`mirror` leaves it to the mirror at work: exit 75, one line that names it."""
    study(tracking={"uri": closed})
    fairtrial("run", "study.yaml")
    with mirror_lock(here / ".fairtrial", 1, now=0.0):
        code, _, err = fairtrial("mirror", "1")
    assert code == 75
    assert f"run 1 is being mirrored by process {os.getpid()}" in err


def test_a_study_without_a_mirror(study, fairtrial):
    """One line says what to write; an unknown run is named; no book, exit 6."""
    assert fairtrial("mirror")[0] == 6
    study(tracking=None)
    fairtrial("run", "study.yaml", "~tracking")
    for words in (["mirror"], ["mirror", "1"]):
        code, _, err = fairtrial(*words)
        assert code == 2
        assert "nothing of a mirror (write tracking: {mlflow: {uri: 'sqlite:///mlflow.db'}}" in err
    assert fairtrial("mirror", "7")[0] == 2
