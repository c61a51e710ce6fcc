"""The loop between plan and engine: order, durability, retries, budgets, interruption."""

from __future__ import annotations

import gc
import os
import signal
import threading
from itertools import count

import pytest

from fairtrial.errors import BookUnwritable, MissingPart, StudyHeld
from fairtrial.execute.runner import Runner
from fairtrial.model.event import AttemptEnded, AttemptStarted, StepLogged
from fairtrial.model.outcome import FailureClass, Outcome, Status
from fairtrial.model.study import Limits, Metric, Needs, Stop
from fairtrial.model.trial import Role


@pytest.fixture
def always_ready():
    """Give a descriptor on which a selector never waits."""
    ends = os.pipe()
    os.write(ends[1], b"x")
    yield ends[0]
    os.close(ends[0])
    os.close(ends[1])


def test_every_trial_is_started_recorded_and_told_in_the_order_given(stage):
    """Told follows the order in which trials were given, whatever the order in which they end."""
    late = {0: 3, 1: 1}

    def behave(member, before):
        x = member.parameters["x"]
        late[x] = late.get(x, 0) - 1
        return None if late[x] > 0 else stage.done(member, score=float(x))

    stage.engine.behave = behave
    with Runner(stage.setup(total=5)) as runner:
        end = runner.run(stage.trials(5), collect=True)
    assert [told.metrics["score"] for told in end.told] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert [event.outcome.metrics["score"] for event in stage.journal.ended] != [0.0, 1.0, 2.0, 3.0, 4.0]
    assert (end.state, end.done, end.failed, end.signal) == ("complete", 5, 0, None)
    assert {event.outcome.attempt for event in stage.journal.ended} == {
        event.attempt for event in stage.journal.started
    }
    assert all(event.settles for event in stage.journal.ended)
    assert stage.session.closed == [False]


def test_an_attempt_starts_in_the_journal_before_it_ends_with_its_process(stage):
    """Start and end of an attempt are in that order, with pid, role and run."""
    with Runner(stage.setup()) as runner:
        runner.run(stage.trials(3))
    for append in stage.journal.appends:
        seen = set()
        for event in append:
            if isinstance(event, AttemptStarted):
                seen.add(event.attempt)
                assert (event.pid, event.run, event.role) == (100 + event.attempt, 7, Role.TRIAL)
            else:
                assert isinstance(event, AttemptEnded)
                assert event.outcome.attempt in seen or any(
                    event.outcome.attempt == e.attempt for e in stage.journal.started
                )


def test_events_of_one_poll_are_one_append_and_come_before_progress(stage):
    """What one poll reported is appended at once, and progress never shows what is not durable."""
    shown = []

    def on_progress(progress):
        assert progress.done <= len(stage.journal.ended)
        shown.append(progress)

    with Runner(stage.setup(total=6), on_progress=on_progress) as runner:
        runner.run(stage.trials(6))
    assert [sum(isinstance(e, AttemptEnded) for e in append) for append in stage.journal.appends] == [2, 2, 2]
    assert (shown[-1].state, shown[-1].done, shown[-1].total, shown[-1].running) == ("finished", 6, 6, 0)


def test_an_endless_plan_is_pulled_only_as_far_as_needed(stage):
    """Of an endless iterable no more than one trial beyond the budget is pulled."""
    pulled = count()

    def endless():
        for x in count():
            next(pulled)
            yield from stage.trials(1, start=x)

    with Runner(stage.setup(stage.study(stop=Stop(trials=7)))) as runner:
        end = runner.run(endless())
    assert (end.state, end.done) == ("budget", 7)
    assert "7 trials" in end.reason
    assert next(pulled) == 8


def test_a_budget_that_is_just_enough_ends_complete(stage):
    """A plan of exactly as many trials as the budget is complete."""
    with Runner(stage.setup(stage.study(stop=Stop(trials=7)))) as runner:
        assert runner.run(stage.trials(7)).state == "complete"


def test_the_wall_budget_drains_and_takes_back_what_has_not_begun(stage, clock):
    """At the wall budget running trials finish; those queued in the engine are taken back and not recorded."""
    stage.engine.ahead = 2
    released = []

    def on_poll(session):
        clock.now += 10.0
        if session.stopped:
            released.append(True)

    stage.engine.on_poll = on_poll
    stage.engine.behave = lambda member, before: stage.done(member) if released else None
    study = stage.study(stop=Stop(wall_s=35.0))
    with Runner(stage.setup(study, monotonic=clock)) as runner:
        end = runner.run(stage.trials(100))
    assert (end.state, end.done) == ("budget", 2)
    assert "35 s" in end.reason
    assert len(stage.journal.started) == len(stage.journal.ended) == 2


def test_a_retry_runs_the_same_trial_and_takes_nobodys_place(stage):
    """A crash is tried again within its budget, under a new attempt, before new trials, and costs no other trial."""
    stage.engine.behave = lambda member, before: (
        stage.failed(member) if member.parameters["x"] == 1 and before == 0 else stage.done(member)
    )
    study = stage.study(stop=Stop(trials=4), limits=Limits(retries={"crash": 1}))
    with Runner(stage.setup(study)) as runner:
        end = runner.run(stage.trials(4), collect=True)
    assert (end.state, end.done, end.failed) == ("complete", 4, 0)
    mine = [event for event in stage.journal.started if event.trial.condition.assignment["x"] == 1]
    ends = {event.outcome.attempt: event for event in stage.journal.ended}
    assert [ends[event.attempt].settles for event in mine] == [False, True]
    assert [event.trial.condition.assignment["x"] for event in stage.journal.started][:3] == [0, 1, 1]


@pytest.mark.parametrize(("kind", "attempts"), [("crash", 3), ("oom", 1), ("infra", 2), ("exception", 1)])
def test_each_class_has_its_own_budget(stage, kind, attempts):
    """A failure is final when the budget of its own class is spent."""
    stage.engine.behave = lambda member, before: stage.failed(member, kind)
    study = stage.study(limits=Limits(retries={"crash": 2, "infra": 1, "oom": 0}))
    with Runner(stage.setup(study)) as runner:
        end = runner.run(stage.trials(1), collect=True)
    assert [event.settles for event in stage.journal.ended] == [False] * (attempts - 1) + [True]
    assert (end.state, end.failed, end.told[0].status) == ("complete", 1, "failed")


def test_a_lost_attempt_runs_again_and_is_a_failure_of_infra_at_last(stage):
    """LOST is charged as infra; when that is spent the trial fails with that class."""
    stage.engine.behave = lambda member, before: Outcome(member.attempt, Status.LOST)
    with Runner(stage.setup(stage.study(limits=Limits(retries={"infra": 2})))) as runner:
        runner.run(stage.trials(1))
    last = stage.journal.ended[-1]
    assert [event.settles for event in stage.journal.ended] == [False, False, True]
    assert (last.outcome.status, last.outcome.failure.kind) == (Status.FAILED, FailureClass.INFRA)


def test_a_result_without_a_declared_metric_is_a_bad_result(stage):
    """What is missing is named, with the nearest key that came."""
    stage.engine.behave = lambda member, before: stage.done(member, acuracy=0.5)
    with Runner(stage.setup(stage.study(metrics=(Metric("accuracy"),)))) as runner:
        runner.run(stage.trials(1))
    outcome = stage.journal.ended[0].outcome
    assert (outcome.status, outcome.failure.kind, outcome.metrics) == (Status.FAILED, FailureClass.BAD_RESULT, {})
    assert "'accuracy'" in outcome.failure.message
    assert "'acuracy'" in outcome.failure.message


def test_too_many_failures_end_the_session(stage):
    """At the Nth failure nothing new starts."""
    stage.engine.behave = lambda member, before: stage.failed(member, "exception")
    with Runner(stage.setup(stage.study(stop=Stop(failures=3)))) as runner:
        end = runner.run(stage.trials(50))
    assert end.state == "failures"
    assert 3 <= end.failed <= 4
    assert "3 trials failed" in end.reason


def test_a_share_of_failures_counts_from_ten_trials_on(stage):
    """Four failures of the first nine do not end a run whose limit is 30 %; four of ten do."""
    stage.engine.behave = lambda member, before: (
        stage.failed(member, "exception") if member.parameters["x"] < 4 else stage.done(member)
    )
    with Runner(stage.setup(stage.study(stop=Stop(failures_share=0.3)))) as runner:
        end = runner.run(stage.trials(50))
    assert (end.state, end.failed, end.done) == ("failures", 4, 6)


def test_after_an_end_further_calls_run_nothing(stage):
    """A session that reached its budget stays ended."""
    with Runner(stage.setup(stage.study(stop=Stop(trials=2)))) as runner:
        runner.run(stage.trials(5))
        again = runner.run(stage.trials(5, start=10))
    assert (again.state, again.done) == ("budget", 0)
    assert len(stage.journal.started) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_drains(stage, number):
    """After one signal running trials finish, queued ones are taken back, and the old handlers are there again."""
    before = signal.getsignal(number)
    stage.engine.ahead = 2
    raised = []

    def behave(member, earlier):
        if not raised:
            raised.append(True)
            signal.raise_signal(number)
            return None
        return stage.done(member)

    stage.engine.behave = behave
    with Runner(stage.setup()) as runner:
        end = runner.run(stage.trials(50))
    assert (end.state, end.signal) == ("interrupted", number)
    assert len(stage.journal.started) == len(stage.journal.ended) <= 4
    assert all(event.settles for event in stage.journal.ended)
    assert signal.getsignal(number) is before


def test_the_second_signal_stops_at_once(stage):
    """After two signals running attempts are cancelled, recorded, and settle nothing."""
    polls = count()

    def on_poll(session):
        if next(polls) == 1:
            signal.raise_signal(signal.SIGINT)
            session.engine.on_poll = None
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)

    stage.engine.on_poll = on_poll
    stage.engine.behave = lambda member, before: None
    with Runner(stage.setup()) as runner:
        end = runner.run(stage.trials(50), collect=True)
    assert (end.state, end.signal, end.told) == ("interrupted", signal.SIGINT, ())
    assert [(event.outcome.status, event.settles) for event in stage.journal.ended] == [(Status.CANCELLED, False)] * 2


def test_what_does_not_end_when_told_to_is_given_up_and_killed(stage, clock, always_ready):
    """Attempts that ignore the stop are recorded as cancelled after the grace, and the engine is closed by force."""
    stage.engine.deaf = True
    stage.engine.descriptor = always_ready
    stage.engine.behave = lambda member, before: None
    polls = count()

    def on_poll(session):
        clock.now += 1.0
        if next(polls) in (2, 4):
            signal.raise_signal(signal.SIGINT)

    stage.engine.on_poll = on_poll
    with Runner(stage.setup(monotonic=clock)) as runner:
        end = runner.run(stage.trials(50))
    assert end.state == "interrupted"
    assert 8 <= next(polls) <= 12
    assert [event.outcome.status for event in stage.journal.ended] == [Status.CANCELLED] * 2
    assert stage.session.closed == [True]


def test_a_runner_off_the_main_thread_leaves_signals_alone(stage):
    """In a thread (a notebook's) no handler is installed, and the trials run."""
    ends = []
    seen = []

    def work():
        with Runner(stage.setup()) as runner:
            seen.append(signal.getsignal(signal.SIGINT))
            ends.append(runner.run(stage.trials(3)))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ends[0].done == 3
    assert seen == [before]


def test_a_refused_result_ends_the_session(stage):
    """Where the journal refuses results as late another driver is at work: nothing is told, the engine is killed."""
    stage.journal.late = (1,)
    shown = []
    with (
        pytest.raises(StudyHeld, match="took over"),
        Runner(stage.setup(), on_progress=shown.append) as runner,
    ):
        runner.run(stage.trials(3))
    assert stage.session.closed == [True]
    assert all(progress.done == 0 for progress in shown)


def test_a_book_that_cannot_be_written_ends_the_session(stage):
    """A failing append is raised, nothing is counted, and no process stays."""
    stage.journal.broken = BookUnwritable("disk full")
    shown = []
    with pytest.raises(BookUnwritable), Runner(stage.setup(), on_progress=shown.append) as runner:
        runner.run(stage.trials(3))
    assert stage.session.closed == [True]
    assert all(progress.done == 0 for progress in shown)


def test_warm_up_settles_nothing_and_is_not_counted(stage):
    """Only the role `trial` settles and counts."""
    shown = []
    with Runner(stage.setup(total=2), on_progress=shown.append) as runner:
        runner.run(stage.trials(1), role=Role.WARMUP)
        assert shown[-1].done == 0
        runner.run(stage.trials(2))
    assert [event.settles for event in stage.journal.ended] == [False, True, True]
    assert [event.role for event in stage.journal.started] == [Role.WARMUP, Role.TRIAL, Role.TRIAL]
    assert shown[-1].done == 2


class _Judge:
    def __init__(self, script):
        self.script = script
        self.seen = []

    def judge(self, trial, step, metrics):
        self.script.append("judge")
        self.seen.append((trial.condition.assignment["x"], step, dict(metrics)))
        return trial.condition.assignment["x"] == 1


def test_a_watched_step_is_durable_before_it_is_judged(stage):
    """Each step is appended, judged and answered, in that order, and tasks say that they are watched."""
    stage.engine.steps = [(0, {"loss": 0.5})]
    stage.engine.behave = lambda member, before: stage.done(member) if stage.session.answers else None
    judge = _Judge(stage.script)
    with Runner(stage.setup(), watch=judge) as runner:
        runner.run(stage.trials(2))
    assert judge.seen == [(0, 0, {"loss": 0.5}), (1, 0, {"loss": 0.5})]
    assert stage.session.answers == [(1, 0, False), (2, 0, True)]
    assert stage.script[:5] == ["append", "judge", "answer", "judge", "answer"]
    assert all(task.watched for task in stage.session.tasks)
    assert sum(isinstance(event, StepLogged) for event in stage.journal.events) == 2


def test_pruned_trials_are_settled_without_declared_metrics(stage):
    """A trial that a strategy stopped is settled as it is."""
    stage.engine.behave = lambda member, before: Outcome(member.attempt, Status.PRUNED)
    with Runner(stage.setup(stage.study(metrics=(Metric("score"),)))) as runner:
        end = runner.run(stage.trials(1), collect=True)
    assert (end.told[0].status, end.done, stage.journal.ended[0].settles) == ("pruned", 1, True)


class _Many:
    batchable = frozenset({"x"})
    batch_limit = 4

    def run_many(self, parameters, contexts):
        raise AssertionError


def test_neighbours_run_in_one_process_and_a_failed_batch_one_by_one_at_no_cost(stage):
    """Members of a failed batch run alone without spending a retry; the others keep what they have."""
    stage.system = _Many()
    stage.engine.behave = lambda member, before: (
        stage.failed(member, "exception") if member.parameters["x"] == 5 and before == 0 else stage.done(member)
    )
    with Runner(stage.setup(stage.study(limits=Limits(retries={})))) as runner:
        end = runner.run(stage.trials(8))
    assert (end.done, end.failed) == (8, 0)
    assert [len(task.members) for task in stage.session.tasks] == [4, 4, 1, 1, 1, 1]
    assert sum(event.settles for event in stage.journal.ended) == 8


def test_a_task_carries_the_limits_and_the_study_needs(stage):
    """Limits, CPUs, inputs and the timing flag reach the engine, with the settings of the session."""
    study = stage.study(limits=Limits(wall_s=3.0, memory_bytes=5), needs=Needs(cpus=2.5), timing=True)
    with Runner(stage.setup(study, inputs={"labels": "/f"})) as runner:
        runner.run(stage.trials(1))
        assert runner.cautions == ("a fake",)
    task = stage.session.tasks[0]
    assert (task.wall_s, task.memory_bytes, task.cpus, task.timing) == (3.0, 5, 2.5, True)
    assert task.inputs == {"labels": "/f"}
    settings = stage.session.settings
    assert (settings.threads, settings.jobs) == (2, 2)
    assert settings.scratch == stage.folder / "trials" / "3"
    assert settings.mark.startswith("book:")


def test_gpus_are_a_slot_each(stage):
    """Trials that need a GPU get one that no other running trial has, and no more run than there are GPUs."""
    stage.host.found = type(stage.host.found)(8.0, 16 << 30, (0, 1))
    together = []

    def on_poll(session):
        together.append([task.gpus for task in session.running.values()])

    turns = count()
    stage.engine.on_poll = on_poll
    stage.engine.behave = lambda member, before: stage.done(member) if next(turns) % 3 == 2 else None
    study = stage.study(needs=Needs(gpus=1), parallel=type(stage.study().parallel)(jobs=4))
    with Runner(stage.setup(study)) as runner:
        assert runner.run(stage.trials(6)).done == 6
    assert {task.gpus for task in stage.session.tasks} == {(0,), (1,)}
    assert max(len(row) for row in together) == 2
    assert all(len(set(row)) == len(row) for row in together)


def test_a_trial_that_waits_at_the_engine_holds_no_gpu(stage):
    """However many the engine would take ahead: another runner may use the GPU meanwhile."""
    stage.host.found = type(stage.host.found)(8.0, 16 << 30, (0, 1, 2, 3))
    stage.engine.ahead = 4
    held = []
    stage.engine.on_poll = lambda session: held.append(len(session.running) + len(session.queued))
    study = stage.study(needs=Needs(gpus=1), parallel=type(stage.study().parallel)(jobs=2))
    with Runner(stage.setup(study)) as runner:
        assert runner.run(stage.trials(6)).done == 6
    assert max(held) == 2


def test_more_gpus_than_there_are_is_refused_before_anything_starts(stage):
    """A trial that asks for two GPUs on a machine with none ends in one line."""
    with (
        pytest.raises(MissingPart, match="needs 2 GPUs, this machine shows 0"),
        Runner(stage.setup(stage.study(needs=Needs(gpus=2)))),
    ):
        pass
    assert stage.engine.session is None


def test_the_collector_passes_over_what_lives_during_a_session(stage):
    """What lives when a session begins is frozen until it ends; what somebody else has frozen stays so."""
    assert gc.get_freeze_count() == 0
    with Runner(stage.setup()) as runner:
        assert gc.get_freeze_count() > 0
        runner.run(stage.trials(1))
    assert gc.get_freeze_count() == 0
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with Runner(stage.setup()):
            pass
        assert gc.get_freeze_count() > frozen / 2  # some of it may die by its reference count
    finally:
        gc.unfreeze()
