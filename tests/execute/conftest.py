"""A scripted engine and a journal that remembers, for the driver's loop."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from fairtrial.contract.engine import Ended, EngineSettings, Report, Started, Stepped
from fairtrial.contract.system import Target
from fairtrial.execute.runner import Setup
from fairtrial.model.event import AttemptEnded, AttemptStarted, Event
from fairtrial.model.identity import digest
from fairtrial.model.outcome import Failure, FailureClass, Outcome, Status, Usage
from fairtrial.model.study import Needs, Order, Parallel, Study, SystemRef
from fairtrial.model.trial import Condition, Member, Task, Trial

Behave = Callable[[Member, int], Outcome | None]
"""(member, how often these parameters ran before) -> outcome; None: it hangs until it is stopped."""


class Clock:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class MemoryJournal:
    """Remembers every append; `late` and `broken` are what the next ones answer."""

    run = 7
    driver = 3

    def __init__(self, script: list[str]) -> None:
        self.appends: list[tuple[Event, ...]] = []
        self.late: tuple[int, ...] = ()
        self.broken: Exception | None = None
        self._script = script
        self._next = 0

    def next_attempt(self) -> int:
        self._next += 1
        return self._next

    def append(self, events: Sequence[Event]) -> tuple[int, ...]:
        if self.broken is not None:
            raise self.broken
        self._script.append("append")
        self.appends.append(tuple(events))
        return self.late

    @property
    def events(self) -> list[Event]:
        return [event for append in self.appends for event in append]

    @property
    def started(self) -> list[AttemptStarted]:
        return [event for event in self.events if isinstance(event, AttemptStarted)]

    @property
    def ended(self) -> list[AttemptEnded]:
        return [event for event in self.events if isinstance(event, AttemptEnded)]


class FakeSession:
    """Runs up to `jobs` tasks at once; each poll starts what fits and ends what `behave` has an outcome for."""

    cautions = ("a fake",)

    def __init__(self, engine: FakeEngine, settings: EngineSettings) -> None:
        self.engine = engine
        self.settings = settings
        self.jobs = settings.jobs
        self.queued: list[Task] = []
        self.running: dict[int, Task] = {}
        self.reports: list[Report] = []
        self.stopped: list[tuple[int, str]] = []
        self.answers: list[tuple[int, int, bool]] = []
        self.closed: list[bool] = []
        self.tasks: list[Task] = []

    def room(self) -> int:
        return self.jobs + self.engine.ahead - len(self.queued) - len(self.running)

    def submit(self, task: Task) -> None:
        self.tasks.append(task)
        self.queued.append(task)

    def poll(self, timeout_s: float) -> Sequence[Report]:
        if self.engine.on_poll:
            self.engine.on_poll(self)
        while self.queued and len(self.running) < self.jobs:
            task = self.queued.pop(0)
            self.running[task.id] = task
            self.reports.append(Started(task.id, 100 + task.id, 0.5))
            for step in self.engine.steps:
                self.reports.append(Stepped(task.members[0].attempt, *step))
        for task in list(self.running.values()):
            ended = self.engine.end(task)
            if ended is not None:
                del self.running[task.id]
                self.reports.append(ended)
        if not self.reports:
            time.sleep(0.001)
        reports, self.reports = self.reports, []
        return reports

    def stop(self, task: int, reason: str) -> None:
        self.stopped.append((task, reason))
        found = self.running.pop(task, None) or next((one for one in self.queued if one.id == task), None)
        if found is not None and not self.engine.deaf:
            self.queued = [one for one in self.queued if one.id != task]
            status = Status.PRUNED if reason == "pruned" else Status.CANCELLED
            self.reports.append(Ended(task, tuple(Outcome(member.attempt, status) for member in found.members)))

    def answer(self, attempt: int, step: int, *, stop: bool) -> None:
        self.engine.script.append("answer")
        self.answers.append((attempt, step, stop))

    def resize(self, jobs: int) -> None:
        self.jobs = jobs

    def fileno(self) -> int | None:
        return self.engine.descriptor

    def close(self, *, kill: bool) -> None:
        self.closed.append(kill)


class FakeEngine:
    name = "fake"

    def __init__(self, script: list[str]) -> None:
        self.script = script
        self.behave: Behave = lambda member, before: done(member)
        self.ahead = 0
        self.deaf = False
        self.steps: Sequence[tuple[int, dict[str, float]]] = ()
        self.on_poll: Callable[[FakeSession], None] | None = None
        self.session: FakeSession | None = None
        self.descriptor: int | None = None
        self._seen: defaultdict[str, int] = defaultdict(int)

    def open(self, system: Any, target: Target, settings: EngineSettings) -> FakeSession:
        self.session = FakeSession(self, settings)
        return self.session

    def end(self, task: Task) -> Ended | None:
        outcomes = []
        for member in task.members:
            key = str(member.parameters)
            outcome = self.behave(member, self._seen[key])
            if outcome is None:
                return None
            self._seen[key] += 1
            outcomes.append(outcome)
        bad = any(outcome.status is Status.FAILED for outcome in outcomes)
        if bad and len(outcomes) > 1:  # a batch fails as a whole
            return Ended(task.id, tuple(failed(member, "exception") for member in task.members), retry_alone=True)
        return Ended(task.id, tuple(outcomes))


class FakeHost:
    """A machine of a given size."""

    def __init__(self, cpus: float = 4.0, memory_bytes: int = 16 << 30, gpus: tuple[int, ...] = ()) -> None:
        from fairtrial.execute.machine.host import Resources

        self.found = Resources(cpus, memory_bytes, gpus)

    def resources(self) -> Any:
        return self.found


def done(member: Member, wall_s: float = 1.0, **metrics: float) -> Outcome:
    """Make a good outcome."""
    return Outcome(member.attempt, Status.DONE, metrics=metrics or {"score": 1.0}, usage=Usage(wall_s=wall_s))


def failed(member: Member, kind: str = "crash", limiter: str = "") -> Outcome:
    """Make a failure."""
    failure = Failure(FailureClass(kind), f"{kind} on purpose", limiter=limiter)
    return Outcome(member.attempt, Status.FAILED, failure=failure)


def make_trials(count: int, *, start: int = 0) -> Iterable[Trial]:
    """Make trials lazily, one condition each."""
    for x in range(start, start + count):
        parameters = {"x": x, "fixed": {"y": 2}}
        condition = Condition("", {"x": x}, parameters, digest(parameters))
        yield Trial(condition, 0, 11, b"s" * 16, b"i" * 16, position=x)


def make_study(**changes: Any) -> Study:
    """Make a study that runs two at once."""
    plain = {"name": "fake", "system": SystemRef("fake"), "parallel": Parallel(jobs=2), "needs": Needs()}
    return Study(**{**plain, "order": Order(), **changes})


class Stage:
    """Everything that a runner needs, with knobs."""

    def __init__(self, folder: Path, runtime: Path) -> None:
        self.script: list[str] = []
        self.engine = FakeEngine(self.script)
        self.journal = MemoryJournal(self.script)
        self.folder = folder
        self.runtime = runtime
        self.host: Any = FakeHost()
        self.system: Any = object()
        self.done = staticmethod(done)
        self.failed = staticmethod(failed)
        self.trials = staticmethod(make_trials)
        self.study = staticmethod(make_study)

    @property
    def session(self) -> FakeSession:
        assert self.engine.session is not None
        return self.engine.session

    def setup(self, study: Study | None = None, **changes: Any) -> Setup:
        return Setup(
            study=study or make_study(),
            system=self.system,
            target=Target("m:a"),
            engine=self.engine,
            journal=self.journal,
            folder=self.folder,
            mark="book",
            host=self.host,
            runtime=self.runtime,
            **changes,
        )


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Give a fake engine and journal in a folder of their own."""
    return Stage(tmp_path / "book", tmp_path / "run")


@pytest.fixture
def clock() -> Clock:
    """Give a clock that moves only when told."""
    return Clock()
