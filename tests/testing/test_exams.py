"""Tests of the exams: broken plug-ins fail them."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from pydantic import BaseModel, ConfigDict

from fairtrial.contract.engine import Ended, EngineSettings
from fairtrial.contract.strategy import Count
from fairtrial.errors import UserError
from fairtrial.model.event import AttemptStarted
from fairtrial.model.outcome import Failure, FailureClass, Outcome, Status
from fairtrial.model.secret import Secret
from fairtrial.model.study import Metric
from fairtrial.testing.book import MemoryBook, MemoryJournal
from fairtrial.testing.context import FakeContext
from fairtrial.testing.exams import EngineExam, JournalExam, StrategyExam, SystemExam
from fairtrial.testing.exams.engine import drive
from fairtrial.testing.fakes import SUBJECT, FakeEngine, FakeSystem
from fairtrial.testing.making import PROVENANCE, identity_of, member, task
from fairtrial.testing.simulated import Simulated, SimulatedSession
from fairtrial.testing.space import FakeSpace, ListPlan

BROKEN = (AssertionError, pytest.fail.Exception, UserError, StopIteration, ValueError)


class Loose(BaseModel):
    x: float = 0.0


class Shouting(BaseModel):
    model_config = ConfigDict(extra="forbid")
    key: Secret

    def __repr__(self):
        return f"key={self.key.reveal()}"


def measure_of(exam, tmp_path):
    system = exam.make(tmp_path)

    def measure(seed=1):
        return dict(system.run(system.Parameters.model_validate(exam.parameters()), FakeContext(seed)))

    return system, measure


def exam_of(system, **parameters):
    class Exam(SystemExam):
        def make(self, folder):
            return system

        def parameters(self):
            return parameters

    return Exam()


def test_loose_parameters_fail(tmp_path):
    """A model that swallows unknown keys is found."""
    system = FakeSystem()
    system.Parameters = Loose
    with pytest.raises(BROKEN):
        exam_of(system).test_parameters_forbid_extra(system)
    with pytest.raises(UserError, match="forbid"):
        exam_of(system).test_is_a_system(system)


def test_missing_metrics_and_moods_fail(tmp_path):
    """A metric that never comes, and numbers that differ for one seed, are found."""
    system = FakeSystem()
    system.metrics = {**FakeSystem.metrics, "absent": Metric("absent")}
    exam = exam_of(system)
    _, measure = measure_of(exam, tmp_path)
    with pytest.raises(AssertionError):
        exam.test_declared_metrics_are_returned(system, measure)
    moods = itertools.count()
    system.run = lambda parameters, context: {"score": float(next(moods)), "cost": 0.0}
    with pytest.raises(AssertionError):
        exam.test_same_seed_same_result(system, measure)


def test_shown_secrets_fail(monkeypatch):
    """A repr that reveals is found."""
    system = FakeSystem()
    system.Parameters = Shouting
    with pytest.raises(AssertionError):
        exam_of(system, key={"secret": "EXAM"}).test_secrets_do_not_show(system, monkeypatch)


def test_targets_that_do_not_load_fail(tmp_path):
    """A target that a fresh interpreter cannot import is found."""
    system = FakeSystem()
    system.target = lambda: replace(SUBJECT, warm=("no_such_module",))
    with pytest.raises(AssertionError, match="no_such_module"):
        exam_of(system).test_target_loads_in_a_fresh_interpreter(system)


class Twice(SimulatedSession):
    """Reports each end twice."""

    def poll(self, timeout_s):
        reports = list(super().poll(timeout_s))
        return reports + [report for report in reports if isinstance(report, Ended)]


class Numbers(SimulatedSession):
    """Turns failures into zeros."""

    def poll(self, timeout_s):
        return [self._zeroed(report) for report in super().poll(timeout_s)]

    def _zeroed(self, report):
        if not isinstance(report, Ended):
            return report
        return replace(
            report, outcomes=tuple(Outcome(one.attempt, Status.DONE, {"score": 0.0}) for one in report.outcomes)
        )


@pytest.mark.parametrize(
    ("session", "test"),
    [
        (Twice, "test_every_task_ends_once"),
        (Numbers, "test_an_exception_is_a_failure_in_one_line"),
        (Numbers, "test_undefined_is_missing"),
        (Numbers, "test_the_wall_clock_is_a_limit"),
        (Numbers, "test_a_killed_trial_is_a_crash"),
    ],
)
def test_broken_engines_fail(session, test, tmp_path):
    """An engine that reports twice, or makes numbers of failures, is found."""
    settings = EngineSettings(jobs=2, scratch=tmp_path, mark="")

    def start(**words):
        return session(Simulated(), settings.jobs)

    def run(*tasks, **words):
        ended = {report.task: report for report in drive(start(), tasks) if isinstance(report, Ended)}
        return [outcome for one in tasks for outcome in ended[one.id].outcomes]

    method = getattr(EngineExam(), test)
    with pytest.raises(AssertionError):
        method(start if "open_session" in method.__code__.co_varnames else run)


def begin_of(book):
    def begin(**words):
        said = {
            "study": "exam",
            "document": {},
            "system": "fake",
            "identity": identity_of(FakeSystem()),
            "metrics": ["score", "cost"],
            "provenance": PROVENANCE,
            "live": False,
            "fresh": False,
        }
        return book.begin(**{**said, **words})

    return begin


def take_all(self, event, key):
    """Record a result whoever sends it, and however often."""
    if isinstance(event, AttemptStarted):
        self._start(event)
    else:
        self._end(event, self._memory.attempts[key])
    return True


@pytest.mark.parametrize(
    ("change", "test"),
    [
        ({"_owns": lambda self: True, "_take": take_all}, "test_a_late_result_is_refused"),
        ({"forgive": lambda self, trials: len(trials)}, "test_forgiven_failures_run_again"),
        ({"retire": lambda self, keep: 0}, "test_retired_trials_are_kept_and_not_counted"),
        ({"next_attempt": lambda self: 1}, "test_attempts_have_ids_of_their_own"),
        ({"reuse": lambda self, trials: 0}, "test_finished_trials_are_reused"),
        ({"close": lambda self, state, planned: None}, "test_closing_says_how_it_ended"),
    ],
)
def test_broken_books_fail(monkeypatch, change, test):
    """A book that forgets a rule is found by the test of that rule."""
    for name, broken in change.items():
        monkeypatch.setattr(MemoryJournal, name, broken)
    book = MemoryBook()
    method = getattr(JournalExam(), test)
    arguments = (book, begin_of(book)) if "book" in method.__code__.co_varnames else (begin_of(book),)
    with pytest.raises(AssertionError):
        method(*arguments)


class Endless:
    name, learns, asynchronous = "endless", False, False

    def open(self, space, options):
        return EndlessOpened(space)


class EndlessOpened:
    def __init__(self, space):
        self.space = space

    def ask(self):
        return self.space.grid()

    def tell(self, told):
        pass


class Moody(Endless):
    drawn = itertools.count()

    def open(self, space, options):
        made = EndlessOpened(space)
        plans = [ListPlan(space.grid().trials[next(self.drawn) % 3 :], 1), None]
        made.ask = lambda: plans.pop(0)
        return made


class Miscounting(ListPlan):
    def count(self):
        return Count(1, 1)


def strategy_exam(strategy):
    class Exam(StrategyExam):
        def make(self):
            return strategy

    return Exam()


def test_broken_strategies_fail(monkeypatch):
    """One that never ends, repeats nothing, swallows options or miscounts is found."""
    with pytest.raises(AssertionError, match="not ended"):
        strategy_exam(Endless()).test_ends()
    with pytest.raises(AssertionError):
        strategy_exam(Moody()).test_repeats_itself()
    with pytest.raises(pytest.fail.Exception):
        strategy_exam(Moody()).test_unknown_options_are_refused()
    monkeypatch.setattr(
        FakeSpace,
        "grid",
        lambda self: Miscounting([self.trial(self.condition("", {"x": 1.0}), k, k) for k in (0, 1)], 1),
    )
    with pytest.raises(AssertionError):
        strategy_exam(Endless()).test_plans_agree_with_themselves()


def test_the_fake_engine_answers_as_told(tmp_path):
    """A fake engine gives what its function says, failures too, and remembers what it was given."""
    failure = Failure(FailureClass.OOM, "planted")
    engine = FakeEngine(lambda one: failure if one.parameters["x"] > 1 else {"score": 1.0})
    session = engine.open(FakeSystem(), SUBJECT, EngineSettings(jobs=2, scratch=tmp_path, mark=""))
    tasks = [task(member(1, x=1.0)), task(member(2, x=2.0)), task(member(3, x=1.0), member(4, x=2.0))]
    ended = [report for report in drive(session, tasks) if isinstance(report, Ended)]
    assert [one.failure for report in ended for one in report.outcomes] == [None, failure, None, failure]
    assert [report.retry_alone for report in ended] == [False, False, True]
    assert engine.submitted == tasks
    session.submit(task(member(5)))
    session.stop(5, "timeout")
    assert [report.outcomes[0].failure.kind for report in session.poll(0)] == [FailureClass.TIMEOUT]


def test_the_fake_systems_effects_are_where_they_were_planted():
    """Score = slope * x + jump beyond the threshold + noise; inert changes nothing."""
    system = FakeSystem()

    def score(seed=1, **parameters):
        return system.run(system.Parameters(**parameters), FakeContext(seed))["score"]

    assert (score(x=2.0, slope=3.0), score(x=2.0, threshold=2.0, jump=5.0), score(x=1.9, threshold=2.0, jump=5.0)) == (
        6.0,
        7.0,
        1.9,
    )
    assert score(inert=1) == score(inert=2)
    noisy = [score(seed, noise=2.0) for seed in range(400)]
    mean = sum(noisy) / 400
    spread = (sum((one - mean) ** 2 for one in noisy) / 399) ** 0.5
    assert abs(mean) < 4 * 2.0 / 20
    assert 1.7 < spread < 2.3
