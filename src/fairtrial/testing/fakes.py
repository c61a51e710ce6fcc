"""A fake system with planted effects, and a fake engine that answers at once and runs nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from fairtrial.contract.engine import Ended, EngineSettings, Report, Started
from fairtrial.contract.system import Context, System, Target
from fairtrial.model.outcome import Failure, FailureClass, Outcome, Status
from fairtrial.model.study import Direction, Metric
from fairtrial.model.trial import Member, Task
from fairtrial.testing.subject import Subject, measure

SUBJECT = Target(entry="fairtrial.testing.subject:Subject", warm=("fairtrial.testing.subject",))
"""Runs what `FakeSystem` measures, without pydantic."""


class FakeParameters(BaseModel):
    """Where the effects are, and how the trial behaves (see `subject.BEHAVIOURS`)."""

    model_config = ConfigDict(extra="forbid")

    x: float = 0.0
    inert: int = 0
    """Changes the trial's identity and no metric."""
    slope: float = 1.0
    threshold: float | None = None
    jump: float = 0.0
    noise: float = 0.0
    steps: int = 3
    behave: Literal[
        "measure", "raise", "undefined", "text", "nothing", "exit", "kill", "hang", "steps", "print", "files", "batch"
    ] = "measure"


class FakeSystem:
    """A system with planted effects: score = slope * x + jump where x >= threshold + noise, cost = x * x."""

    name = "fake"
    version = "1"
    Parameters = FakeParameters
    metrics: Mapping[str, Metric] = {
        "score": Metric("score", Direction.MAXIMIZE),
        "cost": Metric("cost", Direction.MINIMIZE, unit="1"),
    }

    def run(self, parameters: Any, context: Context) -> Mapping[str, float]:
        """Measure."""
        return Subject().run(parameters.model_dump(mode="json"), context)

    def target(self) -> Target:
        """Say what the worker loads."""
        return SUBJECT


class FakeBatchSystem(FakeSystem):
    """The same, taking up to four trials that differ in `x` or in the seed at once."""

    batchable = frozenset({"x"})
    batch_limit = 4

    def run_many(self, parameters: Sequence[Any], contexts: Sequence[Context]) -> Sequence[Mapping[str, float]]:
        """Measure all."""
        return [self.run(one, context) for one, context in zip(parameters, contexts, strict=True)]


Measure = Callable[[Member], Mapping[str, float | None] | Failure]
"""What a member comes to: metrics, or a failure."""


def planted(member: Member) -> Mapping[str, float | None]:
    """Measure a member as FakeSystem does, without a process."""
    return measure(member.parameters, member)


def outcome_of(member: Member, result: Mapping[str, float | None] | Failure, *, batch: int = 1) -> Outcome:
    """Turn what a member came to into its outcome."""
    if isinstance(result, Failure):
        return Outcome(member.attempt, Status.FAILED, failure=result, batch=batch)
    return Outcome(member.attempt, Status.DONE, metrics=dict(result), batch=batch)


def cancelled(member: Member, reason: str = "cancelled") -> Outcome:
    """Make the outcome of a member that was stopped for a reason that `Session.stop` knows."""
    if reason == "pruned":
        return Outcome(member.attempt, Status.PRUNED)
    if reason == "timeout":
        return Outcome(member.attempt, Status.FAILED, failure=Failure(FailureClass.TIMEOUT, "stopped", limiter="wall"))
    return Outcome(member.attempt, Status.CANCELLED, failure=Failure(FailureClass.CANCELLED, "cancelled"))


class FakeEngine:
    """An engine that answers each task at its next poll; `measure` says with what. `submitted` lists all tasks."""

    name = "fake"

    def __init__(self, measure: Measure = planted) -> None:
        self.measure = measure
        self.submitted: list[Task] = []
        self.sessions: list[FakeSession] = []

    def open(self, system: System, target: Target, settings: EngineSettings) -> FakeSession:
        """Start."""
        session = FakeSession(self, settings.jobs)
        self.sessions.append(session)
        return session


class FakeSession:
    """A fake engine at work."""

    cautions: tuple[str, ...] = ()

    def __init__(self, engine: FakeEngine, jobs: int) -> None:
        self.jobs = jobs
        self.closed = False
        self.answers: list[tuple[int, int, bool]] = []
        self._engine = engine
        self._waiting: deque[Task] = deque()
        self._stopped: list[Report] = []

    def room(self) -> int:
        """Return how many more tasks it takes."""
        return max(0, self.jobs - len(self._waiting))

    def submit(self, task: Task) -> None:
        """Take a task."""
        self._engine.submitted.append(task)
        self._waiting.append(task)

    def poll(self, timeout_s: float) -> Sequence[Report]:
        """End everything that was submitted."""
        reports, self._stopped = self._stopped, []
        while self._waiting:
            reports += self._answer(self._waiting.popleft())
        return reports

    def _answer(self, task: Task) -> list[Report]:
        results = [self._engine.measure(member) for member in task.members]
        size = len(results)
        failed = size > 1 and any(isinstance(result, Failure) for result in results)
        outcomes = tuple(
            outcome_of(member, result, batch=size) for member, result in zip(task.members, results, strict=True)
        )
        return [Started(task.id, pid=0, pid_started=0.0), Ended(task.id, outcomes, retry_alone=failed)]

    def stop(self, task: int, reason: str) -> None:
        """Take back a task that was not answered yet."""
        for waiting in [one for one in self._waiting if one.id == task]:
            self._waiting.remove(waiting)
            self._stopped.append(Ended(task, tuple(cancelled(member, reason) for member in waiting.members)))

    def answer(self, attempt: int, step: int, *, stop: bool) -> None:
        """Note the answer; a fake trial logs no steps."""
        self.answers.append((attempt, step, stop))

    def resize(self, jobs: int) -> None:
        """Change how many tasks it takes at once."""
        self.jobs = jobs

    def fileno(self) -> None:
        """Return None: there is nothing to wait on."""
        return

    def close(self, *, kill: bool) -> None:
        """End."""
        self.closed = True
        self._waiting.clear()
