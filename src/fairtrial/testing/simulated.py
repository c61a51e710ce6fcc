"""An engine with virtual time: nothing runs, days pass in milliseconds, and the same seed gives the same history."""

from __future__ import annotations

import contextlib
import heapq
import io
import math
import random
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fairtrial.contract.engine import Ended, EngineSettings, Report, Started, Stepped
from fairtrial.contract.system import System, Target
from fairtrial.model.identity import canonical_json, digest_bytes, is_number, stream_seed
from fairtrial.model.outcome import Captured, Failure, FailureClass, Outcome, Status, Usage
from fairtrial.model.trial import Member, Task
from fairtrial.testing.context import FakeContext
from fairtrial.testing.fakes import cancelled, outcome_of
from fairtrial.testing.subject import Subject

Result = Mapping[str, float | None] | Failure
Step = tuple[int, int, Mapping[str, float | None]]
"""(attempt, step, metrics)"""
Draw = Callable[[random.Random, Task], float]


def exponential(drawn: random.Random, task: Task) -> float:
    """Draw a duration with mean 1 s."""
    return drawn.expovariate(1.0)


class Simulated:
    """Where nothing runs: durations are drawn, crashes are planted, and `poll` moves the clock to the next event.

    Draws depend on the engine's seed, on what a task measures and on how often it was tried, not on the order in
    which tasks come, so a run that is resumed meets the same fate as one that was not.
    """

    name = "simulated"

    def __init__(self, *, seed: int = 0, duration_s: Draw = exponential, crash_rate: float = 0.0) -> None:
        self.seed, self.duration_s, self.crash_rate = seed, duration_s, crash_rate
        self.time_s = 0.0
        """The virtual clock; goes on from one session to the next."""
        self._tries: Counter[bytes] = Counter()

    def clock(self) -> float:
        """Return the virtual time in seconds."""
        return self.time_s

    def open(self, system: System, target: Target, settings: EngineSettings) -> SimulatedSession:
        """Start. Measurements are those of `FakeSystem`, whatever the system."""
        return SimulatedSession(self, settings.jobs)

    def plan(self, task: Task) -> Course:
        """Draw what a task comes to: how long, which steps, which end."""
        key = digest_bytes(canonical_json([[member.parameters, member.seed] for member in task.members]))
        self._tries[key] += 1
        drawn = random.Random(stream_seed(self.seed, f"{key.hex()}/{self._tries[key]}"))  # noqa: S311
        duration, crashes = self.duration_s(drawn, task), drawn.random() < self.crash_rate
        course = Course(task, duration, *_measured(task))
        if any(member.parameters.get("behave") == "hang" for member in task.members):
            course.duration_s = math.inf
        if crashes:
            course.duration_s *= drawn.random()
            course.results = [Failure(FailureClass.CRASH, "planted crash", signal=9)] * len(task.members)
        if task.wall_s is not None and course.duration_s > task.wall_s:
            course.duration_s = task.wall_s
            late = Failure(FailureClass.TIMEOUT, f"ran past {task.wall_s:g} s", limiter="wall")
            course.results = [late] * len(task.members)
        return course


@dataclass(slots=True)
class Course:
    """What will become of a task."""

    task: Task
    duration_s: float
    results: list[Result]
    steps: deque[Step] = field(default_factory=deque)
    """Spread evenly over the duration."""
    captured: Captured = Captured()
    gap_s: float = 0.0
    started_s: float = 0.0


class Agenda:
    """What happens when: steps and ends of running tasks, in order of time."""

    def __init__(self) -> None:
        self._events: list[tuple[float, int, int]] = []
        self._order = 0

    def add(self, at_s: float, task: int) -> None:
        """Note that something happens to a task; never, where the time is infinite."""
        if math.isfinite(at_s):
            self._order += 1
            heapq.heappush(self._events, (at_s, self._order, task))

    def take(self, until_s: float) -> tuple[float, int] | None:
        """Take the next (time, task) off, where it is not later than `until_s`."""
        if not self._events or self._events[0][0] > until_s:
            return None
        at, _, task = heapq.heappop(self._events)
        return at, task


class SimulatedSession:
    """A simulated engine at work."""

    cautions: tuple[str, ...] = ()

    def __init__(self, engine: Simulated, jobs: int) -> None:
        self._engine, self._jobs = engine, jobs
        self._queue: deque[Task] = deque()
        self._courses: dict[int, Course] = {}
        self._agenda = Agenda()
        self._reports: list[Report] = []
        self._held: set[int] = set()
        """Watched tasks that wait for an answer."""

    def room(self) -> int:
        """Return how many more tasks it takes: its jobs and as many ahead."""
        return max(0, 2 * self._jobs - len(self._courses) - len(self._queue))

    def submit(self, task: Task) -> None:
        """Take a task; it starts when a job is free."""
        self._queue.append(task)
        self._fill()

    def poll(self, timeout_s: float) -> Sequence[Report]:
        """Return what happened; where nothing did, move the clock to the next event or by the time-out."""
        if not self._reports:
            self._advance(timeout_s)
        reports, self._reports = self._reports, []
        return reports

    def stop(self, task: int, reason: str) -> None:
        """End a task now."""
        waiting = next((one for one in self._queue if one.id == task), None)
        if waiting is not None:
            self._queue.remove(waiting)
            self._reports.append(Ended(task, tuple(cancelled(member, reason) for member in waiting.members)))
        elif task in self._courses:
            self._end(task, [cancelled(member, reason) for member in self._courses[task].task.members])

    def answer(self, attempt: int, step: int, *, stop: bool) -> None:
        """Let a watched task go on, or prune it."""
        for task in [one for one in self._held if attempt in _attempts(self._courses[one].task)]:
            self._held.discard(task)
            if stop:
                self.stop(task, "pruned")
            else:
                self._agenda.add(self._engine.time_s + self._courses[task].gap_s, task)

    def resize(self, jobs: int) -> None:
        """Change how many tasks run at once."""
        self._jobs = jobs
        self._fill()

    def fileno(self) -> None:
        """Return None: virtual time needs no waiting."""
        return

    def close(self, *, kill: bool) -> None:
        """End; nothing is left, since nothing ran."""
        self._queue.clear()
        self._courses.clear()
        self._agenda = Agenda()
        self._held.clear()

    def _fill(self) -> None:
        while self._queue and len(self._courses) < self._jobs:
            task = self._queue.popleft()
            course = self._engine.plan(task)
            course.started_s = self._engine.time_s
            course.gap_s = course.duration_s / (len(course.steps) + 1)
            self._courses[task.id] = course
            self._reports.append(Started(task.id, pid=0, pid_started=course.started_s))
            self._agenda.add(self._engine.time_s + course.gap_s, task.id)

    def _advance(self, timeout_s: float) -> None:
        limit = self._engine.time_s + timeout_s
        while not self._reports and (event := self._agenda.take(limit)):
            at, task = event
            if task in self._courses:
                self._engine.time_s = at
                self._happen(self._courses[task])
        if not self._reports:
            self._engine.time_s = limit

    def _happen(self, course: Course) -> None:
        if not course.steps:
            self._end(course.task.id, _outcomes(course, self._engine.time_s))
            return
        attempt, step, metrics = course.steps.popleft()
        self._reports.append(Stepped(attempt, step, metrics))
        if course.task.watched:
            self._held.add(course.task.id)
        else:
            self._agenda.add(self._engine.time_s + course.gap_s, course.task.id)

    def _end(self, task: int, outcomes: Sequence[Outcome]) -> None:
        course = self._courses.pop(task)
        self._held.discard(task)
        failed = len(outcomes) > 1 and any(outcome.status is Status.FAILED for outcome in outcomes)
        self._reports.append(Ended(course.task.id, tuple(outcomes), retry_alone=failed))
        self._fill()


def _attempts(task: Task) -> list[int]:
    return [member.attempt for member in task.members]


def _measured(task: Task) -> tuple[list[Result], deque[Step], Captured]:
    results: list[Result] = []
    steps: deque[Step] = deque()
    stdout, stderr = io.StringIO(), io.StringIO()
    for member in task.members:
        context = FakeContext(member.seed)
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            results.append(_result(member, context))
        steps += [(member.attempt, step, metrics) for step, metrics in context.steps]
    return results, steps, Captured(stdout.getvalue().encode(), stderr.getvalue().encode())


def _result(member: Member, context: FakeContext) -> Result:
    behave = member.parameters.get("behave", "measure")
    if behave == "kill":
        return Failure(FailureClass.CRASH, "killed by signal 9", signal=9)
    if behave == "exit":
        return Failure(FailureClass.BAD_RESULT, "exited with 0 and without a result", exit_code=0)
    if behave in ("hang", "files"):
        behave = "measure"
    try:
        returned = Subject().run({**member.parameters, "behave": behave}, context)
    except ValueError as problem:
        return Failure(FailureClass.EXCEPTION, " ".join(f"ValueError: {problem}".split()))
    return _numbers(returned)


def _numbers(returned: object) -> Result:
    if not isinstance(returned, Mapping) or any(isinstance(value, str) for value in returned.values()):
        return Failure(FailureClass.BAD_RESULT, "the result is no mapping of numbers")
    return {name: float(value) if is_number(value) else None for name, value in returned.items()}


def _outcomes(course: Course, now_s: float) -> list[Outcome]:
    size = len(course.results)
    share_s = (now_s - course.started_s) / size
    usage = Usage(wall_s=share_s, cpu_s=share_s)
    return [
        replace(outcome_of(member, result, batch=size), usage=usage, captured=course.captured)
        for member, result in zip(course.task.members, course.results, strict=True)
    ]
