"""The exam of an engine: every task ends exactly once, failures have their class, and nothing is left behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from fairtrial.contract.engine import Ended, Engine, EngineSettings, Report, Session, Started, Stepped
from fairtrial.model.outcome import FailureClass, Outcome, Status
from fairtrial.model.trial import Task
from fairtrial.testing.fakes import SUBJECT, FakeBatchSystem
from fairtrial.testing.making import member, task
from fairtrial.testing.subject import measure

PATIENCE_S = 60.0
"""How long an answer may take before the exam gives up: a bound for broken engines, no bar of speed."""

Open = Callable[..., Session]
Run = Callable[..., list[Outcome]]


class EngineExam:
    """Subclass it, and say with `make` which engine is examined and what it can do."""

    settings: Mapping[str, Any] = {}
    """Fields of EngineSettings that are examined (such as workers='persistent')."""
    isolates = True
    """A trial that dies takes nothing with it, and may be stopped while it runs."""
    keeps_files = True
    """Scratch folders, tables, files and inputs are real."""
    captures = True
    """What trials print is kept."""
    watches = True
    """A strategy can stop a trial at a step."""

    def make(self) -> Engine:
        """Make the engine."""
        raise NotImplementedError

    @pytest.fixture
    def open_session(self, tmp_path: Path) -> Iterator[Open]:
        """Open sessions that are killed at the end."""
        opened: list[Session] = []

        def start(**words: Any) -> Session:
            scratch = tmp_path / f"scratch-{len(opened)}"
            settings = EngineSettings(**{"jobs": 2, "scratch": scratch, "mark": "exam:0:0", **self.settings, **words})
            opened.append(self.make().open(FakeBatchSystem(), SUBJECT, settings))
            return opened[-1]

        yield start
        for session in opened:
            session.close(kill=True)

    @pytest.fixture
    def run(self, open_session: Open) -> Run:
        """Run tasks to their end in one session: the outcomes, task by task."""

        def outcomes(*tasks: Task, **words: Any) -> list[Outcome]:
            reports = drive(open_session(**words), tasks)
            ended = {report.task: report for report in reports if isinstance(report, Ended)}
            return [outcome for one in tasks for outcome in ended[one.id].outcomes]

        return outcomes

    def test_every_task_ends_once(self, open_session: Open) -> None:
        """Twelve tasks on two jobs: each starts at most once, ends exactly once, with its attempt's id."""
        tasks = [task(member(number, x=float(number))) for number in range(1, 13)]
        reports = drive(open_session(), tasks)
        ended = [report for report in reports if isinstance(report, Ended)]
        assert sorted(report.task for report in ended) == list(range(1, 13))
        assert all([outcome.attempt for outcome in report.outcomes] == [report.task] for report in ended)
        started = [report.task for report in reports if isinstance(report, Started)]
        assert len(started) == len(set(started))
        assert not any(report.retry_alone for report in ended)

    def test_metrics_are_what_the_system_measures(self, run: Run) -> None:
        """Parameters and seed arrive unchanged, and so do the numbers."""
        members = [member(1, x=1 / 3, noise=1.0, seed=5), member(2, x=-1e-300, noise=1.0, seed=2**63 - 1)]
        outcomes = run(*(task(one) for one in members))
        assert [outcome.status for outcome in outcomes] == [Status.DONE] * 2
        assert [dict(outcome.metrics) for outcome in outcomes] == [measure(one.parameters, one) for one in members]

    def test_usage_is_not_negative(self, run: Run) -> None:
        """Wall clock, CPU time and memory of an attempt are numbers."""
        (outcome,) = run(task(member(1)))
        assert min(outcome.usage.wall_s, outcome.usage.cpu_s, outcome.usage.peak_bytes) >= 0

    def test_an_exception_is_a_failure_in_one_line(self, run: Run) -> None:
        """What a trial raises is data: class, one line, and the details beside it."""
        (outcome,) = run(task(member(1, behave="raise", x=2.0)))
        assert outcome.status is Status.FAILED
        assert outcome.failure is not None
        assert outcome.failure.kind is FailureClass.EXCEPTION
        assert "planted failure" in outcome.failure.message
        assert "\n" not in outcome.failure.message
        assert not outcome.metrics

    @pytest.mark.parametrize("behave", ["text", "nothing"])
    def test_a_wrong_result_is_a_failure(self, run: Run, behave: str) -> None:
        """Text for a number, or no mapping at all, is a bad result."""
        (outcome,) = run(task(member(1, behave=behave)))
        assert _failed(outcome) is FailureClass.BAD_RESULT

    def test_undefined_is_missing(self, run: Run) -> None:
        """NaN and infinity are undefined: None, never a number."""
        (outcome,) = run(task(member(1, behave="undefined")))
        assert (outcome.status, dict(outcome.metrics)) == (Status.DONE, {"score": None, "cost": None})

    def test_a_failure_harms_no_other(self, run: Run) -> None:
        """Whatever happens to a trial, the next one is measured."""
        bad = ["raise", "text", "undefined"] + (["kill", "exit"] if self.isolates else [])
        tasks = [task(member(2 * number + 1, behave=behave)) for number, behave in enumerate(bad)]
        good = [task(member(2 * number + 2, x=2.0)) for number in range(len(bad))]
        outcomes = run(*(one for pair in zip(tasks, good, strict=True) for one in pair))
        assert [outcome.status for outcome in outcomes[1::2]] == [Status.DONE] * len(good)

    def test_a_killed_trial_is_a_crash(self, run: Run) -> None:
        """A trial that a signal ended is a crash that names the signal."""
        self._needs_isolation()
        (outcome,) = run(task(member(1, behave="kill")))
        assert _failed(outcome) is FailureClass.CRASH
        assert outcome.failure is not None
        assert outcome.failure.signal == 9

    def test_an_exit_without_a_result_is_a_bad_result(self, run: Run) -> None:
        """A trial that exits with 0 and says nothing has measured nothing."""
        self._needs_isolation()
        (outcome,) = run(task(member(1, behave="exit")))
        assert _failed(outcome) is FailureClass.BAD_RESULT

    def test_the_wall_clock_is_a_limit(self, run: Run) -> None:
        """A trial that hangs ends at its limit as a time-out, and the session goes on."""
        self._needs_isolation()
        late, good = run(task(member(1, behave="hang"), wall_s=0.3), task(member(2)))
        assert _failed(late) is FailureClass.TIMEOUT
        assert late.failure is not None
        assert late.failure.limiter == "wall"
        assert good.status is Status.DONE

    def test_a_running_task_can_be_stopped(self, open_session: Open) -> None:
        """`stop` ends a trial that runs, and one that waits; each ends once, as cancelled."""
        self._needs_isolation()
        session = open_session(jobs=1)
        session.submit(task(member(1, behave="hang")))
        reports = wait(session, lambda seen: any(isinstance(report, Started) for report in seen))
        session.stop(1, "cancelled")
        reports += wait(session, lambda seen: any(isinstance(report, Ended) for report in seen))
        ended = [report for report in reports if isinstance(report, Ended)]
        assert [(report.task, report.outcomes[0].status) for report in ended] == [(1, Status.CANCELLED)]

    def test_stopping_what_is_not_there_does_nothing(self, open_session: Open) -> None:
        """Unknown ids are ignored."""
        session = open_session()
        session.stop(99, "cancelled")
        session.answer(99, 1, stop=True)
        assert [type(report) for report in drive(session, [task(member(1))])][-1] is Ended

    def test_steps_come_in_order_and_before_the_end(self, open_session: Open) -> None:
        """What a trial logs arrives step by step, and its end last."""
        reports = drive(open_session(), [task(member(1, behave="steps", steps=3))])
        seen = [report for report in reports if not isinstance(report, Started)]
        assert [(one.attempt, one.step, dict(one.metrics)) for one in seen if isinstance(one, Stepped)] == [
            (1, step, {"score": float(step)}) for step in range(3)
        ]
        assert isinstance(seen[-1], Ended)

    def test_a_watched_trial_waits_and_may_be_pruned(self, open_session: Open) -> None:
        """A watched trial goes on when it is told to, and ends as pruned when it is not."""
        if not self.watches:
            pytest.skip("the engine does not wait for strategies")
        session = open_session()
        watched = task(member(1, behave="steps", steps=5), watched=True)
        reports = drive(session, [watched], answer=lambda step: step.step >= 2)
        assert [report.step for report in reports if isinstance(report, Stepped)] == [0, 1, 2]
        assert [report.outcomes[0].status for report in reports if isinstance(report, Ended)] == [Status.PRUNED]

    def test_a_batch_gives_one_outcome_each(self, run: Run) -> None:
        """Members of a task are measured together, and each has its own outcome."""
        members = [member(1, x=1.0), member(2, x=2.0), member(3, x=3.0)]
        outcomes = run(task(*members))
        assert [(one.attempt, one.batch, one.metrics["score"]) for one in outcomes] == [
            (1, 3, 1.0),
            (2, 3, 2.0),
            (3, 3, 3.0),
        ]

    def test_a_failed_batch_is_sent_back(self, open_session: Open) -> None:
        """A failure in a batch asks for its members to run alone."""
        batch = task(member(1, x=1.0, behave="batch"), member(2, x=-1.0, behave="batch"))
        (ended,) = (report for report in drive(open_session(), [batch]) if isinstance(report, Ended))
        assert ended.retry_alone
        assert [outcome.attempt for outcome in ended.outcomes] == [1, 2]

    def test_jobs_can_be_changed(self, open_session: Open) -> None:
        """`resize` changes how many run; nothing is lost."""
        session = open_session(jobs=1)
        session.resize(3)
        tasks = [task(member(number)) for number in range(1, 8)]
        first = drive(session, tasks[:4])
        session.resize(1)
        reports = [*first, *drive(session, tasks[4:])]
        assert sorted(report.task for report in reports if isinstance(report, Ended)) == list(range(1, 8))

    def test_output_is_captured(self, run: Run) -> None:
        """What a trial writes to stdout and stderr is kept."""
        if not self.captures:
            pytest.skip("what trials print goes to the terminal")
        (outcome,) = run(task(member(1, behave="print")))
        captured = outcome.captured
        stdout = captured.stdout or Path(captured.stdout_path).read_bytes()
        stderr = captured.stderr or Path(captured.stderr_path).read_bytes()
        assert (b"said on stdout" in stdout, b"said on stderr" in stderr) == (True, True)

    def test_tables_and_files_are_handed_over(self, run: Run) -> None:
        """What a trial keeps is there when its end is reported."""
        if not self.keeps_files:
            pytest.skip("the engine keeps no files")
        (outcome,) = run(task(member(1, behave="files")))
        found = {(one.kind, one.name): Path(one.path) for one in outcome.produced}
        assert set(found) == {("file", "note.txt"), ("table", "rows")}
        assert found["file", "note.txt"].read_text() == "kept\n"
        assert found["table", "rows"].stat().st_size > 0

    def test_closing_ends_what_runs(self, open_session: Open) -> None:
        """`close` may be called twice, and leaves no process behind."""
        import psutil

        self._needs_isolation()
        before = {process.pid for process in psutil.Process().children(recursive=True)}
        session = open_session()
        session.submit(task(member(1, behave="hang")))
        wait(session, lambda seen: any(isinstance(report, Started) for report in seen))
        session.close(kill=True)
        session.close(kill=True)
        after = {process.pid for process in psutil.Process().children(recursive=True)}
        assert after <= before

    def _needs_isolation(self) -> None:
        if not self.isolates:
            pytest.skip("trials run in this very process: they cannot be killed or stopped")


def drive(session: Session, tasks: Sequence[Task], *, answer: Callable[[Stepped], bool] | None = None) -> list[Report]:
    """Submit tasks as there is room, and poll until all have ended; `answer` says at a step whether to stop."""
    waiting, seen, left = list(tasks), list[Report](), len(tasks)
    until = time.monotonic() + PATIENCE_S
    while left:
        assert time.monotonic() < until, f"{left} task(s) have not ended; seen: {seen}"
        while waiting and session.room() > 0:
            session.submit(waiting.pop(0))
        for report in session.poll(0.2):
            seen.append(report)
            left -= isinstance(report, Ended)
            if answer and isinstance(report, Stepped):
                session.answer(report.attempt, report.step, stop=answer(report))
    return seen


def wait(session: Session, enough: Callable[[list[Report]], bool]) -> list[Report]:
    """Poll until enough was reported."""
    seen, until = list[Report](), time.monotonic() + PATIENCE_S
    while not enough(seen):
        assert time.monotonic() < until, f"not reported in time; seen: {seen}"
        seen += session.poll(0.2)
    return seen


def _failed(outcome: Outcome) -> FailureClass | None:
    assert outcome.status is Status.FAILED
    return outcome.failure.kind if outcome.failure else None
