"""Engines: what trials return, how they fail, and that every task ends exactly once."""

from __future__ import annotations

import math

import pytest

from fairtrial.contract.engine import Ended, Started
from fairtrial.errors import UserError
from fairtrial.execute.inline import Inline
from fairtrial.execute.local import Local
from fairtrial.model.outcome import FailureClass, Status
from fairtrial.model.trial import Member, Task


def test_metrics_arrive(engine, open_session, subject, task, drive):
    """Each task starts, then ends once, with the metrics and the seed that it was given."""
    session = open_session(engine, subject)
    reports = drive(session, [task(number, "nothing", seed=100 + number) for number in range(1, 9)])
    ended = {report.task: report.outcomes[0] for report in reports if isinstance(report, Ended)}
    assert {number: dict(one.metrics) for number, one in ended.items()} == {
        number: {"m": 1.0, "seed": 100.0 + number} for number in range(1, 9)
    }
    for number in range(1, 9):
        mine = [type(report) for report in reports if report.task == number]
        assert mine == [Started, Ended]


def test_undefined_values_are_missing(engine, open_session, subject, task, outcome):
    """NaN, infinities, None and what no double holds are undefined; a bool is a number."""
    found = outcome(open_session(engine, subject), task(1, "undefined"))
    assert found.status is Status.DONE
    assert dict(found.metrics) == {"nan": None, "inf": None, "none": None, "yes": 1.0, "big": None}


@pytest.mark.parametrize(
    ("do", "kind", "message"),
    [
        ("words", FailureClass.BAD_RESULT, "metric 'm' is 'fast', not a number"),
        ("shapeless", FailureClass.BAD_RESULT, "a trial returns a mapping of metrics, this one returned float"),
        ("bad", FailureClass.BAD_RESULT, "not what was declared"),
        ("fail", FailureClass.EXCEPTION, "ValueError: first line second line"),
        ("missing", FailureClass.EXCEPTION, "AttributeError: 'Subject' object has no attribute 'missing'"),
        ("memory_error", FailureClass.OOM, "MemoryError: no more"),
        ("system_exit", FailureClass.BAD_RESULT, "the trial called sys.exit(None)"),
    ],
)
def test_failures_have_a_class_and_one_line(engine, open_session, subject, task, outcome, do, kind, message):
    """What a trial raises or returns wrongly is a failure with its class, never a value."""
    found = outcome(open_session(engine, subject), task(1, do))
    assert (found.status, found.failure.kind, found.failure.message) == (Status.FAILED, kind, message)
    assert not found.metrics


def test_a_traceback_names_the_users_line(engine, open_session, subject, task, outcome):
    """The detail of an exception is the traceback, without our own frames."""
    detail = outcome(open_session(engine, subject), task(1, "fail")).failure.detail
    assert "subject.py" in detail
    assert "worker.py" not in detail
    assert detail.endswith("ValueError: first line\nsecond line\n")


def test_common_random_numbers(engine, open_session, subject, task, drive):
    """The same seed gives the same numbers everywhere, from the context, from `random` and from NumPy."""
    session = open_session(engine, subject)
    reports = drive(session, [task(1, "draws", seed=5), task(2, "draws", seed=5), task(3, "draws", seed=6)])
    found = {report.task: dict(report.outcomes[0].metrics) for report in reports if isinstance(report, Ended)}
    assert found[1] == found[2]
    assert all(found[1][name] != found[3][name] for name in found[1])
    assert found[1]["stream"] != found[1]["other"]
    assert math.isclose(found[1]["random"], 0.6229016948897019)
    assert math.isclose(found[1]["numpy"], 0.22199317108973948)


def test_files_and_tables_are_kept(engine, open_session, subject, task, outcome):
    """What a trial declares outlives its scratch folder; what it does not declare is dropped."""
    import polars as pl

    session = open_session(engine, subject)
    found = outcome(session, task(1, "files"))
    assert [(one.kind, one.name) for one in found.produced] == [("file", "model.bin"), ("table", "points")]
    model, points = (one.path for one in found.produced)
    with open(model, "rb") as file:
        assert file.read() == b"weights"
    assert pl.read_parquet(points).to_dict(as_series=False) == {"x": [1, 2], "y": [0.5, 0.25]}
    assert not any(session.scratch.rglob("dropped"))


def test_steps_come_before_the_end(engine, open_session, subject, task, drive, steps):
    """A series arrives in order, undefined values as None."""
    session = open_session(engine, subject)
    reports = drive(session, [task(1, "log", steps=3)])
    assert steps(reports) == [(1, step, {"loss": 1.0 / (step + 1), "odd": None}) for step in range(3)]
    assert isinstance(reports[0], Started)
    assert isinstance(reports[-1], Ended)


def test_a_watched_trial_is_pruned_at_a_step(powerful, open_session, subject, task, drive, steps):
    """A watched trial waits for the answer to each step; told to stop, it is pruned there."""
    session = open_session(powerful, subject)

    def answer(report):
        if not isinstance(report, Started | Ended):
            session.answer(report.attempt, report.step, stop=report.step == 2)

    reports = drive(session, [task(1, "log", steps=50, watched=True)], on_report=answer)
    assert [step for _, step, _ in steps(reports)] == [0, 1, 2]
    assert reports[-1].outcomes[0].status is Status.PRUNED


def test_inputs_and_deadline_reach_the_trial(engine, open_session, subject, task, drive, tmp_path):
    """Inputs are paths; the deadline is the moment of the wall-clock limit."""
    (tmp_path / "labels").write_bytes(b"12345")
    session = open_session(engine, subject)
    inputs = {"labels": str(tmp_path / "labels")}
    reports = drive(session, [task(1, "inputs", inputs=inputs), task(2, "deadline", wall_s=50.0)])
    found = {report.task: report.outcomes[0].metrics for report in reports if isinstance(report, Ended)}
    assert found[1] == {"bytes": 5.0}
    assert 0 < found[2]["left"] <= 50


def test_a_batch_runs_in_one_process(engine, open_session, subject, drive):
    """Members of a task run together, and each gets its share of the cost."""
    session = open_session(engine, subject)
    members = tuple(Member(number, {"do": "nothing"}, 100 + number) for number in (1, 2, 3))
    (ended,) = (report for report in drive(session, [Task(1, members)]) if isinstance(report, Ended))
    assert [(one.attempt, one.metrics["seed"], one.metrics["of"], one.batch) for one in ended.outcomes] == [
        (1, 101.0, 3.0, 3),
        (2, 102.0, 3.0, 3),
        (3, 103.0, 3.0, 3),
    ]
    assert not ended.retry_alone
    assert len({one.usage for one in ended.outcomes}) == 1


def test_a_failed_batch_sends_its_members_back(engine, open_session, subject, drive):
    """A failure inside a batch is nobody's: the members are to run alone."""
    session = open_session(engine, subject)
    members = tuple(Member(number, {"do": do}, 1) for number, do in ((1, "nothing"), (2, "fail")))
    (ended,) = (report for report in drive(session, [Task(1, members)]) if isinstance(report, Ended))
    assert ended.retry_alone
    assert [one.status for one in ended.outcomes] == [Status.FAILED, Status.FAILED]


def test_timing_takes_the_fixed_loop(engine, open_session, subject, task, outcome):
    """A timing task reports how long the fixed CPU loop took before and after."""
    usage = outcome(open_session(engine, subject), task(1, "nothing", timing=True)).usage
    assert usage.spin_before_s > 0
    assert usage.spin_after_s > 0


def test_a_shared_resource_serves_all_of_its_key(powerful, open_session, subject, task, drive, tmp_path):
    """One set-up a key, its handle to every trial, one tear-down."""
    session = open_session(powerful, subject)
    keys = [(1, "a"), (2, "a"), (3, "b"), (4, "b")]
    reports = drive(session, [task(number, "handle", share=key, server=key) for number, key in keys])
    ports = [report.outcomes[0].metrics["port"] for report in reports if isinstance(report, Ended)]
    session.close(kill=False)
    assert ports == [5432.0] * 4
    diary = (tmp_path / "diary").read_text().split("\n")
    assert sorted(line.split()[1] for line in diary if line.startswith("up")) == ["a", "b"]
    assert sum(line.startswith("down") for line in diary) == 2


def test_a_failed_set_up_is_infra(powerful, open_session, subject, task, outcome):
    """Trials whose shared resource does not come up fail as infra, with its reason."""
    failure = outcome(open_session(powerful, subject), task(1, "handle", share="x", setup="fail")).failure
    assert failure.kind is FailureClass.INFRA
    assert failure.message == "set-up of the shared resource failed: RuntimeError: no such server"


def test_a_stopped_waiting_task_is_cancelled(engine, open_session, subject, task, drive):
    """A task that never ran ends as cancelled."""
    session = open_session(engine, subject, jobs=1)
    session.submit(task(1, "nothing"))
    session.stop(1, "cancelled")
    session.stop(99, "cancelled")
    reports = []
    while not any(isinstance(report, Ended) for report in reports):
        reports += session.poll(0.5)
    assert reports[-1].outcomes[0].status in (Status.CANCELLED, Status.DONE)


def test_inline_says_which_limits_nobody_holds(open_session, subject, task, outcome):
    """A limit that is declared and not held is a caution; without limits there is none."""
    session = open_session(Inline(), subject)
    outcome(session, task(1, "nothing"))
    assert session.cautions == ()
    outcome(session, task(2, "nothing", wall_s=5.0, memory_bytes=1 << 30))
    assert session.cautions == ("engine inline does not hold limits.memory and limits.wall",)


def test_a_system_that_no_import_finds_is_refused(open_session, subject):
    """Only engine inline takes a system that other processes cannot load."""
    from fairtrial.contract.system import Target

    with pytest.raises(UserError, match="cannot be imported by name"):
        open_session(Local(), Target(""))


def test_a_module_that_does_not_import_is_one_line(isolating, open_session, subject, folder):
    """The user's own mistake, with file and line, before anything runs."""
    (folder / "subject.py").write_text("import os\n\nimport nowhere_to_be_found\n")
    with pytest.raises(UserError) as told:
        open_session(isolating, subject)
    assert str(told.value) == (
        f"the system does not import: {folder}/subject.py:3: ModuleNotFoundError: No module named 'nowhere_to_be_found'"
    )
