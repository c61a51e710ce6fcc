"""Our systems' trials on our engines: what a worker makes of a function, a command and the hard cases."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import psutil
import pytest

from fairtrial.contract.engine import Ended, EngineSettings, Stepped
from fairtrial.execute.inline import Inline
from fairtrial.execute.local import Local
from fairtrial.execute.trial.target import target_of
from fairtrial.model.outcome import FailureClass, Status
from fairtrial.model.trial import Member, Task
from fairtrial.systems.command.system import bind as bind_command
from fairtrial.systems.function.system import bind as bind_function
from fairtrial.testing.exams.engine import drive

FUNCTION = """
import json, os
from enum import Enum
from pathlib import Path
from fairtrial import Secret
class Colour(Enum):
    RED = "red"
def plain(lr: float, seed: int, depth: int = 3) -> dict:
    return {"score": lr * depth, "seed_low": seed % 1000, "pid": os.getpid()}
def rich(colour: Colour, key: Secret, context) -> dict:
    context.log(0, loss=1.0)
    (context.scratch / "x.txt").write_text("x")
    return {"score": len(key.reveal()) if colour is Colour.RED else -1}
"""
PROGRAM = """
import json, os, sys
lr, seed, config, out = sys.argv[1:]
assert json.load(open(config))["lr"] == float(lr)
with open(os.environ["FAIRTRIAL_STEPS"], "a") as steps:
    for step in range(2):
        steps.write(json.dumps({"step": step, "loss": step / 2}) + "\\n")
print("noise on the last line")
json.dump({"score": float(lr), "seed_low": int(seed) % 1000, "secret": len(os.environ["KEY"])}, open(out, "w"))
"""
BAD = """
import os, sys
how = sys.argv[1]
if how == "0":
    sys.exit(3)
if how == "1":
    os.kill(os.getpid(), 9)
print("done")
"""


@pytest.fixture(params=[Inline, Local], ids=["inline", "local"])
def run(request, tmp_path):
    """Run members' parameters on an engine: the reports."""
    sessions = []

    def reports(system, *tasks, jobs=2):
        settings = EngineSettings(jobs=jobs, scratch=tmp_path / "scratch", mark="exam:0:0")
        sessions.append(request.param().open(system, target_of(system), settings))
        return drive(sessions[-1], tasks)

    yield reports
    for session in sessions:
        session.close(kill=True)


def task(system, number, *, seed=1234, **parameters):
    dump = system.Parameters.model_validate(parameters).model_dump(mode="json")
    return Task(number, (Member(number, dump, seed),))


def outcomes(reports):
    ended = {report.task: report.outcomes for report in reports if isinstance(report, Ended)}
    return [outcome for number in sorted(ended) for outcome in ended[number]]


@pytest.fixture
def folder(tmp_path):
    home = tmp_path / "study"
    home.mkdir()
    (home / "model.py").write_text(FUNCTION)
    (home / "train.py").write_text(PROGRAM)
    return home


def test_a_function_is_measured(run, folder):
    """Parameters, seed and numbers arrive; the study's folder is where it imports from."""
    system = bind_function("model:plain", folder, {})
    found = outcomes(run(system, *(task(system, number, lr=number) for number in (1, 2, 3))))
    assert [(one.metrics["score"], one.metrics["seed_low"]) for one in found] == [(3.0, 234), (6.0, 234), (9.0, 234)]


def test_a_rich_function_is_measured(run, folder, monkeypatch):
    """Enums and secrets are made in the worker; the secret is read there."""
    monkeypatch.setenv("KEY", "hush")
    system = bind_function("model.py:rich", folder, {})
    reports = run(system, task(system, 1, colour="red", key={"secret": "KEY"}))
    assert [dict(one.metrics) for one in outcomes(reports)] == [{"score": 4.0}]
    assert [(one.step, dict(one.metrics)) for one in reports if isinstance(one, Stepped)] == [(0, {"loss": 1.0})]


def test_a_command_is_measured(run, folder, monkeypatch):
    """Placeholders, the {out} file, a secret in the environment, and steps."""
    monkeypatch.setenv("SOURCE", "hush")
    value = {
        "command": [sys.executable, "train.py", "{lr}", "{seed}", "{config}", "{out}"],
        "env": {"KEY": {"secret": "SOURCE"}},
    }
    system = bind_command(value, folder, {"parameters": {"lr": 0.5}, "factors": ["lr"]})
    reports = run(system, task(system, 1, lr=1e-05))
    (found,) = outcomes(reports)
    assert dict(found.metrics) == {"score": 1e-05, "seed_low": 234.0, "secret": 4.0}
    steps = [(one.step, dict(one.metrics)) for one in reports if isinstance(one, Stepped)]
    assert steps == [(0, {"loss": 0.0}), (1, {"loss": 0.5})]


def test_commands_that_fail_have_a_class(run, folder):
    """A program that fails, dies or says nothing is a failure with its reason."""
    (folder / "bad.py").write_text(BAD)
    argv = [sys.executable, "bad.py", "{how}"]
    system = bind_command(argv, folder, {"parameters": {"how": 0}, "factors": ["how"]})
    found = outcomes(run(system, *(task(system, how + 1, how=how) for how in range(3))))
    assert [one.failure.kind for one in found] == [FailureClass.EXCEPTION, FailureClass.CRASH, FailureClass.BAD_RESULT]
    assert (found[0].failure.exit_code, found[1].failure.signal) == (3, 9)
    assert "'done'" in found[2].failure.message


def test_batches_run_in_one_process(run):
    """Members of a batch share a process; a broken one sends all back."""
    system = import_module("cases.stacked").Stacked()
    good = Task(1, tuple(Member(number, {"x": float(number), "power": 2, "broken": None}, 7) for number in (1, 2, 3)))
    bad = Task(4, tuple(Member(number, {"x": float(number), "power": 2, "broken": 5.0}, 7) for number in (4, 5)))
    reports = run(system, good, bad)
    first = outcomes(reports)[:3]
    assert [one.metrics["value"] for one in first] == [1.0, 4.0, 9.0]
    assert len({one.metrics["pid"] for one in first}) == 1
    assert [report.retry_alone for report in reports if isinstance(report, Ended) and report.task == 4] == [True]


def test_another_runs_table_is_read(run, tmp_path):
    """What the first system kept is the second one's input."""
    cases = import_module("cases.labels")
    labeller, reader = cases.Labeller(), cases.Reader()
    (kept,) = outcomes(run(labeller, task(labeller, 1, rows=8)))
    (table,) = kept.produced
    asked = Task(2, (Member(2, {"share": 1.0}, 1),), inputs={"labels": table.path})
    (found,) = outcomes(run(reader, asked))
    assert dict(found.metrics) == {"positive": kept.metrics["positive"], "rows": 8.0}


def test_a_server_is_shared_by_a_condition_and_stopped(run, request):
    """Trials of one key get one server, of another key another; crashed trials leave none running."""
    isolated = "local" in request.node.name
    system = import_module("cases.server").Server()

    def ask(number, factor, behave="ask"):
        parameters = {"factor": factor, "x": 2, "behave": behave, "healthy": True}
        return Task(number, (Member(number, parameters, 1),), share=f"factor-{factor}", share_scope="condition")

    worst = "crash" if isolated else "raise"
    found = outcomes(run(system, ask(1, 2), ask(2, 2, worst), ask(3, 2), ask(4, 3), ask(5, 3)))
    assert [one.metrics.get("product") for one in found] == [4.0, None, 4.0, 6.0, 6.0]
    assert found[1].status is Status.FAILED
    pids = [one.metrics["server_pid"] for one in found if one.status is Status.DONE]
    assert (pids[0], pids[2]) == (pids[1], pids[3])
    assert pids[0] != pids[2]
    assert os.getpid() not in pids


def test_a_server_that_does_not_start_is_no_fault_of_the_trial(run):
    """A failed set-up fails its trials as infrastructure, and leaves no server."""
    system = import_module("cases.server").Server()
    parameters = {"factor": 2, "x": 2, "behave": "ask", "healthy": False}
    asked = Task(1, (Member(1, parameters, 1),), share="sick", share_scope="condition")
    (found,) = outcomes(run(system, asked))
    assert found.failure.kind is FailureClass.INFRA
    assert "not healthy" in found.failure.message


def test_nothing_is_left_of_a_session_with_servers(tmp_path):
    """After `close` no server, keeper or parent of trials is left."""
    system = import_module("cases.server").Server()
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    session = Local().open(system, target_of(system), EngineSettings(jobs=1, scratch=tmp_path / "s", mark="exam:0:0"))
    parameters = {"factor": 2, "x": 2, "behave": "ask", "healthy": True}
    drive(session, [Task(1, (Member(1, parameters, 1),), share="two", share_scope="condition")])
    session.close(kill=True)
    assert {process.pid for process in psutil.Process().children(recursive=True)} <= before
